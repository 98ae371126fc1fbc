"""How a page gets what it shows: it asks the API's own operations, as its visitor.

So a page can show nothing that the API would not, and can say how to get the same by the API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import orjson
from starlette.types import Receive, Scope, Send

from cloudsealed.auth.model import Caller
from cloudsealed.kit.errors import CloudSealedError

Query = Mapping[str, str | Sequence[str] | None]


class Inside(Protocol):
    """The API within this process."""

    def base(self, outer: Mapping[str, Any]) -> str:
        """Return what the addresses of the API begin with for the visitor of a page."""

    async def serve(
        self,
        outer: Scope,
        receive: Receive,
        send: Send,
        *,
        caller: Caller,
        again: Callable[[], Caller | None],
        method: str | None,
        target: str,
        headers: Sequence[tuple[bytes, bytes]],
    ) -> None:
        """Answer a request for `target`, a path with its query, within a page's request."""


class ApiRefusedError(CloudSealedError):
    """The API refused what a page asked; its code and status are the API's."""

    def __init__(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        error = orjson.loads(content)["error"]
        kept = {n: v for n, v in headers.items() if n in ("retry-after", "allow")}
        super().__init__(error["message"], details=error.get("details", ()), headers=kept)
        self.code, self.status = error["code"], status  # type: ignore[misc]  # of this answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered, a 2xx."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def value(self) -> Any:
        """What its JSON says; None of an empty one."""
        return orjson.loads(self.content) if self.content else None


def path_to(form: str, **parts: str) -> str:
    """Return a path of the API, the `{name}`s of its form filled in: whatever a part holds, it
    stays one part, so that nothing but what it names is asked for."""
    return form.format(**{name: quote(part, safe="") for name, part in parts.items()})


def target(path: str, query: Query) -> str:
    """Return a path with a query; what is None or empty is left out."""
    text = urlencode({name: value for name, value in query.items() if value}, doseq=True)
    return f"{path}?{text}" if text else path


class Asking:
    """Asks the API for one page, and remembers what was asked."""

    def __init__(
        self, inside: Inside, outer: Scope, *, caller: Caller, again: Callable[[], Caller | None]
    ) -> None:
        """`again` asks whether the visitor is still logged in: a stream outlasts the request."""
        self._inside, self._outer = inside, outer
        self._caller, self._again = caller, again
        self.base = inside.base(outer)
        self.asked: list[tuple[str, str, Any]] = []
        """Method, path with query, and body of what was asked, in order."""

    async def get(self, path: str, **query: str | Sequence[str] | None) -> Any:
        """Return what the API answers; raises ApiRefusedError."""
        wanted = target(path, query)
        self.asked.append(("GET", wanted, None))
        return (await self.ask("GET", wanted)).value

    async def value(self, path: str, **query: str | Sequence[str] | None) -> Any:
        """Return what the API answers to what is not worth telling beside the page."""
        return (await self.ask("GET", target(path, query))).value

    async def send(
        self, method: str, path: str, body: Any = None, *, match: str | None = None
    ) -> Any:
        """Return what the API answers to a change; raises ApiRefusedError."""
        self.asked.append((method, path, body))
        return (await self.ask(method, path, body, match=match)).value

    async def ask(
        self, method: str, wanted: str, body: Any = None, *, match: str | None = None
    ) -> Answer:
        """Return the API's answer, whole; raises ApiRefusedError."""
        raw = b"" if body is None else orjson.dumps(body)
        headers = [(b"accept", b"application/json"), (b"host", self._header(b"host"))]
        if body is not None:
            headers += [(b"content-type", b"application/json")]
            headers += [(b"content-length", str(len(raw)).encode())]
        if match is not None:
            headers += [(b"if-match", match.encode())]
        kept = _Kept()
        await self._inside.serve(
            self._outer,
            _whole(raw),
            kept,
            caller=self._caller,
            again=self._again,
            method=method,
            target=wanted,
            headers=headers,
        )
        if kept.status >= 400:
            raise ApiRefusedError(kept.status, bytes(kept.content), kept.headers)
        return Answer(kept.status, kept.headers, bytes(kept.content))

    async def pass_on(self, receive: Receive, send: Send, wanted: str) -> None:
        """Answer the page's request by the API's answer as it is: a file, or a stream."""
        names = (b"accept", b"accept-encoding", b"range", b"if-range", b"if-none-match")
        also = (b"last-event-id", b"host")
        headers = [item for item in self._outer["headers"] if item[0] in (*names, *also)]
        await self._inside.serve(
            self._outer,
            receive,
            send,
            caller=self._caller,
            again=self._again,
            method=None,
            target=wanted,
            headers=headers,
        )

    def _header(self, name: bytes) -> bytes:
        return next((v for n, v in self._outer["headers"] if n == name), b"")


def _whole(raw: bytes) -> Receive:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    return receive


class _Kept:
    """The send side of a request that a page makes."""

    def __init__(self) -> None:
        self.status, self.headers, self.content = 500, dict[str, str](), bytearray()

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {n.decode(): v.decode("latin-1") for n, v in message["headers"]}
        else:
            self.content += message.get("body", b"")
