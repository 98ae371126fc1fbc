"""`evictable(budget, replicas)`: how many pods a disruption budget lets go.

Source: Kubernetes, "Specifying a Disruption Budget for your Application": percentages are rounded
up, of what must stay as of what may go. Refuses a budget that says neither, and what is no number.
"""

from __future__ import annotations

import re
from typing import Any, Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value, describe

_PERCENT: Final = re.compile(r"([0-9]{1,6})%")


def evictable(budget: dict[Any, Value], replicas: int) -> int:
    """`evictable(budget, 3)`: how many of so many healthy pods a PodDisruptionBudget lets be
    evicted at once; 0 is none."""
    spec = budget.get("spec") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if most is not None:
        return min(_share(most, replicas), replicas)
    if least is None:
        raise EvaluationError("the budget has neither minAvailable nor maxUnavailable")
    return max(replicas - _share(least, replicas), 0)


def _share(value: Value, replicas: int) -> int:
    if value.__class__ is int:
        return int(value)
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise EvaluationError(f"{describe(value)} is neither a number of pods nor a percentage")
    return -(-replicas * int(match[1]) // 100)


DISRUPTIONS: Final = (
    Function("evictable", (kinds("map"), kinds("int")), "int", evictable, fields=("spec",)),
)
