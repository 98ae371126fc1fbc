"""Budgets of requests: fixed windows that open with a key's first request.

A budget has one or more windows; the one with the fewest requests left is what a response shows.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, ParamSpec, TypeVar

from cloudsealed.api.errors import RateLimitedError
from cloudsealed.kit.exposition import Family
from cloudsealed.kit.threads import look
from cloudsealed.settings import Settings, Window
from cloudsealed.storage.counters import Counters, MemoryCounters

P = ParamSpec("P")
T = TypeVar("T")

OF_TENANTS = ("reports", "audits", "simulations", "exports", "explanations", "connection_tests")
"""The budgets that all of a tenant's tokens spend together."""
OF_OTHERS = ("core", "anonymous", "oauth", "login")
"""Those of a token, an address and a client."""


class Policy:
    """One window of a budget, and the headers that say of it what never changes."""

    __slots__ = ("amount", "headers", "name", "refused", "resource", "seconds", "window")

    def __init__(self, resource: str, window: Window) -> None:
        self.resource = resource
        self.window = window
        self.amount, self.seconds = window.amount, window.seconds
        self.name = resource.encode()
        self.refused = 0  # by this process
        policy = f'"{resource}";q={window.amount};w={window.seconds}'
        self.headers = (
            (b"x-ratelimit-limit", b"%d" % window.amount),
            (b"x-ratelimit-resource", self.name),
            (b"ratelimit-policy", policy.encode()),
        )

    def counter(self, key: str) -> str:
        """Return the name of what counts the requests of `key`."""
        return f"{self.resource}/{key}/{self.seconds}"


class Rate(NamedTuple):
    """How a budget stands. `reset` is in epoch seconds, `used` counts refused requests too."""

    policy: Policy
    used: int
    reset: float

    @property
    def window(self) -> Window:
        """The window that is nearest to its end."""
        return self.policy.window

    @property
    def remaining(self) -> int:
        """How many requests are left in the window."""
        return max(0, self.policy.amount - self.used)

    @property
    def exceeded(self) -> bool:
        """Whether the request that was counted last was one too many."""
        return self.used > self.policy.amount

    def headers(self, now: float) -> list[tuple[bytes, bytes]]:
        """Return the headers that every response carries.

        `RateLimit-Policy` and `RateLimit` are of draft-ietf-httpapi-ratelimit-headers-10.
        """
        policy, used, reset = self
        left, wait = max(0, policy.amount - used), max(0, math.ceil(reset - now))
        return [
            *policy.headers,
            (b"x-ratelimit-remaining", b"%d" % left),
            (b"x-ratelimit-reset", b"%d" % math.ceil(reset)),
            (b"x-ratelimit-used", b"%d" % (policy.amount - left)),
            (b"ratelimit", b'"%b";r=%d;t=%d' % (policy.name, left, wait)),
        ]

    def refusal(self, now: float) -> RateLimitedError:
        """Return the error of a request over this budget, and count it."""
        self.policy.refused += 1
        wait = max(1, math.ceil(self.reset - now))
        return RateLimitedError(
            f"The {self.policy.resource} budget of {self.window.amount} requests in"
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
        self._policies = {
            name: [Policy(name, window) for window in getattr(settings, f"limit_{name}")]
            for name in (*OF_OTHERS, *OF_TENANTS)
        }
        self.clock = clock
        self.counters: Counters = MemoryCounters() if counters is None else counters

    def collect(self) -> Iterator[Family]:
        """Yield how many requests each budget refused, for Prometheus."""
        found = Family(
            "cloudsealed_budget_refusals_total",
            "counter",
            "Requests that a spent budget refused, by budget",
            ("budget",),
        )
        for name, policies in self._policies.items():
            found.add([name], sum(policy.refused for policy in policies))
        yield found

    async def asked(self, ask: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Call what counts with these: in a thread when its counters may wait for a network."""
        if self.counters.is_shared:
            return await look(lambda _: ask(*args, **named))
        return ask(*args, **named)

    def spend(self, resource: str, key: str) -> Rate:
        """Count one request against a budget; return how it stands then."""
        return self._counted(resource, key, 1)

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
        return functools.reduce(tighter, self.windows(resource, key))

    def windows(self, resource: str, key: str) -> list[Rate]:
        """Return how each window of a budget stands, counting nothing."""
        counts = [
            (each, self.counters.read(each.counter(key))) for each in self._policies[resource]
        ]
        return [
            Rate(policy, used, reset or self.clock() + policy.seconds)
            for policy, (used, reset) in counts
        ]

    def _counted(self, resource: str, key: str, amount: int) -> Rate:
        tightest = None
        for policy in self._policies[resource]:
            used, reset = self.counters.add(policy.counter(key), amount, policy.seconds)
            rate = Rate(policy, used, reset or self.clock() + policy.seconds)
            tightest = rate if tightest is None else tighter(tightest, rate)
        assert tightest is not None, "a budget has a window"
        return tightest


def tighter(one: Rate | None, other: Rate) -> Rate:
    """Return the budget with fewer requests left, the first of equals."""
    if one is None or other.policy.amount - other.used < one.policy.amount - one.used:
        return other
    return one
