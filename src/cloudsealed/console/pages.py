"""The routes of the pages. Every form is bound to the visitor's cookie and to what it is about.

A page decides nothing of its own: services say what is allowed, and refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from cloudsealed.auth.model import Caller
from cloudsealed.auth.oauth import redirects
from cloudsealed.auth.oauth.errors import OAuthError
from cloudsealed.auth.oauth.model import Asked
from cloudsealed.auth.oauth.parameters import Parameters, read
from cloudsealed.auth.session_store import Session
from cloudsealed.auth.sessions import CsrfFailedError, InvalidLoginError
from cloudsealed.auth.user_store import User
from cloudsealed.console.cookies import SessionCookie
from cloudsealed.console.forms import form_of, here, target
from cloudsealed.console.rendering import error_page, page, redirect, stylesheet
from cloudsealed.console.words import SCOPES
from cloudsealed.kit.errors import CloudSealedError, InvalidFieldError
from cloudsealed.wiring import Services

AUTHORIZE, LOGIN, LOGOUT, ACCOUNT = "/oauth/authorize", "/login", "/logout", "/account"
HASHING_THREADS = 2  # argon2 takes a core and 64 MiB each time


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page: a cookie's secret, and the session behind it if there is one."""

    secret: str
    session: Session | None
    user: User | None
    caller: Caller | None = None


