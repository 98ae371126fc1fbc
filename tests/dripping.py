"""A server that never comes to the end of an answer: a byte now and then, for ever."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

_PAUSE = 0.2
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 1000000\r\n\r\n"


class Dripping:
    """Listens on a free port of the loopback until it ends. `url` is where."""

    def __init__(self, backlog: int = 64) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self._taken: list[socket.socket] = []
        self._ended = threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        for task in (self._take, self._drip):
            threading.Thread(target=task, daemon=True).start()

    @property
    def asked(self) -> int:
        """How many connections were made."""
        return len(self._taken)

    def _take(self) -> None:
        with suppress(OSError):  # it has ended
            while True:
                taken, _ = self._listener.accept()
                taken.sendall(_HEAD)
                self._taken.append(taken)

    def _drip(self) -> None:
        while not self._ended.wait(_PAUSE):
            for each in list(self._taken):
                with suppress(OSError):
                    each.send(b" ")

    def end(self) -> None:
        """Close everything."""
        self._ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._taken:
            each.close()
