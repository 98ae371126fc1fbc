"""The bytes of AWS's answers, bounded, and connections that are hung up.

botocore reads a body whole, however large, and a socket's time-out starts anew with each byte.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
    AWSResponse,
)

from cloudsealed.collectors.calling.wire import TooLargeError, bounded, waits_on
from cloudsealed.kit.memory import return_large_blocks

_PIECE = 2**16


class Wire:
    """The HTTP session of one client, in place of botocore's own."""

    def __init__(self, session: Any, largest: int) -> None:
        # botocore has no public way to choose the connections of a client.
        session._pool_classes_by_scheme.update(http=_Pool, https=_SecurePool)
        return_large_blocks()
        self._session = session
        self._largest = largest

    def send(self, request: Any) -> AWSResponse:
        """Send a prepared request; raises TooLargeError and what botocore's session does."""
        request.stream_output = True  # its body is read here
        response = self._session.send(request)
        body = _Body(_read(response.raw, self._largest))
        answer = AWSResponse(response.url, response.status_code, response.headers, body)
        answer.content  # noqa: B018 - botocore's own session has read it too
        return answer

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._session.close()


class _Body:
    """A body that has been read, as a response's stream."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self) -> Iterator[bytes]:
        yield self._data


def _read(raw: Any, largest: int) -> bytes:
    pieces = raw.stream(_PIECE, decode_content=False)
    try:
        return bounded(raw.headers.get("content-length"), pieces, largest)
    except TooLargeError:
        raw.close()  # and its connection, which is full of the rest
        raise


class _Watched:
    """A connection that says who waits on it."""

    sock: socket.socket | None

    def request(self, *args: Any, **kwargs: Any) -> Any:
        waits_on(self.sock)  # kept from an earlier call, or not yet made
        sent = super().request(*args, **kwargs)  # type: ignore[misc]  # the connection's own
        waits_on(self.sock)
        return sent


class _Pool(AWSHTTPConnectionPool):  # type: ignore[misc]  # untyped
    ConnectionCls = type("_Connection", (_Watched, AWSHTTPConnection), {})


class _SecurePool(AWSHTTPSConnectionPool):  # type: ignore[misc]  # untyped
    ConnectionCls = type("_SecureConnection", (_Watched, AWSHTTPSConnection), {})
