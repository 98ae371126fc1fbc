"""What one request spends of a heavy budget."""

from __future__ import annotations

from cloudsealed.api.gate.exchange import Exchange
from cloudsealed.api.gate.limits import Limits, tighter


class Purse:
    """A tenant's heavy budget during one request: spent at most once, given back if work fails."""

    def __init__(self, limits: Limits, heavy: str, tenant: str, exchange: Exchange) -> None:
        self._limits = limits
        self._budget = heavy, tenant
        self._exchange = exchange
        self._core = exchange.rate
        self._is_spent = False

    def spend(self) -> None:
        """Count the request; raises RateLimitedError when it is one too many."""
        rate = self._limits.reserve(*self._budget)
        if rate.exceeded:
            self._exchange.rate = rate
            raise rate.refusal(self._limits.clock())
        self._is_spent = True
        self._exchange.rate = tighter(self._core, rate)

    def give_back(self) -> None:
        """Take the request back, if it was counted."""
        if self._is_spent:
            self._limits.give_back(*self._budget)
            self._exchange.rate = tighter(self._core, self._limits.show(*self._budget))
