"""A share in per cent for people. It refuses to round up: what is not whole is never 100.0 %."""

from __future__ import annotations

from math import floor


def percent(share: float | None) -> str:
    """Return a share, from 0 to 1, with one place after the point, a dash for None."""
    return "-" if share is None else f"{floor(share * 1_000 + 1e-9) / 10:.1f}%"
