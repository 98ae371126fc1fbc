"""What every page does first: who visits, is the form their own, may they see it.

A page decides nothing of its own: services say what is allowed, and refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloudsealed.auth.model import Caller, Scope
from cloudsealed.auth.oauth.errors import OAuthError
from cloudsealed.auth.oauth.parameters import read
from cloudsealed.auth.session_store import Session
from cloudsealed.auth.sessions import CsrfFailedError, ReauthenticationRequiredError
from cloudsealed.auth.user_store import User
from cloudsealed.console.cookies import Cookie, device_cookie, session_cookie
from cloudsealed.console.forms import form_of, here
from cloudsealed.console.language import LANGUAGES, worded
from cloudsealed.console.line import AT_ONCE, Line
from cloudsealed.console.rendering import page, redirect
from cloudsealed.console.shell import shown_to
from cloudsealed.console.taste import Taste, Tastes
from cloudsealed.kit.addresses import budget_key
from cloudsealed.kit.errors import CloudSealedError, MissingFieldError
from cloudsealed.kit.threads import run_in_threadpool, write_in_threadpool
from cloudsealed.wiring import Services

LOGIN, CONFIRM, ACCOUNT = "/login", "/confirm", "/account"
HOME, TASTE = "/overview", "/taste"
KNOWN = "cloudsealed.known"
"""Where a request's scope holds its session and user, None of a stranger."""

_SHOWN_STATUS = {409, 422}  # errors about fields, which the form shows at their place


