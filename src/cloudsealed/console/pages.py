"""The pages of an installation, as the API's application takes them."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from cloudsealed.console import account, consent, credentials, device, login
from cloudsealed.console.rendering import error_page, stylesheet
from cloudsealed.console.visits import ACCOUNT, Reception
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.wiring import Services

_PAGES = (*consent.PAGES, *device.PAGES, *login.PAGES, *account.PAGES, *credentials.PAGES)
_PATHS = frozenset(page.path for page in _PAGES)
_UNDER = tuple(page.path.partition("{")[0] for page in _PAGES if "{" in page.path)
_HASHING = frozenset(page.path for page in _PAGES if page.hashes)


class Console:
    """The routes, and what the gate asks about them."""

    def __init__(self, services: Services) -> None:
        self._database, self._sessions = services.database, services.sessions
        self.home = ACCOUNT
        self._reception = Reception(services)
        pages = (route for page in _PAGES for route in self._reception.routes(page))
        self.routes: Sequence[BaseRoute] = (*pages, Route("/static/console.css", _style))

    def owns(self, path: str) -> bool:
        """Say whether a path is a page's."""
        return path in _PATHS or path.startswith(_UNDER)

    def takes_password(self, path: str) -> bool:
        """Say whether the page's form takes a password, so that its use is a try to log in."""
        return path in _HASHING

    def visitor(self, scope: Scope, deadline: float | None) -> str | None:
        """Return the id of the session that a request belongs to, None when there is none."""
        with self._database.hurried(deadline):
            session = self._sessions.find(self._reception.cookie.read(scope))
        return session.id if session is not None else None

    def refusal(self, error: CloudSealedError, request_id: str) -> Response:
        """Return the page of an error."""
        return error_page(error, request_id, self._reception.prefix)


async def _style(request: Request) -> Response:
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(stylesheet(), 200, headers, "text/css")
