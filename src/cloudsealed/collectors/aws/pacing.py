"""The declared ceilings of calls per second, and the pacer that keeps under them.

Pacing happens in one process: processes that audit one account at once add up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

DEFAULT_CEILING = 20.0
CEILINGS: Mapping[str, float] = MappingProxyType(
    {
        "iam": 10.0,
        "route53": 4.0,  # the whole account has 5 requests a second (Route 53 quotas)
        "cloudtrail": 5.0,
        "cloudformation": 5.0,
        "config": 5.0,
        "logs": 5.0,
        "cloudwatch": 5.0,
        "acm": 5.0,
        "elb": 10.0,
        "elbv2": 10.0,
        "rds": 10.0,
        "lambda": 10.0,
        "autoscaling": 10.0,
        "ecs": 10.0,
        "s3": 50.0,
    }
)
"""Calls a second for each account, region and service; other services have DEFAULT_CEILING."""

Sleep = Callable[[float], None]
Monotonic = Callable[[], float]


class Pacer:
    """Hands out starting times, evenly spaced for each key; safe for threads."""

    def __init__(self, monotonic: Monotonic = time.monotonic, sleep: Sleep = time.sleep) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next: dict[tuple[str, ...], float] = {}

    def wait(self, key: tuple[str, ...], per_second: float) -> None:
        """Return when the caller may start its call."""
        with self._lock:
            now = self._monotonic()
            start = max(now, self._next.get(key, now))
            self._next[key] = start + 1 / per_second
        if start > now:
            self._sleep(start - now)
