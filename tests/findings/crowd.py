"""Threads that begin at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.waiting import SECONDS


def at_once(number: int, work: Callable[[int], None]) -> None:
    """Run `work` in so many threads, each with its number; raises what any of them raises."""
    start = threading.Barrier(number)

    def run(index: int) -> None:
        start.wait(SECONDS)
        work(index)

    with ThreadPoolExecutor(number) as pool:
        for done in [pool.submit(run, index) for index in range(number)]:
            done.result(SECONDS)
