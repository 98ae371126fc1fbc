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
_waited_on: dict[int, Any] = {}  # by the identity of a thread: the connection that it waits on


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
        try:
            response = self._session.send(request)
            body = _Body(_bounded(response.raw, self._largest))
            answer = AWSResponse(response.url, response.status_code, response.headers, body)
            answer.content  # noqa: B018 - botocore's own session has read it too
            return answer
        finally:
            _waited_on.pop(threading.get_ident(), None)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._session.close()


def within(seconds: float, work: Callable[[], Any]) -> Any:
    """Return what `work` returns, raise what it raises; after `seconds` hang up its connection and
    raise TimeoutError."""
    results: list[Any] = []
    errors: list[Exception] = []

    def run() -> None:
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
        hang_up(thread)
        raise TimeoutError
    return results[0]


def hang_up(thread: threading.Thread) -> None:
    """End the connection that `thread` waits on, if it does; it then hears that there is no more.

    One that has not yet connected ends by its own time-out, which does not start anew.
    """
    connection = _waited_on.pop(thread.ident or 0, None)
    held = getattr(connection, "sock", None)
    if held is not None:
        with contextlib.suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)


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
        _waited_on[threading.get_ident()] = self
        return super().request(*args, **kwargs)


class _SecureConnection(AWSHTTPSConnection):  # type: ignore[misc]  # untyped
    def request(self, *args: Any, **kwargs: Any) -> Any:
        _waited_on[threading.get_ident()] = self
        return super().request(*args, **kwargs)


class _Pool(AWSHTTPConnectionPool):  # type: ignore[misc]  # untyped
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):  # type: ignore[misc]  # untyped
    ConnectionCls = _SecureConnection
