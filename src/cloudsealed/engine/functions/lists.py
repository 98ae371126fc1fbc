"""The lists and sets extensions: `sort`, `distinct`, `flatten`, `sets.contains` and their kin.

Source: the "lists" and "sets" extensions of CEL; `sortBy` is a macro. Items are compared as `==`
compares them. Refuses to order values of different kinds.
"""

from __future__ import annotations

from typing import Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.operators import equals, is_plain, some, sort_by
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import NONE, Optional, UInt, Value

_LIST: Final = kinds("list")
_INT: Final = kinds("int")


def slice_of(meter: Meter, items: list[Value], start: int, end: int) -> list[Value]:
    """The items from number `start` to before number `end`."""
    if not 0 <= start <= end <= len(items):
        raise EvaluationError(f"there are no items {start} to {end} in a list of {len(items)}")
    meter.charge(end - start)
    return items[start:end]


def flatten(meter: Meter, items: list[Value], depth: int = 1) -> list[Value]:
    """The list with the items of its lists in their place, once or to a depth."""
    if depth < 0:
        raise EvaluationError("flatten() takes a depth of at least 0")
    meter.charge(len(items))
    if depth == 0:
        return items
    flat: list[Value] = []
    for item in items:
        inner = item.__class__ is list
        flat += flatten(meter, item, depth - 1) if inner else [item]
    return flat


class _Bag:
    """Items that are looked for by `==`: scalars at once, the others one by one."""

    def __init__(self, meter: Meter, items: list[Value]) -> None:
        self.meter = meter
        self.hashed: set[tuple[bool, Value]] = set()
        self.others: list[Value] = []
        for item in items:
            self.add(item)

    def add(self, item: Value) -> None:
        self.meter.charge(1)
        if item is None or item.__class__ is bool or is_plain(item):
            self.hashed.add((item.__class__ is bool, item))
        else:
            self.others.append(item)

    def __contains__(self, item: Value) -> bool:
        self.meter.charge(1)
        if (item is None or item.__class__ is bool or is_plain(item)) and (
            (item.__class__ is bool, item) in self.hashed
        ):
            return True
        # A number may equal one of another kind; a list or map can only be among the others.
        self.meter.charge(len(self.others))
        return any(equals(self.meter, item, each) for each in self.others) or (
            item.__class__ in (float, UInt) and (False, item) in self.hashed
        )


def distinct(meter: Meter, items: list[Value]) -> list[Value]:
    """The list without the items that equal an earlier one."""
    seen = _Bag(meter, [])
    kept: list[Value] = []
    for item in items:
        if item not in seen:
            seen.add(item)
            kept.append(item)
    return kept


def sort(meter: Meter, items: list[Value]) -> list[Value]:
    """The items in order; they have one kind that `<` compares."""
    return sort_by(meter, [(item, item) for item in items])


def range_to(meter: Meter, count: int) -> list[Value]:
    """The ints from 0 to before `count`."""
    meter.charge(max(count, 0))
    return list(range(count))


def first(items: list[Value]) -> Optional:
    """The first item, as an optional value."""
    return some(items[0]) if items else NONE


def last(items: list[Value]) -> Optional:
    """The last item, as an optional value."""
    return some(items[-1]) if items else NONE


def contains_all(meter: Meter, items: list[Value], others: list[Value]) -> bool:
    """Whether every item of the second list is in the first."""
    bag = _Bag(meter, items)
    return all(other in bag for other in others)


def equivalent(meter: Meter, items: list[Value], others: list[Value]) -> bool:
    """Whether each list has every item of the other."""
    return contains_all(meter, items, others) and contains_all(meter, others, items)


def intersects(meter: Meter, items: list[Value], others: list[Value]) -> bool:
    """Whether an item is in both lists."""
    bag = _Bag(meter, items)
    return any(other in bag for other in others)


_TWO: Final = (_LIST, _LIST)

LISTS: Final = (
    Function("slice", (_LIST, _INT, _INT), "list", slice_of, "method", metered=True),
    Function("flatten", (_LIST,), "list", flatten, "method", metered=True),
    Function("flatten", (_LIST, _INT), "list", flatten, "method", metered=True),
    Function("distinct", (_LIST,), "list", distinct, "method", metered=True),
    Function("sort", (_LIST,), "list", sort, "method", metered=True),
    Function("lists.range", (_INT,), "list", range_to, metered=True),
    Function("first", (_LIST,), "optional", first, "method"),
    Function("last", (_LIST,), "optional", last, "method"),
    Function("sets.contains", _TWO, "bool", contains_all, metered=True),
    Function("sets.equivalent", _TWO, "bool", equivalent, metered=True),
    Function("sets.intersects", _TWO, "bool", intersects, metered=True),
)
