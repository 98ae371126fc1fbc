"""How many pods a disruption budget lets go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("spec", "replicas", "left"),
    [
        ({"maxUnavailable": 0}, 3, 0),
        ({"maxUnavailable": 1}, 3, 1),
        ({"maxUnavailable": 5}, 3, 3),
        ({"maxUnavailable": "0%"}, 3, 0),
        ({"maxUnavailable": "10%"}, 3, 1),
        ({"maxUnavailable": "100%"}, 3, 3),
        ({"minAvailable": 1}, 1, 0),
        ({"minAvailable": 2}, 3, 1),
        ({"minAvailable": 5}, 3, 0),
        ({"minAvailable": "100%"}, 3, 0),
        ({"minAvailable": "50%"}, 1, 0),
        ({"minAvailable": "50%"}, 7, 3),
        ({"minAvailable": 0}, 3, 3),
    ],
)
def test_percentages_are_rounded_up(
    spec: Any, replicas: int, left: int, value_of: Evaluate
) -> None:
    assert value_of("evictable(b, n)", b={"spec": spec}, n=replicas) == left


@pytest.mark.parametrize("spec", [{}, {"minAvailable": "half"}, {"maxUnavailable": "3"}])
def test_what_says_no_number_is_an_error(spec: Any, value_of: Evaluate) -> None:
    with pytest.raises(EvaluationError):
        value_of("evictable(b, 3)", b={"spec": spec})
