"""The bytes of an answer: no more of them than a limit, and no thread that waits for them for ever.

botocore reads a body whole, however large, and a socket's time-out starts anew with each byte. Here
a body is read piece by piece and left at the limit, and whoever gives up on a call hangs up its
connection, which ends the thread that waits on it. Bodies are asked for without a coding, and none
is undone, so a small body never becomes a large one.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
    AWSResponse,
)

LARGEST_ANSWER = 16 * 2**20
"""Bytes of a body; a page of a thousand resources has a few millions."""

_PIECE = 2**16
_here = threading.local()  # `call`: what the thread works on


class TooLargeError(Exception):
    """A body is larger than the limit; never leaves this package."""


class Wire:
    """The HTTP session of one client, in place of botocore's own."""

    def __init__(self, session: Any, largest: int) -> None:
        # botocore has no public way to choose the connections of a client.
        session._pool_classes_by_scheme.update(http=_Pool, https=_SecurePool)
        self._session = session
        self._largest = largest

    def send(self, request: Any) -> AWSResponse:
        """Send a prepared request; raises TooLargeError and what botocore's session does."""
        request.stream_output = True  # its body is read here
        response = self._session.send(request)
        body = _Body(_bounded(response.raw, self._largest))
        answer = AWSResponse(response.url, response.status_code, response.headers, body)
        answer.content  # noqa: B018 - botocore's own session has read it too
        return answer

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._session.close()


def within(seconds: float, work: Callable[[], Any]) -> Any:
    """Return what `work` returns, raise what it raises; after `seconds` hang up its connection and
    raise TimeoutError."""
    results: list[Any] = []
    errors: list[Exception] = []
    call = _Call()

    def run() -> None:
        _here.call = call
        try:
            results.append(work())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="answer", daemon=True)
    thread.start()
    thread.join(max(seconds, 0.0))
    if errors:
        raise errors[0]
    if not results:
        call.hang_up()
        raise TimeoutError
    return results[0]


class _Call:
    """The connection that a thread waits on, and whether anybody still waits for the thread."""

    def __init__(self) -> None:
        self._held: socket.socket | None = None
        self._given_up = False

    def waits_on(self, held: socket.socket | None) -> None:
        """Note the connection; raises TimeoutError when it is wanted no more."""
        self._held = held
        if self._given_up:
            self.hang_up()
            raise TimeoutError

    def hang_up(self) -> None:
        """End the connection: who waits on it then hears that there is no more.

        One that is only being made ends by its own time-out, or as soon as it is there.
        """
        self._given_up = True
        if self._held is not None:
            with contextlib.suppress(OSError):
                self._held.shutdown(socket.SHUT_RDWR)


def _waited_on(held: socket.socket | None) -> None:
    if (call := getattr(_here, "call", None)) is not None:
        call.waits_on(held)


class _Body:
    """A body that has been read, as a response's stream."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self) -> Iterator[bytes]:
        yield self._data


def _bounded(raw: Any, largest: int) -> bytes:
    said = raw.headers.get("content-length", "")
    pieces, size = [], int(said) if said.isdecimal() and len(said) < 20 else 0
    if size <= largest:
        size = 0
        for piece in raw.stream(_PIECE, decode_content=False):
            size += len(piece)
            if size > largest:
                break
            pieces.append(piece)
    if size > largest:
        raw.close()  # and its connection, which is full of the rest
        raise TooLargeError
    return b"".join(pieces)


class _Connection(AWSHTTPConnection):  # type: ignore[misc]  # untyped
    def request(self, *args: Any, **kwargs: Any) -> Any:
        _waited_on(self.sock)  # kept from an earlier call, or not yet made
        sent = super().request(*args, **kwargs)
        _waited_on(self.sock)
        return sent


class _SecureConnection(AWSHTTPSConnection):  # type: ignore[misc]  # untyped
    def request(self, *args: Any, **kwargs: Any) -> Any:
        _waited_on(self.sock)  # kept from an earlier call, or not yet made
        sent = super().request(*args, **kwargs)
        _waited_on(self.sock)
        return sent


class _Pool(AWSHTTPConnectionPool):  # type: ignore[misc]  # untyped
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):  # type: ignore[misc]  # untyped
    ConnectionCls = _SecureConnection
