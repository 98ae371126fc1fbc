"""The three shapes of a refusal: the API's envelope, OAuth's body (RFC 6749, 5.2), and a page.

Pages come from whoever composes the application; without them every refusal is JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Scope

from cloudsealed.api import accept
from cloudsealed.api.errors import envelope, served
from cloudsealed.api.inside import Inside
from cloudsealed.kit.errors import CloudSealedError

METADATA_PATH = "/.well-known/oauth-protected-resource"
_JSON = "application/json"
_HTML = "text/html"
_OAUTH = "/oauth/"
_OF_PROGRAMS = ("/v1", _OAUTH, "/.well-known/")


class Pages(Protocol):
    """Server-rendered pages, served beside the API."""

    routes: Sequence[BaseRoute]
    home: str
    """The path of the page that people begin with."""

    def connect(self, inside: Inside) -> None:
        """Take the API, which pages ask for what they show."""

    def route(self, path: str) -> str | None:
        """Return the route of the page that has a path, None when no page has."""

    def takes_password(self, path: str) -> bool:
        """Say whether the page's form takes a password, so that its use is a try to log in."""

    def visitor(self, scope: Scope, deadline: float | None) -> str | None:
        """Return the id of the session that a request belongs to, None when there is none; each
        read has `deadline` seconds."""

    def refusal(
        self, error: CloudSealedError, request_id: str, request: Request | None
    ) -> Response:
        """Return the page of an error; with the request, as its visitor likes pages and knows their
        way."""


class Faces:
    """Writes refusals. `issuer` is the public address, which 401s lead clients to (RFC 9728)."""

    def __init__(self, issuer: str, pages: Pages | None) -> None:
        self._challenge = f', resource_metadata="{issuer.rstrip("/")}{METADATA_PATH}"'
        self.pages = pages

    def page(self, path: str) -> Pages | None:
        """Return the pages if a path is one of theirs."""
        return self.pages if self.pages is not None and self.pages.route(path) else None

    def are_for_people(self, path: str, request: Request) -> bool:
        """Say whether a refusal is a page, which reads who visits."""
        return (self.page(path) or self._lost(path, request)) is not None

    def refusal(
        self, path: str, error: CloudSealedError, request_id: str, request: Request | None = None
    ) -> Response:
        """Return the response of an error, in the shape of the path's clients."""
        known = served(error)
        if pages := self.page(path) or self._lost(path, request):
            return pages.refusal(known, request_id, request)
        headers = {name: self._extended(value) for name, value in known.headers.items()}
        if path.startswith(_OAUTH):
            content = flat(oauth_code(known), known.message, request_id)
            return Response(content, known.status, {**headers, "Cache-Control": "no-store"}, _JSON)
        return Response(envelope(known, request_id), known.status, headers, _JSON)

    def _lost(self, path: str, request: Request | None) -> Pages | None:
        """Return the pages if somebody looks for one where nothing is: at no path of programs."""
        if request is None or request.method != "GET" or path.startswith(_OF_PROGRAMS):
            return None
        wanted = accept.choose(request.headers.get("accept", ""), (_JSON, _HTML))
        return self.pages if wanted == _HTML else None

    def _extended(self, header: str) -> str:
        return header + self._challenge if header.startswith("Bearer ") else header


def flat(code: str, description: str, request_id: str) -> bytes:
    """Return the body of an OAuth refusal; the RFC allows few characters in a description."""
    allowed = "".join(c for c in description if " " <= c <= "~" and c not in '"\\')
    body = {"error": code, "error_description": allowed, "request_id": request_id}
    return orjson.dumps(body)


def oauth_code(error: CloudSealedError) -> str:
    """Return RFC 6749's code for an error that is not OAuth's own."""
    if error.status in (429, 503):
        return "temporarily_unavailable"
    return "server_error" if error.status >= 500 else "invalid_request"
