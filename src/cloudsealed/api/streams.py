"""Files that are sent in pieces while they are made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from contextlib import suppress

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
        super().__init__(_in_threads(pieces), 200, headers, media_type)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if isinstance(self._pieces, Generator):
                with suppress(ValueError):  # a piece is being made, and ends with its thread
                    self._pieces.close()


async def _in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Have each piece made in a thread: who reads slowly holds none meanwhile."""
    while (piece := await run_in_threadpool(next, pieces, None)) is not None:
        yield piece
