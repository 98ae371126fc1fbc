"""The installation of this folder, without a server: the API's own application, in this process.

What only reads is answered as a server would answer it, as the oldest tenant's operator, who can
read the files anyway. What changes something is refused: that needs a server, whose worker does the
rest. It makes no installation, and opens no socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx

from cloudsealed.auth.authenticator import Authenticator
from cloudsealed.auth.model import ROLE_SCOPES, Caller
from cloudsealed.cli.exchange import DEFAULT_URL, ServerError
from cloudsealed.cli.session import open_installation, settings
from cloudsealed.settings import Window
from cloudsealed.storage.revision import has_schema
from cloudsealed.vocabulary import Role

if TYPE_CHECKING:
    from cloudsealed.wiring import Services

_READING = ("GET", "HEAD", "OPTIONS")
_NO_LIMIT = (Window(10**9, 60),)
_NEVER = "9999-12-31T23:59:59.999Z"
_OPERATOR = "operator"
_NOT_SENT = (b"accept-encoding", b"authorization")  # nothing is coded for nobody


def client() -> httpx.Client:
    """Return a client whose requests are answered here; raises ServerError when nothing is."""
    found = settings()
    if not has_schema(found):
        raise ServerError(
            f"There is no server (CLOUDSEALED_URL is not set) and nothing in {found.data_dir}:"
            " run `cloudsealed audit aws`, or name the server"
        )
    return httpx.Client(transport=_InProcess(open_installation(create=False)), base_url=DEFAULT_URL)


class _InProcess(httpx.BaseTransport):
    """Answers requests by the application, one at a time."""

    def __init__(self, services: Services) -> None:
        from cloudsealed.api.app import create_app  # which is slow to import

        tenants = services.tenants.all()
        if not tenants:
            raise ServerError("There is no tenant yet: run `cloudsealed audit aws`")
        unlimited = replace(services.settings, limit_core=_NO_LIMIT, limit_exports=_NO_LIMIT)
        services.tokens.authenticator = _Operator(tenants[0].id)
        self._services = replace(services, settings=unlimited)
        self._app = create_app(self._services)
        self._runner = asyncio.Runner()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request that only reads; raises ServerError for another, and for whose it is."""
        if request.method not in _READING:
            raise ServerError(
                f"{request.method} {request.url.path} changes something, which needs a server:"
                " run `cloudsealed serve`, and set CLOUDSEALED_URL"
            )
        if request.url.path == "/v1/me":
            raise ServerError(
                "/v1/me is about a credential, and without a server there is none: what reads here"
                " is the operator of this folder; run `cloudsealed serve`, and set CLOUDSEALED_URL"
            )
        return self._runner.run(self._answer(request))

    def close(self) -> None:
        """Close the installation."""
        self._runner.close()
        self._services.database.close()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = _Answer()
        await self._app(_scope(request), _Nothing(), answer)
        return httpx.Response(answer.status, headers=answer.headers, content=bytes(answer.body))


class _Operator(Authenticator):
    """Takes every request for the operator's, who may read whatever a tenant has."""

    def __init__(self, tenant: str) -> None:
        reads = frozenset(scope for scope in ROLE_SCOPES[Role.AUDITOR] if scope.endswith(":read"))
        self._caller = Caller(tenant, _OPERATOR, _OPERATOR, Role.AUDITOR, reads, _NEVER)

    def is_cached(self, text: str, ip: str) -> bool:
        """Say that nothing is looked up."""
        return True

    def authenticate(self, text: str, ip: str, *, deadline: float | None = None) -> Caller:
        """Return the operator."""
        return self._caller

    def forget(self) -> None:
        """Do nothing: there is nothing to forget."""

    def flush(self) -> None:
        """Do nothing: nobody used a token."""


class _Answer:
    """Takes a response as the application sends it."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


class _Nothing:
    """A request without a body, by somebody who does not go away."""

    def __init__(self) -> None:
        self._is_said = False

    async def __call__(self) -> MutableMapping[str, Any]:
        if self._is_said:
            await asyncio.get_running_loop().create_future()
        self._is_said = True
        return {"type": "http.request", "body": b"", "more_body": False}


def _scope(request: httpx.Request) -> dict[str, Any]:
    raw = request.url.raw_path
    path, _, query = raw.partition(b"?")
    headers = [(name.lower(), value) for name, value in request.headers.raw]
    sent = [each for each in headers if each[0] not in _NOT_SENT]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.url.path,
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [*sent, (b"authorization", b"Bearer operator")],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 8000),
    }
