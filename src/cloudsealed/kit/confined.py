"""Runs a module of ours in a process of its own, bounded in memory, time and files.

`kit.warm` is the program: a process for each module, begun with the first order to it, which has
imported the module and forks a child for each order. A child gets one order, answers and ends, so
nothing of an order is left for the next. None of them gets our environment, our files or our
connections, so that no secret of ours is in them. They end with this process.
"""

from __future__ import annotations

import atexit
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import orjson

import cloudsealed
from cloudsealed.kit.warm import BOUNDS, LENGTH, STATUS, TAKEN

_WAIT = 6
_START_SECONDS = 60.0
_END_SECONDS = 5.0
_PIECE = 1 << 16
_PROGRAM = "cloudsealed.kit.warm"


class ConfinedError(Exception):
    """The process did not end well. The text says in which bounds, to go on a sentence, and holds
    nothing of the order."""


class _NotTakenError(Exception):
    """The warm process ended before it took an order."""


def run_confined(
    module: str,
    order: Mapping[str, Any],
    *,
    seconds: float,
    memory: int,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """Return what the function `answer` of a module makes of an order; raises ConfinedError.

    `seconds` bounds the processor's time, and `_WAIT` times as much the wall time, so that a busy
    machine is not taken for an order that is too large; `memory` the address space and the answer
    in bytes. `environment` is all that the process has beside where Python is.
    """
    content = orjson.dumps(order)
    warm = _warm(module, tuple(sorted((environment or {}).items())))
    for _ in range(2):  # one that ended unnoticed is replaced, once
        with suppress(_NotTakenError, OSError):
            return _run(warm, content, seconds, memory)
    raise ConfinedError("in its process")


def _run(warm: Warm, content: bytes, seconds: float, memory: int) -> bytes:
    work, works = socket.socketpair()
    life, lives = socket.socketpair()
    with work, life:  # that they close ends the child
        with works, lives:
            warm.hand(BOUNDS.pack(memory, math.ceil(seconds)), works, lives)
        child = _Child(work, life, time.monotonic() + seconds * _WAIT)
        try:
            if not child.is_taken():
                raise _NotTakenError
            made, status = child.answer(content, memory), child.status()
        except TimeoutError:
            if not child.taken:
                warm.end()  # it hangs
            status, made = -signal.SIGXCPU, b""
    if status == -signal.SIGXCPU:
        raise ConfinedError(f"within {seconds:g} seconds")
    if status != 0 or len(made) > memory:
        why = made[-500:].decode(errors="replace")
        raise ConfinedError("in its process") from RuntimeError(why)
    return made


class _Child:
    """Our side of the child of one order; everything raises TimeoutError after `ends`, a moment of
    the monotonic clock."""

    def __init__(self, work: socket.socket, life: socket.socket, ends: float) -> None:
        self.taken = False
        self._work = work
        self._life = life
        self._ends = ends

    def is_taken(self) -> bool:
        """Say whether there is a child."""
        self.taken = self._read(self._life, 1) == TAKEN
        return self.taken

    def answer(self, content: bytes, most: int) -> bytes:
        """Return what the child makes of an order: of one that failed, why."""
        pieces: list[bytes] = []
        with suppress(BrokenPipeError, ConnectionResetError):  # it ended: its status says how
            self._work.settimeout(self._left())
            self._work.sendall(LENGTH.pack(len(content)) + content)
            while most >= 0 and (piece := self._read(self._work, _PIECE)):
                pieces.append(piece)
                most -= len(piece)
        return b"".join(pieces)

    def status(self) -> int:
        """Return the child's exit code, negative for a signal; 1 when nobody knows it."""
        self._work.close()  # whoever has more to say is not waited for
        told = self._read(self._life, STATUS.size)
        return int(STATUS.unpack(told)[0]) if len(told) == STATUS.size else 1

    def _read(self, end: socket.socket, size: int) -> bytes:
        end.settimeout(self._left())
        try:
            return end.recv(size)
        except ConnectionResetError:
            return b""

    def _left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Warm:
    """The warm process of a module; another is begun when it is gone."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        self._command = (sys.executable, "-P", "-m", _PROGRAM, module)
        package = str(Path(cloudsealed.__path__[0]).parent)
        self._environment = {"PYTHONPATH": package, "PATH": os.defpath, **environment}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process, None when there is none."""
        return self._process.pid if self._process is not None else None

    def hand(self, bounds: bytes, *ends: socket.socket) -> None:
        """Have a child made that has the other ends; raises ConfinedError."""
        files = [end.fileno() for end in ends]
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._begin()
            try:
                self._send(bounds, files)
            except OSError:
                self._begin()
                self._send(bounds, files)

    def _send(self, bounds: bytes, files: Sequence[int]) -> None:
        assert self._control is not None
        socket.send_fds(self._control, [bounds], files)

    def end(self) -> None:
        """End the process, and its children with it."""
        with self._lock:
            self._end()

    def _begin(self) -> None:
        self._end()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no argument is foreign
                self._command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=self._environment,
            )
        self._control.settimeout(_START_SECONDS)
        try:
            is_ready = self._control.recv(1) == TAKEN
        except OSError:
            is_ready = False
        if not is_ready:
            self._end()
            raise ConfinedError("in its process")

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()  # at which it ends
        if self._process is not None:
            try:
                self._process.wait(_END_SECONDS if self._process.poll() is None else 0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = self._control = None


@cache
def _warm(module: str, environment: tuple[tuple[str, str], ...]) -> Warm:
    warm = Warm(module, dict(environment))
    atexit.register(warm.end)
    return warm
