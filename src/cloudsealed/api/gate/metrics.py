"""Counts and times of responses, for Prometheus. No identity is in them.

The gate counts into plain lists, which costs next to nothing; a scrape turns them into families.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator

from cloudsealed.kit.exposition import Family

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of response times, in seconds."""
METHODS = frozenset(("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"))
_NAMES = [*map(str, BUCKETS), "+Inf"]
_SUM = len(_NAMES)

ticks = time.perf_counter


class Metrics:
    """Responses of this process by route, method and status, with the time until each began."""

    def __init__(self) -> None:
        self._responses: dict[tuple[str, str, int], list[float]] = {}
        self._lock = threading.Lock()

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one response, in the event loop's thread; `route` is a template, never a path."""
        key = route, method if method in METHODS else "other", status
        series = self._responses.get(key)
        if series is None:
            series = [0.0] * (_SUM + 1)
            with self._lock:  # a scrape walks the dict in another thread
                self._responses[key] = series
        series[bisect_left(BUCKETS, seconds)] += 1
        series[_SUM] += seconds

    def collect(self) -> Iterator[Family]:
        """Yield every count, and every time by route and method."""
        counted = Family(
            "cloudsealed_http_responses_total",
            "counter",
            "Responses by route, method and status",
            ("route", "method", "status"),
        )
        timed = Family(
            "cloudsealed_http_response_seconds",
            "histogram",
            "Time until a response began, by route and method",
            ("route", "method"),
        )
        with self._lock:
            found = [(key, list(series)) for key, series in self._responses.items()]
        times: dict[tuple[str, str], list[float]] = {}
        for (route, method, status), series in sorted(found):
            counted.add((route, method, str(status)), sum(series[:_SUM]))
            sums = times.setdefault((route, method), [0.0] * (_SUM + 1))
            times[route, method] = [a + b for a, b in zip(sums, series, strict=True)]
        for labels, series in times.items():
            timed.add_buckets(labels, _buckets(series), series[_SUM])
        yield counted
        yield timed


def _buckets(series: list[float]) -> list[tuple[str, float]]:
    total, found = 0.0, []
    for name, number in zip(_NAMES, series, strict=False):
        total += number
        found.append((name, total))
    return found
