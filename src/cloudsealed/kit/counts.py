"""Counts of what this process did, by name and labels, for whoever writes them down.

It refuses to know what is counted. Labels are kinds and outcomes: never an identity.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

Series = tuple[str, tuple[tuple[str, str], ...]]
"""A name, and its labels in the order of their names."""


class Counts:
    """Sums of a process; safe for threads."""

    def __init__(self) -> None:
        self._sums: dict[Series, int] = {}
        self._lock = threading.Lock()

    def add(self, name: str, amount: int = 1, /, **labels: str) -> None:
        """Count something."""
        series = name, tuple(sorted(labels.items()))
        with self._lock:
            self._sums[series] = self._sums.get(series, 0) + amount

    def take(self) -> dict[Series, int]:
        """Return what was counted since the last time."""
        with self._lock:
            taken, self._sums = self._sums, {}
        return taken

    def give_back(self, taken: Mapping[Series, int]) -> None:
        """Count again what was taken and could not be written down."""
        with self._lock:
            for series, amount in taken.items():
                self._sums[series] = self._sums.get(series, 0) + amount


COUNTS = Counts()
"""This process's own."""
