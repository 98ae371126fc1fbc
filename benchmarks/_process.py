"""Work in a process of its own, and the memory that processes have meanwhile, by Linux's /proc."""

from __future__ import annotations

import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from cloudsealed.kit.garbage import staying
from cloudsealed.kit.memory import share_one_arena


def apart(task: Callable[..., None], *arguments: Any) -> Any:
    """Return what a task sends, into the pipe that is its last argument, from its own process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=task, args=(*arguments, theirs))
    process.start()
    theirs.close()
    sent = ours.recv()
    process.join(60)
    return sent


class Memory:
    """The most MiB of this process's own, and of a descendant that runs a module, while the block
    runs; looked at often. Mapped pages of a store's file are the system's cache, and do not
    count."""

    def __init__(self) -> None:
        self.own = self.child = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            self.own = max(self.own, _mebibytes("self", "RssAnon:"))
            for child in _descendants("self"):
                self.child = max(self.child, _mebibytes(child, "VmHWM:"))


def begin() -> None:
    """Begin as the product's processes do: what was imported stays, and threads share memory."""
    share_one_arena()
    with staying():
        pass


def cpu_of(process: int) -> float:
    """Return the seconds of the processor that a process and its ended children had."""
    spent = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:15]
    return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


def exact_cpu_of(process: int) -> float:
    """Return those of a process whose threads stay, to the nanosecond as Linux counts."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def cpu_of_all() -> float:
    """Return those of this process and all below it, which do not end meanwhile."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = sum(cpu_of(int(pid)) for pid in _descendants("self"))
    return time.process_time() + ended.ru_utime + ended.ru_stime + alive


def cpu_below(process: int) -> float:
    """Return those of a process and all below it, also of those that end meanwhile."""
    spent = 0.0
    for pid in _descendants(str(process)):
        with suppress(OSError):  # it is gone: its parent has what it spent
            spent += cpu_of(int(pid))
    return cpu_of(process) + spent


def resident() -> float:
    """Return the MiB that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _descendants(process: str) -> Iterator[str]:
    with suppress(OSError):  # it is gone
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield child
                yield from _descendants(child)


def _mebibytes(process: str, name: str) -> float:
    """Return a size of a process, 0 when it is gone or does not run a module yet."""
    try:
        arguments = Path(f"/proc/{process}/cmdline").read_text().split("\0")
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    [size] = [int(line.split()[1]) for line in lines if line.startswith(name)] or [0]
    return size / 1024 if process == "self" or "-m" in arguments else 0
