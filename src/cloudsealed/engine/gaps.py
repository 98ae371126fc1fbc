"""What stands in a document for what was not read, and in an evaluation for what follows from it.

CEL's own unknowns: a value that nobody knows, with the caller's reasons for it. Beside it stands
what is known in part: a list of which some items were read, and a number between two others.
Refuses to say what a reason is: it is the caller's, and only collected.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeAlias

from cloudsealed.engine.meter import Meter
from cloudsealed.engine.values import Kind, Optional

Reasons: TypeAlias = frozenset[Hashable]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that was not read. As the entry of a map it may be absent too; else it is there."""

    spoken_as: ClassVar[Kind] = "dyn"
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class PartialList:
    """A list that was read in part: `items` are in it, in which places nobody knows.

    Each of `perhaps` may be in it as well, and with `is_open` any other item.
    """

    spoken_as: ClassVar[Kind] = "list"
    items: Sequence[Any]
    reasons: Reasons
    perhaps: Sequence[Any] = ()
    is_open: bool = True

    def __len__(self) -> int:
        return len(self.items)

    @property
    def size(self) -> int | Span:
        """How many items it has."""
        low = len(self.items)
        return between(low, None if self.is_open else low + len(self.perhaps), self.reasons)


@dataclass(frozen=True, slots=True)
class Span:
    """An int from `low` to `high`, both inclusive, or without an upper end."""

    spoken_as: ClassVar[Kind] = "int"
    low: int
    high: int | None
    reasons: Reasons


Gap: TypeAlias = Unknown | PartialList | Span
_GAP: Final = (Unknown, PartialList, Span)
GAPS: Final = frozenset(_GAP)


def between(low: int, high: int | None, reasons: Reasons) -> int | Span:
    """An int of a span, which may leave only one."""
    return low if low == high else Span(low, high, reasons)


def joined(*values: Any) -> Unknown:
    """The unknown value that follows from all of these that are gaps themselves."""
    return Unknown(frozenset[Hashable]().union(*(v.reasons for v in values if isinstance(v, _GAP))))


def reasons_in(value: Any, meter: Meter) -> Reasons | None:
    """The reasons of all gaps in a value and below it; None where all of it is known."""
    found: list[Reasons] = []
    rest, seen, steps = [value], set[int](), 0
    while rest:
        each = rest.pop()
        steps += 1
        if isinstance(each, _GAP):
            found.append(each.reasons)
        below = _below(each)
        if below and id(each) not in seen:
            # A list that an expression makes may hold another very often.
            seen.add(id(each))
            rest += below
    meter.charge(steps // _STEPS_A_UNIT)
    return frozenset[Hashable]().union(*found) if found else None


_STEPS_A_UNIT: Final = 64


def _below(value: Any) -> Sequence[Any]:
    match value:
        case list() | tuple():
            return value
        case dict():
            return list(value.values())
        case PartialList(items=items, perhaps=perhaps):
            return [*items, *perhaps]
        case Optional(items=items):
            return items
    return ()
