"""A share says how much, and never more."""

from __future__ import annotations

import pytest

from cloudsealed.kit.percent import percent


@pytest.mark.parametrize(
    ("share", "said"),
    [(1.0, "100.0%"), (0.9999, "99.9%"), (0.29, "29.0%"), (0.0, "0.0%"), (None, "-")],
)
def test_a_share_is_rounded_down(share: float | None, said: str) -> None:
    assert percent(share) == said
