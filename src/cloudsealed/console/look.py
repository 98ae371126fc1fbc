"""Views: pages that show what the API answers, for whoever is logged in.

A view gathers what its template shows by asking the API; its address holds its whole state, so
that it can be sent to a colleague. It decides nothing: what a visitor may not see or do, the API
refuses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from cloudsealed.auth.model import Scope as Right
from cloudsealed.console.asking import Asking, Inside, path_to
from cloudsealed.console.counts import Counts
from cloudsealed.console.forms import fields_of
from cloudsealed.console.rendering import redirect
from cloudsealed.console.same import same
from cloudsealed.console.visits import Need, Reception, Visit
from cloudsealed.kit.errors import CloudSealedError, InvalidFieldError
from cloudsealed.kit.threads import run_in_threadpool

Query = Mapping[str, Sequence[str]]
_MOST_PARAMETERS = 200
_SHOWN = {400, 409, 412, 422, 429}
"""Refusals that a page shows beside what it was asked, instead of a page of their own."""


@dataclass(frozen=True, slots=True)
class Look:
    """One request for a view. `form` is what was sent, `error` why it was refused, `told` what its
    act found out, which is shown at once."""

    visit: Visit
    api: Asking
    query: Query
    form: Query
    path: Mapping[str, str]
    counts: Counts
    error: CloudSealedError | None = None
    told: Any = None

    @property
    def ident(self) -> str:
        """The object that the path names."""
        return self.path["id"]

    def one(self, name: str, otherwise: str = "") -> str:
        """Return the first value of a parameter of the address."""
        return next(iter(self.query.get(name, ())), otherwise)

    def sent(self, name: str) -> str:
        """Return the first value of a field of the form, without space around it."""
        return next(iter(self.form.get(name, ())), "").strip()

    @property
    def is_recent(self) -> bool:
        """Whether the visitor has given their password lately, as guarded forms ask."""
        return self.visit.services.sessions.is_recent(self.visit.me.session)

    @property
    def wrong(self) -> dict[str, str]:
        """What is wrong with each field, by its name in the API's body."""
        details = self.error.details if self.error is not None else ()
        return {str(each["field"]): str(each["message"]) for each in details}

    def words_sent(self, name: str) -> list[str] | None:
        """Return the words of a field of the form, between space or commas; None of none."""
        return self.sent(name).replace(",", " ").split() or None

    def may(self, *rights: Right) -> bool:
        """Say whether the visitor has all of these rights."""
        return set(rights) <= self.visit.me.caller.scopes

    def address(self, **changes: str | Sequence[str] | None) -> str:
        """Return this view's address with other parameters; None leaves one out.

        The cursor goes, as it belongs to what was asked before.
        """
        wanted: dict[str, Any] = {**self.query, "cursor": None, **changes}
        text = urlencode({n: v for n, v in wanted.items() if v}, doseq=True)
        return f"{self.visit.prefix}{self.visit.path}" + (f"?{text}" if text else "")

    def toggled(self, name: str, value: str) -> str:
        """Return this view's address with one more, or one less, value of a parameter."""
        held = list(self.query.get(name, ()))
        kept = [each for each in held if each != value] if value in held else [*held, value]
        return self.address(**{name: kept})


Gather = Callable[[Look], Awaitable[Mapping[str, Any] | str]]
Act = Callable[[Look], Awaitable[str | Mapping[str, Any] | None]]


@dataclass(frozen=True, slots=True)
class View:
    """A page: its path, its template, what it asks for, and what its forms do; `act` returns the
    path to go on to, or what the page then shows as `look.told`, None with what was sent. `gather`
    returns a path where another page is what was asked for."""

    path: str
    template: str
    gather: Gather
    act: Act | None = None
    need: Need = Need.USER
    guarded: bool = False
    """Whether its forms say who gets in, so that they need a password given lately."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A path below which the API's own answer is given as it is: a file, or a stream.

    `frames` when a page of ours shows it within itself, instead of its being saved as a file.
    """

    path: str
    target: str
    frames: bool = False


