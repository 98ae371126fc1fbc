"""Files that are sent in pieces while they are made."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Generator, Iterator, Mapping

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from cloudsealed.api.operation import Stream
from cloudsealed.kit.threads import run_in_threadpool


def streamed(reply: Stream) -> Response:
    """Return a file as an answer."""
    disposition = f'attachment; filename="{reply.filename}"'
    headers = {"Content-Disposition": disposition}
    return _Streamed(reply.pieces, headers, reply.media_type)


class _Streamed(StreamingResponse):
    """A file whose pieces end with the response, also when the client goes away: what they hold
    would else be held until memory is next cleaned up."""

    def __init__(
        self, pieces: Iterator[bytes], headers: Mapping[str, str], media_type: str
    ) -> None:
        super().__init__(self._in_threads(), 200, headers, media_type)
        self._pieces = pieces
        self._turn = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            asyncio.get_running_loop().run_in_executor(None, self._close)

    async def _in_threads(self) -> AsyncIterator[bytes]:
        """Have each piece made in a thread: who reads slowly holds none meanwhile."""
        while (piece := await run_in_threadpool(self._next)) is not None:
            yield piece

    def _next(self) -> bytes | None:
        with self._turn:
            return next(self._pieces, None)

    def _close(self) -> None:
        """End the pieces, once the one that is being made for nobody is made."""
        with self._turn:
            if isinstance(self._pieces, Generator):
                self._pieces.close()
