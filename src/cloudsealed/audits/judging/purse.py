"""The time that policies may take of an account: each of them, and all together.

Once half of the common time is spent, each policy goes on to an even share of the other half only:
the slow ones stop, the cheap ones are judged to the end, and the whole is bounded. It refuses to
read a clock: whoever judges measures.
"""

from __future__ import annotations

from math import inf

EACH, TOGETHER = "CLOUDSEALED_POLICY_SECONDS", "CLOUDSEALED_POLICY_SET_SECONDS"
"""The settings that bound a policy, and all of them."""


class Purse:
    """Seconds for a number of policies."""

    def __init__(self, *, each: float, together: float = inf, policies: int = 1) -> None:
        """`each` is what one policy may take, `together` what all `policies` may."""
        self._each = each
        self._common = together / 2
        self._share = self._common / max(policies, 1)
        self._spent = 0.0

    def refusal(self, spent: float) -> str | None:
        """Return the setting by which a policy that took so many seconds stops; None if it may go
        on."""
        if spent >= self._each:
            return EACH
        if self._spent >= self._common and spent >= self._share:
            return TOGETHER
        return None

    def take(self, seconds: float) -> None:
        """Count what a policy took."""
        self._spent += seconds