class Views:
    """Answers requests for views."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._inside: Inside | None = None
        self._counts = Counts()

    def connect(self, inside: Inside) -> None:
        """Take the API that is asked."""
        self._inside = inside

    def routes(self, view: View) -> list[Route]:
        """Return the routes of a view."""

        async def show(request: Request) -> Response:
            visit = await run_in_threadpool(self._reception.visit, request)
            if (away := self._reception.sent_away(view.need, visit)) is not None:
                return self._reception.outward(away)
            return await self._shown(view, self._look(request, visit))

        async def act(request: Request) -> Response:
            assert view.act is not None
            form = await fields_of(request)
            visit = await run_in_threadpool(self._reception.visit, request)
            given = replace(visit, form={"csrf": next(iter(form.get("csrf", ())), "")})
            await run_in_threadpool(self._reception.check, request, given, visit.path)
            need = Need.RECENT if view.guarded else view.need
            if (away := self._reception.sent_away(need, visit)) is not None:
                return self._reception.outward(away)
            look = replace(self._look(request, visit), form=form)
            try:
                done = await view.act(look)
            except CloudSealedError as error:
                if error.status not in _SHOWN:
                    raise
                return await self._shown(view, replace(look, error=error))
            if done is None:
                return await self._shown(view, look)
            self._counts.forget(visit.me.caller.tenant_id)
            if isinstance(done, str):
                return self._reception.outward(redirect(done))
            return await self._shown(view, replace(look, form={}, told=done))

        routes = [Route(view.path, show)]
        return [*routes, Route(view.path, act, methods=["POST"])] if view.act else routes

    def passage(self, passage: Passage) -> Route:
        """Return the route of a passage."""
        return Route(passage.path, _Passing(self, passage))

    async def pass_on(self, passage: Passage, request: Request, send: Send) -> Response | None:
        """Pass the API's answer on, or return where the visitor is sent instead."""
        visit = await run_in_threadpool(self._reception.visit, request)
        if (away := self._reception.sent_away(Need.USER, visit)) is not None:
            return self._reception.outward(away)
        query = request.scope["query_string"].decode("latin-1")
        path = path_to(passage.target, **request.path_params)
        api = self._look(request, visit).api
        joint = "&" if "?" in path else "?"
        await api.pass_on(request.receive, send, f"{path}{joint}{query}" if query else path)
        return None

    def _look(self, request: Request, visit: Visit) -> Look:
        assert self._inside is not None, "the pages are served beside the API"
        query = _query(request)
        api = None
        if visit.login:
            again = partial(self._reception.still, visit)
            caller = visit.me.caller
            api = Asking(self._inside, request.scope, caller=caller, again=again)
        return Look(visit, api, query, {}, request.path_params, self._counts)  # type: ignore[arg-type]

    async def _shown(self, view: View, look: Look) -> Response:
        try:
            values = await view.gather(look)
        except CloudSealedError as refused:
            if refused.status not in _SHOWN or not look.query:
                raise
            # What the address asks for is refused: say so, and show the view without it.
            look.api.asked.clear()
            look = replace(look, query={}, error=refused)
            values = await view.gather(look)
        if isinstance(values, str):
            return self._reception.outward(redirect(values))
        return await run_in_threadpool(self._rendered, view, look, values)

    def _rendered(self, view: View, look: Look, values: Mapping[str, Any]) -> Response:
        error = look.error
        shared = {"look": look, "same": same(look.api), "error": error}
        if error is not None:
            shared["status"] = error.status
        return look.visit.shell(view.template, **{**shared, **values})


def _query(request: Request) -> dict[str, list[str]]:
    raw, found = request.scope["query_string"].decode("latin-1"), dict[str, list[str]]()
    try:
        pairs = parse_qsl(raw, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        message = f"The address has more than {_MOST_PARAMETERS} parameters: take some out"
        raise InvalidFieldError("query", message) from None
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


class _Passing:
    """A passage as an ASGI application."""

    def __init__(self, views: Views, passage: Passage) -> None:
        self._views, self._passage = views, passage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        outgoing = _framed(send) if self._passage.frames else send
        answer = await self._views.pass_on(self._passage, request, outgoing)
        if answer is not None:
            await answer(scope, receive, send)


def _framed(send: Send) -> Send:
    """Let a page of this server, and none else, show the answer within itself."""

    async def framing(message: Any) -> None:
        if message["type"] == "http.response.start":
            policy = (b"content-security-policy", b"frame-ancestors 'self'")
            kept = [(n, v) for n, v in message["headers"] if n.lower() != b"content-disposition"]
            message["headers"] = [*kept, policy]
        await send(message)

    return framing