class Need(Enum):
    """What a page asks of its visitor."""

    NOTHING = auto()
    USER = auto()
    RECENT = auto()
    """Their password within the last hour: what the page does is dangerous."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user who is logged in, and the caller whom they are to services."""

    session: Session
    user: User
    caller: Caller


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page. `prefix` is the path of the public URL, `known_by` what the device's
    cookie holds, `form` what was sent, `error` why it was refused."""

    services: Services
    prefix: str
    cookie: Cookie
    device: Cookie
    path: str
    here: str
    address: str
    known_by: str
    secret: str
    query: Mapping[str, str]
    ident: str = ""
    login: Login | None = None
    taste: Taste = Taste()
    tastes: Tastes | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    error: CloudSealedError | None = None

    @property
    def me(self) -> Login:
        """The user, on a page that needs one."""
        assert self.login is not None, "the page needs a user"
        return self.login

    def to_login(self) -> Response:
        """Send the visitor to the login page, and back here from it."""
        return redirect(f"{LOGIN}?{urlencode({'next': self.here})}")

    def token(self, form: str) -> str:
        """Return what the form with this name must send back."""
        return self.services.sessions.form_token(self.secret, form)

    @property
    def _has_apps(self) -> bool:
        return self.login is not None and Scope.APPS_WRITE in self.login.caller.scopes

    def shell(self, template: str, **values: Any) -> Response:
        """Return a page within the frame that all views have, in which the script runs."""
        return self.page(template, scripted=True, **values)

    def page(self, template: str, **values: Any) -> Response:
        """Return a page, with what the account pages share."""
        shared: dict[str, Any] = {
            "prefix": self.prefix,
            "path": self.path,
            "values": self.form,
            "error": self.error,
            "errors": _fields(self.error) if self.error else {},
            "token": self.token(self.path),
            "logout_token": self.token("/logout"),
            "user": self.login.user if self.login else None,
            "has_apps": self._has_apps,
            "status": self.error.status if self.error else 200,
            "nav": shown_to(self.login.caller.scopes) if self.login else (),
            "now": self.services.clock(),
            "here": self.here,
            "languages": LANGUAGES,
            "taste_token": self.token(TASTE),
        }
        return page(template, taste=self.taste, **{**shared, **values})


Act = Callable[[Visit], Response]


@dataclass(frozen=True, slots=True)
class Page:
    """One page: how it is shown, and what its form does. `hashes` when that takes a password."""

    path: str
    show: Act | None
    act: Act | None = None
    need: Need = Need.RECENT
    hashes: bool = False
    about: Callable[[Request], str] = lambda request: str(request.scope["path"])
    """What its form is bound to, besides the visitor."""


class Reception:
    """Answers requests for pages."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._sessions = services.sessions
        public = urlsplit(services.settings.address)
        self._host, self.prefix = public.netloc, public.path.rstrip("/")
        secure, path = public.scheme == "https", self.prefix or "/"
        self.cookie = session_cookie(secure=secure, path=path)
        self.device = device_cookie(secure=secure, path=path)
        self.tastes = Tastes(secure=secure, path=path)
        self._lines: Mapping[bool, tuple[Line, anyio.CapacityLimiter]] = {}

    def routes(self, found: Page) -> list[Route]:
        """Return the routes of a page."""

        async def show(request: Request) -> Response:
            return self.outward(await run_in_threadpool(self._show, found, request))

        async def act(request: Request) -> Response:
            form = await form_of(request)
            work = partial(self._act, found, request, form.values)
            return self.outward(
                await (
                    self._in_line(request, form.values, work)
                    if found.hashes
                    else write_in_threadpool(work)
                )
            )

        routes = [Route(found.path, show)] if found.show else []
        return [*routes, Route(found.path, act, methods=["POST"])] if found.act else routes

    def outward(self, answer: Response) -> Response:
        """Send a redirect to a path of ours below the public URL's."""
        if answer.headers.get("location", "").startswith("/"):
            answer.headers["Location"] = self.prefix + answer.headers["Location"]
        return answer

    async def _in_line(
        self, request: Request, form: Mapping[str, str], work: Callable[[], Response]
    ) -> Response:
        """Do what hashes a password when its turn has come, on a thread of its own."""
        if not self._lines:  # they belong to the loop that serves
            self._lines = {
                known: (Line(), anyio.CapacityLimiter(AT_ONCE)) for known in (False, True)
            }
        known = await run_in_threadpool(self._is_known, request, form.get("email", ""))
        line, threads = self._lines[known]
        async with line.turn(budget_key(_address(request))):
            return await anyio.to_thread.run_sync(work, limiter=threads)

    def _is_known(self, request: Request, email: str) -> bool:
        """Say whether an account knows the place or device, or who sends the form is logged in."""
        device = self.device.read(request.scope)
        if self._services.logins.knows(email=email, ip=_address(request), device=device):
            return True
        return self._sessions.find(self.cookie.read(request.scope)) is not None

    def _show(self, found: Page, request: Request) -> Response:
        assert found.show is not None
        visit = self.visit(request)
        if (away := self.sent_away(found.need, visit)) is not None:
            return away
        return found.show(visit)

    def _act(self, found: Page, request: Request, form: Mapping[str, str]) -> Response:
        assert found.act is not None
        visit = replace(self.visit(request), form=form)
        self.check(request, visit, found.about(request))
        if visit.login is None and found.need is not Need.NOTHING:
            return visit.to_login()
        if found.need is Need.RECENT and not self._sessions.is_recent(visit.me.session):
            raise ReauthenticationRequiredError("Confirm that it is you, then do it again")
        try:
            return found.act(visit)
        except CloudSealedError as error:
            if found.show is None or error.status not in _SHOWN_STATUS or not _fields(error):
                raise
            return found.show(replace(visit, error=error))

    def sent_away(self, need: Need, visit: Visit) -> Response | None:
        """Return where a visitor is sent who is not, or not recently enough, logged in."""
        if need is Need.NOTHING:
            return None
        if visit.login is None:
            return visit.to_login()
        if need is Need.RECENT and not self._sessions.is_recent(visit.login.session):
            return redirect(f"{CONFIRM}?{urlencode({'next': visit.here})}")
        return None

    def visit(self, request: Request) -> Visit:
        """Return who asks for what; reads the session."""
        text = self.cookie.read(request.scope)
        address = _address(request)
        known = self._known(request, text)
        login = self._logged_in(*known, address) if known is not None else None
        return Visit(
            self._services,
            self.prefix,
            self.cookie,
            self.device,
            request.scope["path"],
            here(request),
            address,
            self.device.read(request.scope),
            text if login else self._sessions.kept(text),
            _query(request),
            request.path_params.get("id", ""),
            login,
            taste=self.tastes.read(request),
            tastes=self.tastes,
        )

    def _known(self, request: Request, text: str) -> tuple[Session, User] | None:
        if KNOWN not in request.scope:
            return self._sessions.who(text)
        found: tuple[Session, User] | None = request.scope[KNOWN]
        return found

    def _logged_in(self, session: Session, user: User, address: str) -> Login:
        return Login(session, user, self._sessions.caller(session, user, address))

    def still(self, visit: Visit) -> Caller | None:
        """Return who the visitor is now, None when they are logged out; asking is no use of the
        session."""
        known = self._sessions.who(visit.secret, used=False)
        return self._logged_in(*known, visit.address).caller if known is not None else None

    def check(self, request: Request, visit: Visit, about: str) -> None:
        """Raise CsrfFailedError unless the form is this server's own, and this visitor's."""
        if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise CsrfFailedError("The form comes from another site")
        origin = request.headers.get("origin")
        ours = (request.headers.get("host"), self._host)  # a proxy may call the server otherwise
        if origin is not None and urlsplit(origin).netloc not in ours:
            raise CsrfFailedError("The form comes from another site")
        self._sessions.check_form(visit.secret, about, visit.form.get("csrf", ""))


def _fields(error: CloudSealedError) -> dict[str, str]:
    """Return what is wrong with each field, for people: without the name that programs use."""
    texts = {str(item["field"]): str(item["message"]) for item in error.details}
    if isinstance(error, MissingFieldError):
        return dict.fromkeys(texts, worded("This is needed"))
    return {name: _sentence(text.removeprefix(f"{name} ")) for name, text in texts.items()}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _query(request: Request) -> dict[str, str]:
    try:
        return read(request.scope["query_string"]).values
    except OAuthError:
        return {}