class Console:
    """The pages of an installation, as the API's application takes them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._sessions = services.sessions
        self._oauth = services.oauth
        self._cookie = SessionCookie(services.settings.public_url.startswith("https:"))
        self._hashing: anyio.CapacityLimiter | None = None
        self.routes: Sequence[BaseRoute] = (
            Route(AUTHORIZE, self._consent),
            Route(AUTHORIZE, self._decide, methods=["POST"]),
            Route(LOGIN, self._login),
            Route(LOGIN, self._log_in, methods=["POST"]),
            Route(LOGOUT, self._log_out, methods=["POST"]),
            Route(ACCOUNT, self._account),
            Route(ACCOUNT, self._revoke, methods=["POST"]),
            Route("/static/console.css", _style),
        )

    def owns(self, path: str) -> bool:
        """Say whether a path is a page's."""
        return path in (AUTHORIZE, LOGIN, LOGOUT, ACCOUNT)

    def visitor(self, scope: Scope) -> str | None:
        """Return the id of the session that a request belongs to, None when there is none."""
        session = self._sessions.find(self._cookie.read(scope))
        return session.id if session is not None else None

    def refusal(self, error: CloudSealedError, request_id: str) -> Response:
        """Return the page of an error."""
        return error_page(error, request_id)

    # Authorization

    async def _consent(self, request: Request) -> Response:
        """Ask the user what an app asks for."""
        asked = await self._asked(request)
        if isinstance(asked, Response):
            return asked
        visitor = await self._visitor(request)
        if visitor.user is None or visitor.caller is None:
            return redirect(f"{LOGIN}?{urlencode({'next': here(request)})}")
        return await run_in_threadpool(
            self._consent_page, request, asked, visitor, visitor.user, visitor.caller
        )

    async def _decide(self, request: Request) -> Response:
        """Do as the user decided."""
        form = await form_of(request)
        visitor = await self._visitor(request)
        self._check(request, visitor, form, here(request))
        asked = await self._asked(request)
        if isinstance(asked, Response):
            return asked
        if visitor.user is None or visitor.caller is None:
            return redirect(f"{LOGIN}?{urlencode({'next': here(request)})}")
        decision = form.values.get("decision")
        if decision not in ("allow", "deny"):
            raise InvalidFieldError("decision", "decision must be one of: allow, deny")
        if decision == "deny":
            return redirect(self._oauth.deny(asked))
        return redirect(await run_in_threadpool(self._oauth.allow, asked, visitor.caller))

    async def _asked(self, request: Request) -> Asked | Response:
        """Return what an app asks for, or the redirect that refuses it."""
        try:
            return await run_in_threadpool(self._oauth.ask, request.scope["query_string"])
        except OAuthError as error:
            return redirect(error.location)

    def _consent_page(
        self, request: Request, asked: Asked, visitor: Visitor, user: User, caller: Caller
    ) -> Response:
        offered = self._oauth.offered(asked, caller)
        form = here(request)
        return page(
            "consent.html", form_target=redirects.source(asked.redirect_uri), app=asked.app,
            publisher=self._services.tenants.get(tenant=asked.app.tenant_id).name,
            is_foreign=asked.app.tenant_id != user.tenant_id, user=user,
            place=redirects.place(asked.redirect_uri), scopes=[SCOPES[name] for name in offered],
            action=form, token=self._sessions.form_token(visitor.secret, form),
        )  # fmt: skip

    # Login

    async def _login(self, request: Request) -> Response:
        """Show the login form; who is logged in goes on."""
        goal = target(_query(request).get("next"), ACCOUNT)
        visitor = await self._visitor(request)
        if visitor.user is not None:
            return redirect(goal)
        return self._login_page(visitor.secret, goal)

    async def _log_in(self, request: Request) -> Response:
        """Check e-mail and password; a new session replaces whatever the cookie held."""
        form = await form_of(request)
        visitor = await self._visitor(request)
        self._check(request, visitor, form, LOGIN)
        goal = target(form.values.get("next"), ACCOUNT)
        email, password = form.values.get("email", ""), form.values.get("password", "")
        user = await anyio.to_thread.run_sync(
            lambda: self._services.logins.log_in(email=email, password=password),
            limiter=self._limiter(),
        )
        if user is None:
            return self._login_page(visitor.secret, goal, email=email, failed=True)
        response = redirect(goal)
        if visitor.session is not None:
            await run_in_threadpool(self._sessions.close, visitor.session)
        self._cookie.write(response, await run_in_threadpool(self._sessions.open, user))
        return response

    def _login_page(
        self, secret: str, goal: str, *, email: str = "", failed: bool = False
    ) -> Response:
        status = InvalidLoginError.status if failed else 200
        response = page(
            "login.html", status=status, next=goal, email=email, failed=failed,
            code=InvalidLoginError.code, token=self._sessions.form_token(secret, LOGIN),
        )  # fmt: skip
        if failed:  # a 401 names a scheme (RFC 9110, 15.5.2); browsers do not ask for this one
            response.headers["WWW-Authenticate"] = 'Bearer realm="cloudsealed"'
        self._cookie.write(response, secret)
        return response

    async def _log_out(self, request: Request) -> Response:
        """End the session."""
        form = await form_of(request)
        visitor = await self._visitor(request)
        self._check(request, visitor, form, LOGOUT)
        response = redirect(LOGIN)
        if visitor.session is not None:
            await run_in_threadpool(self._sessions.close, visitor.session)
        self._cookie.write(response, self._sessions.fresh())
        return response

    # Account

    async def _account(self, request: Request) -> Response:
        """Show what the user's apps may do."""
        visitor = await self._visitor(request)
        if visitor.user is None:
            return redirect(LOGIN)
        return await run_in_threadpool(self._account_page, visitor, visitor.user)

    def _account_page(self, visitor: Visitor, user: User) -> Response:
        grants = self._services.grants.of_user(tenant=user.tenant_id, user_id=user.id)
        described = [(grant, [SCOPES[name] for name in grant.scopes]) for grant in grants]
        return page(
            "account.html", user=user, grants=described,
            tenant=self._services.tenants.get(tenant=user.tenant_id),
            token=self._sessions.form_token(visitor.secret, ACCOUNT),
            logout_token=self._sessions.form_token(visitor.secret, LOGOUT),
        )  # fmt: skip

    async def _revoke(self, request: Request) -> Response:
        """End a grant of the user's own."""
        form = await form_of(request)
        visitor = await self._visitor(request)
        self._check(request, visitor, form, ACCOUNT)
        if visitor.caller is None:
            return redirect(LOGIN)
        caller, ident = visitor.caller, form.values.get("grant", "")
        await run_in_threadpool(lambda: self._services.grants.revoke(caller=caller, ident=ident))
        return redirect(ACCOUNT)

    # What the routes share

    async def _visitor(self, request: Request) -> Visitor:
        ip = request.client.host if request.client else ""
        return await run_in_threadpool(self._look_up, self._cookie.read(request.scope), ip)

    def _look_up(self, text: str, ip: str) -> Visitor:
        session = self._sessions.find(text)
        if session is None:
            return Visitor(self._sessions.kept(text), None, None)
        user = self._services.users.get(tenant=session.tenant_id, ident=session.user_id)
        return Visitor(text, session, user, self._sessions.caller(session, user, ip))

    def _check(self, request: Request, visitor: Visitor, form: Parameters, name: str) -> None:
        """Raise CsrfFailedError unless the form is this server's own, and this visitor's."""
        if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise CsrfFailedError("The form comes from another site")
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            raise CsrfFailedError("The form comes from another site")
        self._sessions.check_form(visitor.secret, name, form.values.get("csrf", ""))

    def _limiter(self) -> anyio.CapacityLimiter:
        if self._hashing is None:  # belongs to the loop that serves
            self._hashing = anyio.CapacityLimiter(HASHING_THREADS)
        return self._hashing


async def _style(request: Request) -> Response:
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(stylesheet(), 200, headers, "text/css")


def _query(request: Request) -> dict[str, str]:
    try:
        return read(request.scope["query_string"]).values
    except OAuthError:
        return {}
