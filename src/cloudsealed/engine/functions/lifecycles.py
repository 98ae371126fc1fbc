"""`lifecycle(product, version)`: how long the vendor cares for a version, by the audit's clock.

Source: the tables `versions` and `products` of `cloudsealed.packs.facts`, whose rows name the
vendor's page. Refuses to guess: a product or a version that no row knows is an error, so a verdict
that needs it is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Final, NamedTuple

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value
from cloudsealed.packs.facts import facts

SOON: Final = timedelta(days=180)
"""How long before its standard support ends a version is called `soon`."""

_LONGEST: Final = 100
_DAY: Final = timedelta(days=1)


class _Dates(NamedTuple):
    """The days from which something is over; None is a day that the vendor has not named."""

    standard: date | None
    extended: date | None
    updates: date | None


class _Product:
    """The versions of one product, and how they are named."""

    def __init__(self, row: Mapping[str, str]) -> None:
        self.name = row["product"]
        self.prefix = row["prefix"]
        self.numbered = row["names"] == "numbered"
        later = _DAY if row["a_date_is"] == "last_with" else timedelta()
        self.versions = {
            each["version"]: _Dates(
                _day(each["standard_ends"], later),
                _day(each["extended_ends"], later),
                _day(each["updates_end"], later),
            )
            for each in facts("versions")
            if each["product"] == self.name
        }

    def dates(self, version: str, today: date) -> _Dates:
        """The dates of the row that fits best: all of the name, or the most of its first parts."""
        name = version.strip().removeprefix(self.prefix)
        parts = name.split(".") if self.numbered else [name]
        for length in range(len(parts), 0, -1):
            found = self.versions.get(".".join(parts[:length]))
            if found:
                return found
        oldest = self._oldest()
        if oldest and _number(name) < oldest and _over(_last(self.versions[_text(oldest)]), today):
            return _Dates(date.min, None, None)
        raise EvaluationError(f"no table knows the version {version!r} of {self.name}")

    def _oldest(self) -> tuple[int, ...] | None:
        return min(map(_number, self.versions)) if self.numbered else None


def _day(text: str, later: timedelta) -> date | None:
    return date.fromisoformat(text) + later if text else None


def _number(name: str) -> tuple[int, ...]:
    """The numbers with which a version begins; what begins with none is newer than every one."""
    numbers: list[int] = []
    for part in name.split("."):
        if not (part.isascii() and part.isdigit()):
            break
        numbers.append(int(part))
    return tuple(numbers) or (10**9,)


def _text(number: tuple[int, ...]) -> str:
    return ".".join(map(str, number))


def _last(dates: _Dates) -> date | None:
    """The first day without standard and without extended support."""
    return dates.standard and max(dates.standard, dates.extended or date.min)


def _over(end: date | None, today: date) -> bool:
    return end is not None and today >= end


def _near(end: date | None, today: date) -> bool:
    return end is not None and timedelta() < end - today <= SOON


@cache
def _products() -> Mapping[str, _Product]:
    return {row["product"]: _Product(row) for row in facts("products")}


def lifecycle(now: datetime, product: str, version: str) -> dict[Value, Value]:
    """`lifecycle("aws-lambda", resource.Runtime).deprecated`: a map of how far a version is.

    `deprecated`: standard support is over; `soon`: it will be within 180 days; `extended`: it is
    over and extended support, which is paid, has begun; `ended`: no support of either kind is
    left; `ends_soon`: that will be so within 180 days. `standard_ended`, `extended_ended` and
    `updates_ended` are the first days without (YYYY-MM-DD, null where the vendor names none).
    Compared are whole days in UTC.
    A version fits the row that has most of its first parts: 8.0.35 is 8.0, 14.9 is 14,
    5.7.mysql_aurora.2.12.0 is 5.7. One that is older than all of its product's, of which the
    oldest has ended, has ended too. A product or version that no table knows is an error.
    """
    found = _products().get(product)
    if found is None:
        raise EvaluationError(f"no table knows the product {product[:_LONGEST]!r}")
    if len(version) > _LONGEST:
        raise EvaluationError(f"lifecycle() takes versions of at most {_LONGEST} characters")
    return dict(_judged(found, version, now.date()))


@lru_cache(maxsize=4096)
def _judged(product: _Product, version: str, today: date) -> Mapping[Value, Value]:
    dates = product.dates(version, today)
    deprecated, ended = _over(dates.standard, today), _over(_last(dates), today)
    return {
        "standard_ended": _shown(dates.standard),
        "extended_ended": _shown(dates.extended),
        "updates_ended": _shown(dates.updates),
        "deprecated": deprecated,
        "soon": _near(dates.standard, today),
        "extended": deprecated and not ended,
        "ended": ended,
        "ends_soon": _near(_last(dates), today),
    }


def _shown(day: date | None) -> str | None:
    return None if day in (None, date.min) else str(day)


_TEXT: Final = kinds("string")

LIFECYCLES: Final = (Function("lifecycle", (_TEXT, _TEXT), "map", lifecycle, clocked=True),)
