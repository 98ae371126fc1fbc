"""What CI asks for is what was read, and never more."""

from __future__ import annotations

import pytest

from cloudsealed.cli.audit import covered


@pytest.mark.parametrize(
    ("coverage", "possible", "forbidden", "counted"),
    [
        (1.0, 30, 0, 1.0),
        (1.0, 30, 10, 0.75),
        (0.5, 30, 30, 0.25),
        (1.0, 0, 5, 0.0),
        (1.0, 0, 0, 1.0),
        (None, 0, 0, 0.0),
    ],
)
def test_what_nobody_may_read_is_not_covered_for_who_asks_for_a_minimum(
    coverage: float | None, possible: int, forbidden: int, counted: float
) -> None:
    verdicts = {"possible": possible, "forbidden": forbidden}
    assert covered({"coverage": coverage, "verdicts": verdicts}) == counted
