"""Orders of the list of policies that no index has: a tenant has few, so they are ordered here.

A page begins after what the page before ended with, whatever became of that policy meanwhile. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import orjson

from cloudsealed.kit.cursor import Position
from cloudsealed.policies.model import Policy
from cloudsealed.vocabulary import PolicyKind, PolicySource, Severity

Key: TypeAlias = list[int | str]

_LONGEST = 100  # characters of a title that tell an order: a cursor has them
_NONE = -1  # below every severity


def _by_severity(policy: Policy) -> Key:
    severity = policy.spec.get("severity")
    rank = Severity(severity).rank if severity else _NONE
    return [-rank, policy.spec["title"].casefold()[:_LONGEST], policy.id]


def _by_source(policy: Policy) -> Key:
    is_shipped = policy.source is PolicySource.BUILTIN
    return [is_shipped, policy.kind is PolicyKind.CHECK, *_by_severity(policy)]


ORDERS: Mapping[str, Callable[[Policy], Key]] = {"-severity": _by_severity, "-source": _by_source}
"""`-severity`: the severest first, then by title. `-source`: a tenant's own first, classifications
before checks, then the severest, then by title."""


def page_of(
    policies: Iterable[Policy], *, sort: str, after: Position | None, limit: int
) -> tuple[list[Policy], Position | None]:
    """Return a page of all policies that a list has, and where the next begins."""
    keyed = sorted(
        ((ORDERS[sort](policy), policy) for policy in policies), key=lambda item: item[0]
    )
    if after is not None:
        last = orjson.loads(str(after.value))
        keyed = [item for item in keyed if item[0] > last]
    shown, more = keyed[:limit], len(keyed) > limit
    ends = shown[-1] if more else None
    following = Position(ends[1].id, orjson.dumps(ends[0]).decode()) if ends else None
    return [policy for _key, policy in shown], following
