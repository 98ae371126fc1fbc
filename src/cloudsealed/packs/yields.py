"""Which policies yield to which more general ones. Pure, over what policies say.

It refuses what would never come true: a key that no check has, a policy that judges no resource of
the same type, and a circle, in which none would be left to ask for attention.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cloudsealed.kit.shapes import FormError

Words = Mapping[str, Any]


def refuse_yields(
    key: str, words: Words, checks: Mapping[str, Words], kept: Collection[str] = ()
) -> None:
    """Raise FormError at the first of the `yields_to` of a check that cannot be.

    `checks` are the words of every check by key; `kept` are keys that may be of none, as the check
    named them before.
    """
    for index, other in enumerate(words.get("yields_to") or ()):
        at = ("yields_to", index)
        if other == key:
            raise FormError(at, "must be another policy")
        if other in kept and other not in checks:
            continue
        if other not in checks:
            known = [name for name in checks if name != key]
            raise FormError(at, f"is the key of no check: {other!r}", word=other, known=known)
        if set(words["resource_types"]).isdisjoint(checks[other]["resource_types"]):
            message = f"must judge a resource type of this policy, and {other!r} judges none"
            raise FormError(at, message)
        others = {name: said.get("yields_to") or () for name, said in checks.items()}
        if way := leads(other, key, others):
            raise FormError(at, f"goes in a circle: {' yields to '.join((key, *way))}")


def leads(start: str, end: str, others: Mapping[str, Collection[str]]) -> tuple[str, ...] | None:
    """Return a way from one check to another by what each yields to; None if there is none."""
    ways: dict[str, tuple[str, ...]] = {start: (start,)}
    for key in (found := [start]):  # it grows as others are found
        for other in others.get(key, ()):
            if other not in ways:
                ways[other] = (*ways[key], other)
                found.append(other)
    return ways.get(end)
