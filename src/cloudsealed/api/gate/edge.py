"""The outermost layer: takes the public URL's path off a request, and codes what leaves.

Coded is text that is worth it. Never what holds a secret (`no-store`) or a page with a form, whose
length would tell of it (BREACH); never a stream of events, a file that is sent with ranges, or what
is compressed already. It knows nothing of requests besides.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsealed.api.gate import coding
from cloudsealed.api.gate.place import Place

SMALLEST = 1024  # bytes that a body has at least to be worth it
_LONG = 1024 * 1024  # what is longer is coded in a thread
_TEXTS = (
    "application/json",
    "application/problem+json",
    "application/jsonl",
    "application/x-ndjson",
    "application/javascript",
    "image/svg+xml",
    "text/",
)
_NEVER = ("text/html", "text/event-stream")
_NO_BODY = (204, 304)
_VARY = (b"vary", b"Accept-Encoding")
Message = MutableMapping[str, Any]


class Edge:
    """ASGI middleware around the gate."""

    def __init__(self, app: ASGIApp, place: Place) -> None:
        self._app = app
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._app(self._place.inside(scope), receive, _Coded(scope, send))


class _Coded:
    """The send side of one response: its head is held until it is known what the body is."""

    __slots__ = ("_accepted", "_encoder", "_head", "_is_head", "_send")

    def __init__(self, scope: Scope, send: Send) -> None:
        named = [value for name, value in scope["headers"] if name == b"accept-encoding"]
        self._accepted = b",".join(named).decode("latin-1")
        self._is_head = scope["method"] == "HEAD"
        self._send = send
        self._head: Message | None = None
        self._encoder: coding.Encoder | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = dict(message["headers"])
            if message["status"] == 304 or _is_text(message["status"], headers):
                message["headers"] = [*message["headers"], _VARY]
            name = coding.choose(self._accepted)
            if name in (None, coding.IDENTITY) or not _is_text(message["status"], headers):
                await self._send(message)
            else:
                self._head = {**message, "coding": name, "length": headers.get(b"content-length")}
        elif message["type"] != "http.response.body":
            await self._send(message)
        elif self._head is not None:
            await self._begin(self._head, message)
        elif self._encoder is not None:
            await self._send(_coded(self._encoder, message))
        else:
            await self._send(message)

    async def _begin(self, head: Message, message: Message) -> None:
        """Send the head, and of the body what there is."""
        self._head = None
        name, length = head.pop("coding"), head.pop("length")
        body = message.get("body", b"")
        more = message.get("more_body", False)
        size = int(length) if length is not None else len(body)
        if not more and size < SMALLEST and not coding.refuses_identity(self._accepted):
            await self._send(head)
        elif self._is_head:  # what its length would be is not worth finding out
            await self._send({**head, "headers": _headers(head["headers"], name, None)})
        elif more:
            self._encoder = coding.encoder(name)
            await self._send({**head, "headers": _headers(head["headers"], name, None)})
            message = _coded(self._encoder, message)
        else:
            body = await _whole(name, body)
            await self._send({**head, "headers": _headers(head["headers"], name, len(body))})
            message = {**message, "body": body}
        await self._send(message)


async def _whole(name: str, body: bytes) -> bytes:
    if len(body) < _LONG:
        return coding.whole(name, body)
    return await run_in_threadpool(coding.whole, name, body)


def _is_text(status: int, headers: MutableMapping[bytes, bytes]) -> bool:
    kind = headers.get(b"content-type", b"").decode("latin-1")
    return (
        status not in _NO_BODY
        and kind.startswith(_TEXTS)
        and not kind.startswith(_NEVER)
        and b"no-store" not in headers.get(b"cache-control", b"")
        and not headers.keys() & {b"content-encoding", b"accept-ranges", b"content-range"}
    )


def _headers(
    headers: Iterable[tuple[bytes, bytes]], name: str, length: int | None
) -> list[tuple[bytes, bytes]]:
    """Return the headers of a coded body: its tag is weak, for its bytes are not those it names."""
    found = [
        (key, b"W/" + value if key == b"etag" and not value.startswith(b"W/") else value)
        for key, value in headers
        if key != b"content-length"
    ]
    found.append((b"content-encoding", name.encode()))
    return found if length is None else [*found, (b"content-length", b"%d" % length)]


def _coded(encoder: coding.Encoder, message: Message) -> Message:
    body = encoder.piece(message.get("body", b""))
    if not message.get("more_body", False):
        body += encoder.end()
    return {**message, "body": body}
