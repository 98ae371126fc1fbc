"""HTTP/1.1 whose heads and bodies are bounded in size and time.

What uvicorn would refuse in words of its own, or not at all, is handed to the application as a
refusal, so that it leaves by the gate: in the contract's shape, with an id and the budget headers.
It judges nothing that arrived whole; that is the gate's and the operation's.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from cloudsealed.api.errors import (
    HeadersTooLargeError,
    InvalidRequestError,
    RequestTimeoutError,
    UriTooLongError,
)
from cloudsealed.api.gate.head import LONGEST_HEAD, LONGEST_URI, REFUSAL
from cloudsealed.api.phrases import CALLED
from cloudsealed.kit.errors import CloudSealedError

STATUS_LINE.update({n: f"HTTP/1.1 {n} {name}\r\n".encode() for n, name in CALLED.items()})
SECONDS = {"head": 10.0, "body": 30.0}


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `_part` is what it waits for: a head, a body, or None."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._part: str | None = "head"
        self._size = 0  # of a head that has not ended
        self._is_refused = False
        self._timer: asyncio.TimerHandle | None = None
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._await(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived, unless the connection was refused."""
        if self._is_refused:
            return
        part = self._part
        super().data_received(data)
        if self._part == "head" and part != "body":
            self._size += len(data) - (data.rfind(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else 0)
            if self._size > LONGEST_HEAD:
                self._refuse(self._oversized())
        self._watch()

    def on_message_begin(self) -> None:
        """Wait for the rest of a new head."""
        super().on_message_begin()
        self._await("head")

    def on_headers_complete(self) -> None:
        """Wait for the body."""
        super().on_headers_complete()
        self._await("body")

    def on_message_complete(self) -> None:
        """Wait for nothing: uvicorn closes an idle connection itself."""
        super().on_message_complete()
        self._await(None)

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be parsed; uvicorn calls this."""
        self._refuse(InvalidRequestError("The request is not HTTP/1.1"))

    def _await(self, part: str | None) -> None:
        self._part, self._size = part, 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self) -> None:
        """Start the clock of what has not arrived yet; most requests arrive at once.

        A connection that has asked nothing yet is idle, as it is after an answer.
        """
        if self._part is not None and self._timer is None and not self._is_refused:
            is_idle = self._part == "head" and not self._size
            wait = self.timeout_keep_alive if is_idle else SECONDS[self._part]
            self._timer = self.loop.call_later(wait, self._late)

    def _late(self) -> None:
        part = self._part
        assert part is not None, "the clock of nothing does not run"
        if part == "head" and not self._size:  # nothing was asked
            self.transport.close()
            return
        wait = SECONDS[part]
        self._refuse(RequestTimeoutError(f"The {part} did not arrive within {wait:g} seconds"))

    def _oversized(self) -> CloudSealedError:
        if len(self.url) > LONGEST_URI:
            return UriTooLongError(f"The path and query must be at most {LONGEST_URI} bytes")
        return HeadersTooLargeError(f"The request's head must be at most {LONGEST_HEAD} bytes")

    def _refuse(self, error: CloudSealedError) -> None:
        """Have the application answer `error` after what it answers already, and then close."""
        current: RequestResponseCycle | None = self.cycle
        in_body = self._part == "body"
        self._is_refused = True
        self._await(None)
        if in_body and current is not None:
            if current.response_started:
                self.transport.close()
                return
            current.disconnected = True  # its answer would come too late
            current.message_event.set()
        cycle = self._refusal(error)
        is_free = not self.pipeline and (current is None or current.response_complete)
        if in_body or is_free:
            self.cycle = cycle
            self._start_asgi_task(cycle, self.app)
        else:
            self.pipeline.appendleft((cycle, self.app))

    def _refusal(self, error: CloudSealedError) -> RequestResponseCycle:
        scope: Any = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "path": "",
            "raw_path": b"",
            "query_string": b"",
            "headers": [],
            "root_path": self.root_path,
            "scheme": self.scheme,
            "server": self.server,
            "client": self.client,
            "state": {},
            REFUSAL: error,
        }
        cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        cycle.more_body = False
        return cycle
