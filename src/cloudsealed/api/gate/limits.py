"""Budgets of requests: fixed windows that open with a key's first request.

A budget has one or more windows; the one with the fewest requests left is what a response shows.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

from cloudsealed.api.errors import RateLimitedError
from cloudsealed.settings import Budget, Settings, Window
from cloudsealed.storage.counters import Count, Counters, MemoryCounters

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rate:
    """How a budget stands. `reset` is in epoch seconds, `used` counts refused requests too."""

    resource: str
    window: Window
    used: int
    reset: float

    @property
    def remaining(self) -> int:
        """How many requests are left in the window."""
        return max(0, self.window.amount - self.used)

    @property
    def exceeded(self) -> bool:
        """Whether the request that was counted last was one too many."""
        return self.used > self.window.amount

    def headers(self, now: float) -> list[tuple[bytes, bytes]]:
        """Return the headers that every response carries.

        `RateLimit-Policy` and `RateLimit` are of draft-ietf-httpapi-ratelimit-headers-10.
        """
        amount, left = self.window.amount, self.remaining
        policy = f'"{self.resource}";q={amount};w={self.window.seconds}'
        return [
            (b"x-ratelimit-limit", b"%d" % amount),
            (b"x-ratelimit-remaining", b"%d" % left),
            (b"x-ratelimit-reset", b"%d" % math.ceil(self.reset)),
            (b"x-ratelimit-used", b"%d" % (amount - left)),
            (b"x-ratelimit-resource", self.resource.encode()),
            (b"ratelimit-policy", policy.encode()),
            (b"ratelimit", f'"{self.resource}";r={left};t={self.wait(now)}'.encode()),
        ]

    def wait(self, now: float) -> int:
        """Return the whole seconds until the window ends."""
        return max(0, math.ceil(self.reset - now))

    def refusal(self, now: float) -> RateLimitedError:
        """Return the error of a request over this budget."""
        wait = max(1, self.wait(now))
        return RateLimitedError(
            f"The {self.resource} budget of {self.window.amount} requests in"
            f" {self.window.seconds} seconds is spent; try again in {wait} seconds",
            headers={"Retry-After": str(wait)},
        )


class Limits:
    """The budgets of an installation. `clock` gives epoch seconds."""

    def __init__(
        self,
        settings: Settings,
        counters: Counters | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.budgets: Mapping[str, Budget] = {
            "core": settings.limit_core,
            "anonymous": settings.limit_anonymous,
            "reports": settings.limit_reports,
            "audits": settings.limit_audits,
            "simulations": settings.limit_simulations,
            "oauth": settings.limit_oauth,
            "login": settings.limit_login,
        }
        self.clock = clock
        self.counters: Counters = MemoryCounters() if counters is None else counters

    async def asked(self, ask: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call one of the methods below: in a thread when its counters may wait for a network."""
        if self.counters.is_shared:
            return await run_in_threadpool(ask, *args, **kwargs)
        return ask(*args, **kwargs)

    def spend(self, resource: str, key: str) -> Rate:
        """Count one request against a budget; return how it stands then."""
        return min(self._counted(resource, key, 1), key=_tightness)

    def reserve(self, resource: str, key: str) -> Rate:
        """Count one request, or nothing when it is one too many; look at `exceeded`."""
        rate = self.spend(resource, key)
        if rate.exceeded:
            self.give_back(resource, key)
        return rate

    def give_back(self, resource: str, key: str) -> None:
        """Take back what `spend` counted, in every window."""
        self._counted(resource, key, -1)

    def show(self, resource: str, key: str) -> Rate:
        """Return how a budget stands, counting nothing."""
        return min(self.windows(resource, key), key=_tightness)

    def windows(self, resource: str, key: str) -> list[Rate]:
        """Return how each window of a budget stands, counting nothing."""
        return [
            self._rate(resource, window, self.counters.read(_name(resource, key, window)))
            for window in self.budgets[resource]
        ]

    def _counted(self, resource: str, key: str, amount: int) -> list[Rate]:
        names = [(window, _name(resource, key, window)) for window in self.budgets[resource]]
        counts = [(w, self.counters.add(name, amount, w.seconds)) for w, name in names]
        return [self._rate(resource, window, count) for window, count in counts]

    def _rate(self, resource: str, window: Window, count: Count) -> Rate:
        return Rate(resource, window, count.used, count.reset or self.clock() + window.seconds)


def _name(resource: str, key: str, window: Window) -> str:
    return f"{resource}/{key}/{window.seconds}"


def tighter(one: Rate | None, other: Rate) -> Rate:
    """Return the budget with fewer requests left, the first of equals."""
    return other if one is None or _tightness(other) < _tightness(one) else one


def _tightness(rate: Rate) -> int:
    return rate.window.amount - rate.used
