"""A raw HTTP/1.1 client on loopback, so cheap that a server beside it is what is measured.

Every answer must have the status that was expected: a benchmark of refusals is none.
"""

from __future__ import annotations

import random
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

PATIENCE = 30  # seconds without an answer before a benchmark gives up


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    status: int
    head: bytes
    body: bytes


class Connection:
    """One connection to a server, with one request in flight at most."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._data = b""

    def send(self, request: bytes) -> None:
        """Send a whole request."""
        self.socket.sendall(request)

    def read(self) -> Answer | None:
        """Take what arrived; return the answer once it is whole."""
        part = self.socket.recv(262_144)
        assert part, "the server closed the connection"
        self._data += part
        head, separator, body = self._data.partition(b"\r\n\r\n")
        if not separator:
            return None
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return None
        self._data = b""
        return Answer(int(head[9:12]), head, body)

    def ask(self, request: bytes) -> Answer:
        """Send a request and wait for its answer."""
        self.send(request)
        while (answer := self.read()) is None:
            pass
        return answer


class Arrivals:
    """Sends GETs at moments of its own, whether or not those before were answered, as people do; on
    the first of its connections that is free. How long an answer took is counted from the moment at
    which its request was due, so that what waits for a connection is not forgotten."""

    def __init__(self, port: int, token: str, connections: int = 32) -> None:
        self._connections = [Connection(port) for _ in range(connections)]
        self._head = f" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"

    def run(self, paths: Sequence[str], rate: float, chance: random.Random) -> list[float]:
        """Ask for all of `paths`, `rate` a second on average; return how long each answer took, in
        seconds."""
        began, due = time.monotonic(), deque[tuple[float, bytes]]()
        moment = began
        for path in paths:
            moment += chance.expovariate(rate)
            due.append((moment, f"GET {path}{self._head}".encode()))
        idle = list(self._connections)
        sent: dict[socket.socket, tuple[Connection, float]] = {}
        took: list[float] = []
        while due or sent:
            while due and idle and due[0][0] <= time.monotonic():
                moment, request = due.popleft()
                each = idle.pop()
                each.send(request)
                sent[each.socket] = each, moment
            wait = max(0.0, due[0][0] - time.monotonic()) if due and idle else PATIENCE
            ready, _, _ = select.select(list(sent), [], [], wait)
            assert ready or wait < PATIENCE, "the server does not answer"
            for key in ready:
                each, moment = sent[key]
                if (answer := each.read()) is not None:
                    assert answer.status == 200, answer
                    took.append(time.monotonic() - moment)
                    del sent[key]
                    idle.append(each)
        return took


class Load:
    """Keeps a GET in flight on each of some connections; counts and times whole answers of 200."""

    def __init__(self, port: int, token: str, connections: int = 8, accepts: str = "") -> None:
        self._connections = [Connection(port) for _ in range(connections)]
        self._head = f" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        self._head += f"Accept-Encoding: {accepts}\r\n\r\n" if accepts else "\r\n"

    def run(self, path: str, seconds: float) -> list[float]:
        """Return how long each answer took, in seconds."""
        request = f"GET {path}{self._head}".encode()
        sent = {each.socket: (each, time.monotonic()) for each in self._connections}
        for each in self._connections:
            each.send(request)
        took: list[float] = []
        ends = time.monotonic() + seconds
        while sent:
            ready, _, _ = select.select(list(sent), [], [], PATIENCE)
            assert ready, "the server does not answer"
            for key in ready:
                each, began = sent[key]
                answer = each.read()
                if answer is None:
                    continue
                assert answer.status == 200, answer
                now = time.monotonic()
                took.append(now - began)
                if now < ends:
                    sent[key] = each, now
                    each.send(request)
                else:
                    del sent[key]
        return took

    def rate(self, path: str, seconds: float) -> float:
        """Return the answers a second."""
        began = time.monotonic()
        return len(self.run(path, seconds)) / (time.monotonic() - began)
