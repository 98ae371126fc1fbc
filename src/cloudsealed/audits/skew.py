"""How far this machine's clock is from the provider's, and what an audit makes of it.

Moments decide what newer observations do to findings, so those of an audit are the provider's own
where the two clocks differ. It refuses to set a clock.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from cloudsealed.kit.clock import Clock

log = logging.getLogger(__name__)

TOLERATED = timedelta(seconds=60)
NO_HORIZON = "9999"
"""After every moment: nothing is taken for the work of a clock that ran ahead."""


def corrected(clock: Clock, skew: timedelta | None) -> Clock:
    """Return a clock put right by the provider's; the same one when they differ by a minute."""
    if skew is None or abs(skew) <= TOLERATED:
        return clock
    return lambda: clock() + skew


def heard(audit_id: str, skews: Iterable[timedelta | None]) -> timedelta | None:
    """Return the least of what connections heard of the provider's clock, and log one that counts.

    Only what answered dates its answers; None until something did.
    """
    said = sorted((skew for skew in skews if skew is not None), key=abs)
    if not said:
        return None
    if abs(said[0]) > TOLERATED:
        log.warning(
            "audit %s: this machine's clock is %d seconds %s the provider's; its moments are put"
            " right by that",
            audit_id,
            abs(said[0]).total_seconds(),
            "behind" if said[0] > timedelta() else "ahead of",
        )
    return said[0]
