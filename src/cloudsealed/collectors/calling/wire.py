"""The bytes of an answer: no more of them than a limit, and no thread that waits for them for ever.

A body is read piece by piece and left at the limit, and whoever gives up on a call hangs up its
connection, which ends the thread that waits on it. Bodies are asked for without a coding, and none
is undone, so a small body never becomes a large one.

An answer takes many times the size of its body while it is parsed: those that are larger than LARGE
take turns in this process, each from the rest of its body to the end of its call's work.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from cloudsealed.kit.logs import carried
from cloudsealed.kit.memory import return_the_rest

LARGEST_ANSWER = 16 * 2**20
"""Bytes of a body; a page of a thousand resources has a few millions."""

LARGE = 2**20
"""Bytes of a body above which an answer waits for its turn."""

_LOOK_SECONDS = 0.2
_turn = threading.Lock()
_here = threading.local()  # `call`: what the thread works on


class TooLargeError(Exception):
    """A body is larger than the limit; never leaves the collectors."""


class Call:
    """One attempt of a call, on a thread that is left behind when it takes too long."""

    def __init__(self, closed: threading.Event | None = None) -> None:
        """`closed` ends its wait for a turn."""
        self._closed = closed or threading.Event()
        self._held: socket.socket | None = None
        self._given_up = False
        self._has_turn = False
        self._waits_since: float | None = None
        self._waited = 0.0

    @property
    def waited(self) -> float:
        """The seconds that it has waited for its turn, which its deadline does not count."""
        since = self._waits_since
        return self._waited + (time.monotonic() - since if since is not None else 0.0)

    def within(self, seconds: float, work: Callable[[], Any]) -> Any:
        """Return what `work` returns, raise what it raises; after `seconds` hang up its connection
        and raise TimeoutError."""
        results: list[Any] = []
        errors: list[Exception] = []

        def run() -> None:
            _here.call = self
            try:
                results.append(work())
            except Exception as error:
                errors.append(error)
            finally:
                self._end_turn()

        thread = threading.Thread(target=carried(run), name="answer", daemon=True)
        thread.start()
        end = time.monotonic() + max(seconds, 0.0)
        while thread.is_alive() and (left := end + self.waited - time.monotonic()) > 0:
            thread.join(left)
        if errors:
            raise errors[0]
        if not results:
            self._hang_up()
            raise TimeoutError
        return results[0]

    def waits_on(self, held: socket.socket | None) -> None:
        """Note the connection; raises TimeoutError when it is wanted no more."""
        self._held = held
        if self._given_up:
            self._hang_up()
            raise TimeoutError

    def take_turn(self) -> None:
        """Wait until no other large answer is worked on; raises TimeoutError when it is wanted no
        more. Whoever has the turn ends by its own deadline."""
        if self._has_turn:
            return
        self._waits_since = time.monotonic()
        while not (has_turn := _turn.acquire(timeout=_LOOK_SECONDS)):
            if self._given_up or self._closed.is_set():
                break
        self._waited, self._waits_since = self.waited, None
        self._has_turn = has_turn
        if not has_turn:
            raise TimeoutError
        return_the_rest()

    def _end_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            _turn.release()

    def _hang_up(self) -> None:
        """End the connection: who waits on it then hears that there is no more.

        One that is only being made ends by its own time-out, or as soon as it is there.
        """
        self._given_up = True
        if self._held is not None:
            with contextlib.suppress(OSError):
                self._held.shutdown(socket.SHUT_RDWR)


def waits_on(held: socket.socket | None) -> None:
    """Note the connection on which the call of this thread waits; raises TimeoutError when it is
    wanted no more."""
    if (call := getattr(_here, "call", None)) is not None:
        call.waits_on(held)


def _take_turn() -> None:
    if (call := getattr(_here, "call", None)) is not None:
        call.take_turn()


def bounded(said: str | None, pieces: Iterable[bytes], largest: int) -> bytes:
    """Return a body out of its pieces, of which a header may say the length; raises TooLargeError
    as soon as it is larger, and then the connection is full of the rest."""
    read, size = [], int(said) if said and said.isdecimal() and len(said) < 20 else 0
    if size <= largest:
        if size > LARGE:
            _take_turn()
        size = 0
        for piece in pieces:
            size += len(piece)
            if size > largest:
                break
            if size > LARGE:
                _take_turn()
            read.append(piece)
    if size > largest:
        raise TooLargeError
    return b"".join(read)
