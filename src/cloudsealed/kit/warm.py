"""The program that `kit.confined` keeps: imports a module, and forks a child for each order to it.

    python -m cloudsealed.kit.warm MODULE        standard input is the socket of its orders

An order is a message of that socket: its bounds, with two sockets of its own. Over the first the
child reads the order as JSON, after its length, calls the module's `answer(order)` and writes the
bytes that this returns. Over the second this process says that there is a child, and with which
status it ended; when whoever asked closes it, the child is killed. It has one thread, so that a
fork is safe, and holds nothing of any order. It ends when the socket of its orders does.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import resource
import selectors
import signal
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

BOUNDS = struct.Struct("!QI")
"""The most address space in bytes, and the most of the processor in seconds."""
LENGTH = struct.Struct("!Q")
STATUS = struct.Struct("!i")
TAKEN = b"+"
_MOST_FILES, _MOST_OPEN = 64, 1024  # of a child, and of this process
_NICENESS = 10  # who serves requests goes first
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)

Answer = Callable[[Mapping[str, Any]], bytes]


class Parent:
    """Forks a child for each order that comes over `control`, and tells who asked of its end."""

    def __init__(self, control: socket.socket, answer: Answer) -> None:
        self._control = control
        self._answer = answer
        self._pid = os.getpid()
        self._children: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = socket.socketpair()

    def serve(self) -> None:
        """Go on until nobody can give orders any more."""
        self._wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._control, selectors.EVENT_READ, self._order)
        self._selector.register(self._woken, selectors.EVENT_READ, self._reap)
        self._control.sendall(TAKEN)
        try:
            while True:
                for key, _ in self._selector.select():
                    key.data()
        except EOFError:
            for pid in self._children:
                os.kill(pid, signal.SIGKILL)

    def _order(self) -> None:
        bounds, files, _, _ = socket.recv_fds(self._control, BOUNDS.size, 2)
        if not bounds:
            raise EOFError
        work, life = (socket.socket(fileno=file) for file in files)
        with work:
            try:
                pid = os.fork()
            except OSError:
                life.close()  # who asked is told by that
                return
            if pid == 0:
                _answered(work, self._answer, self._pid, *BOUNDS.unpack(bounds))
        self._children[pid] = life
        self._selector.register(life, selectors.EVENT_READ, lambda: self._abandon(pid))
        with suppress(OSError):
            life.send(TAKEN)

    def _abandon(self, pid: int) -> None:
        """Kill a child for which nobody waits any more."""
        if pid in self._children:  # so it is ours still, and not another's of its id
            self._selector.unregister(self._children[pid])
            os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        self._woken.recv(4096)
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with self._children.pop(pid) as life, suppress(OSError):
                if life.fileno() in self._selector.get_map():
                    self._selector.unregister(life)
                life.send(STATUS.pack(os.waitstatus_to_exitcode(status)))


def _answered(work: socket.socket, answer: Answer, parent: int, memory: int, seconds: int) -> None:
    """Answer the order in this process, which is the child, and end it."""
    code = 1
    try:
        _alone(work.detach(), parent)
        with socket.socket(fileno=0) as asked:
            try:
                _bound(memory, seconds)
                made, code = answer(_read(asked)), 0
            except BaseException as error:
                made = f"{type(error).__name__}: {error}".encode(errors="replace")
            asked.sendall(made)
    finally:
        os._exit(code)


def _alone(work: int, parent: int) -> None:
    """Keep nothing open but the order's socket, as 0, and nothing of the parent's signals; end with
    the parent, where the kernel can have it so."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(work, 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.closerange(3, _MOST_OPEN)


def _bound(memory: int, seconds: int) -> None:
    if _address_space() > memory:  # it might do with what it has, and the limit would say nothing
        raise MemoryError
    os.nice(_NICENESS)
    for name, soft, hard in (
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_CPU, seconds, seconds + 1),
        (resource.RLIMIT_NOFILE, _MOST_FILES, _MOST_FILES),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        resource.setrlimit(name, (soft, hard))


def _address_space() -> int:
    """Return the bytes of this process's; 0 where Linux is not."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _read(asked: socket.socket) -> Mapping[str, Any]:
    (left,) = LENGTH.unpack(asked.recv(LENGTH.size, socket.MSG_WAITALL))
    content = bytearray()
    while left > len(content):
        if not (piece := asked.recv(min(1 << 20, left - len(content)))):
            raise EOFError("the order ended early")
        content += piece
    order: Mapping[str, Any] = orjson.loads(content)
    return order


def main() -> None:
    """Serve the module that the argument names; its `prepare` is called once, if it has one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: whoever began this decides
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    open_files = min(_MOST_OPEN, hard) if hard > 0 else _MOST_OPEN  # negative where it has none
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
    module = importlib.import_module(sys.argv[1])
    getattr(module, "prepare", lambda: None)()
    gc.freeze()  # a child that collects would copy all of it
    with socket.socket(fileno=0) as control:
        Parent(control, module.answer).serve()


if __name__ == "__main__":
    main()
