"""A stream of an audit's events as a response (WHATWG HTML, server-sent events).

An event is how the audit stands, its id that state: a client that comes back with `Last-Event-ID`
is told what it does not know. The stream ends with the audit; who asks again then gets 204, which
keeps browsers from asking for ever.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cloudsealed.api.feed import MEDIA_TYPE, Feed, Watcher
from cloudsealed.audits.model import Standing

BEAT_SECONDS = 15.0
PATIENCE = 30.0  # seconds that a client may leave unread what it was sent
_RETRY = b"retry: 2000\n\n"  # milliseconds until a client that lost the stream comes back
_BEAT = b": still here\n\n"
_HEADERS = [
    (b"content-type", f"{MEDIA_TYPE}; charset=utf-8".encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
]


class EventStream(Response):
    """The response. `first` is how the audit stands when it begins."""

    def __init__(
        self, feed: Feed, stream: Watcher, first: Standing, *, only_head: bool = False
    ) -> None:
        super().__init__()
        self._feed = feed
        self._stream = stream
        self._first = first
        self._only_head = only_head
        self._status: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the audit ends, the client goes, or the right to see it is gone.

        Raises RateLimitedError and ServiceUnavailableError before anything is sent.
        """
        stream = self._stream
        if self._first.status.is_final and self._first.tag == stream.sent:
            await _answer(send, 204)
            return
        if self._only_head:
            await _answer(send, 200)
            return
        self._feed.enter(stream)
        gone = asyncio.create_task(_end_when_gone(stream, receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            stream.tell(self._first)
            with suppress(TimeoutError):  # the client does not read: breaking off tells it
                await _send(send, _RETRY)
                await self._tell(send)
                await _send(send, b"", more=False)
        finally:
            self._feed.leave(stream)
            gone.cancel()

    async def _tell(self, send: Send) -> None:
        stream = self._stream
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(stream.moved.wait(), BEAT_SECONDS)
            stream.moved.clear()
            news, stream.news = stream.news, None
            if stream.is_over:
                return
            if news is None:
                await _send(send, _BEAT)
                continue
            stream.sent = news.tag
            await _send(send, self._event(news))
            if news.status.is_final:
                return

    def _event(self, news: Standing) -> bytes:
        name = "progress" if news.status == self._status else "status"
        self._status = news.status
        return f"event: {name}\nid: {news.tag}\ndata: ".encode() + news.public() + b"\n\n"


async def _end_when_gone(stream: Watcher, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()


async def _answer(send: Send, status: int) -> None:
    headers = _HEADERS if status == 200 else _HEADERS[1:2]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _send(send: Send, body: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(PATIENCE):
        await send({"type": "http.response.body", "body": body, "more_body": more})
