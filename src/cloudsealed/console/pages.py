"""The pages of an installation, as the API's application takes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from cloudsealed.console import account, consent, credentials, device, login
from cloudsealed.console.asking import Inside
from cloudsealed.console.look import Views
from cloudsealed.console.rendering import asset, error_page, error_title
from cloudsealed.console.views import PASSAGES, VIEWS
from cloudsealed.console.visits import HOME, KNOWN, Reception, Visit
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.wiring import Services

_PAGES = (*consent.PAGES, *device.PAGES, *login.PAGES, *account.PAGES, *credentials.PAGES)
_ROUTES = [
    *(page.path for page in _PAGES),
    *(view.path for view in VIEWS),
    *(passage.path for passage in PASSAGES),
]
_LITERAL = frozenset(path for path in _ROUTES if "{" not in path)
_PATTERNS = [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), path) for path in _ROUTES if "{" in path]
_ALONE = frozenset(
    page.path
    for page in (*consent.PAGES, *device.PAGES, *login.PAGES)  # no script runs in them
)
_HASHING = frozenset(page.path for page in _PAGES if page.hashes)


class Console:
    """The routes, and what the gate asks about them."""

    def __init__(self, services: Services) -> None:
        self._database, self._sessions = services.database, services.sessions
        self.home = HOME
        self._reception = Reception(services)
        self._views = Views(self._reception)
        self.routes: Sequence[BaseRoute] = (
            *(route for page in _PAGES for route in self._reception.routes(page)),
            *(self._views.passage(passage) for passage in PASSAGES),
            *(route for view in VIEWS for route in self._views.routes(view)),
            Route("/static/{name}", asset),
        )

    def connect(self, inside: Inside) -> None:
        """Take the API, which views ask."""
        self._views.connect(inside)

    def route(self, path: str) -> str | None:
        """Return the route of the page that has a path, None when no page has."""
        if path in _LITERAL:
            return path
        return next((route for form, route in _PATTERNS if form.fullmatch(path)), None)

    def takes_password(self, path: str) -> bool:
        """Say whether the page's form takes a password, so that its use is a try to log in."""
        return path in _HASHING

    def visitor(self, scope: Scope, deadline: float | None) -> str | None:
        """Return the id of the session that a request belongs to, None when there is none; the page
        need not ask again."""
        with self._database.hurried(deadline):
            known = self._sessions.who(self._reception.cookie.read(scope))
        scope[KNOWN] = known
        return known[0].id if known is not None else None

    def refusal(
        self, error: CloudSealedError, request_id: str, request: Request | None
    ) -> Response:
        """Return the page of an error: in the frame of views for who is logged in, where the page
        has it."""
        if request is None:
            return error_page(error, request_id, self._reception.prefix)
        if self.route(request.scope["path"]) not in _ALONE:
            with suppress(CloudSealedError):  # such as of a database that is gone
                visit = self._reception.visit(request)
                if visit.login is not None:
                    return _framed(visit, error, request_id)
        taste = self._reception.tastes.read(request)
        return error_page(error, request_id, self._reception.prefix, taste)


def _framed(visit: Visit, error: CloudSealedError, request_id: str) -> Response:
    answer = visit.shell(
        "error.html",
        frame="shell.html",
        status=error.status,
        title=error_title(error),
        refused=error,
        request_id=request_id,
    )
    answer.headers.update(error.headers)
    return answer
