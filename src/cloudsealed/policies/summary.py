"""Counts of policies by facets: what each facet is of a policy, and how groups come of it. Pure.

A policy may judge several types and serve several frameworks, so it may be in several groups of
those; a total counts it once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from cloudsealed.policies.frameworks import controls_of
from cloudsealed.policies.model import Policy
from cloudsealed.vocabulary import Severity

Values = Sequence[str | None]


def _types(policy: Policy) -> Sequence[str]:
    found: Sequence[str] = policy.spec.get("resource_types") or ()
    return found


def _frameworks(policy: Policy) -> Values:
    return [each["framework"] for each in controls_of(policy.key, policy.spec)]


_FACETS: Mapping[str, Callable[[Policy], Values]] = {
    "kind": lambda policy: [policy.kind.value],
    "source": lambda policy: [policy.source.value],
    "enabled": lambda policy: ["true" if policy.enabled else "false"],
    "severity": lambda policy: [policy.spec.get("severity")],
    "dimension": lambda policy: [policy.spec.get("dimension")],
    "provider": lambda policy: [policy.provider],
    "resource_type": _types,
    "service": lambda policy: [name.split(".")[1] for name in _types(policy)],
    "framework": _frameworks,
}
GROUPS = tuple(_FACETS)
"""What policies are counted by, each as the filter of that name takes it."""


def groups(group_by: Sequence[str], policies: Iterable[Policy]) -> list[dict[str, Any]]:
    """Return the groups that have any, in the order of their values; null is without one."""
    tally = Counter[tuple[str, ...]]()
    for policy in policies:
        held = [{value or "" for value in _FACETS[name](policy)} or {""} for name in group_by]
        tally.update(product(*held))
    return [
        {
            **{name: value or None for name, value in zip(group_by, group, strict=True)},
            "count": tally[group],
        }
        for group in sorted(tally, key=lambda group: [*map(_place, group_by, group)])
    ]


def _place(facet: str, value: str) -> tuple[int, str]:
    """Return where a value stands among those of its facet: severities from the least on."""
    return (Severity(value).rank if facet == "severity" and value else -1), value
