"""Why an outcome is unknown: JSON in an audit's records, its canonical text inside the engine.

A reason is of a `kind`: `call` is a provider call that did not answer, `out_of_scope` what the
audit's scope left out, `not_asked` a call that it did not make, `policy_error` a policy that failed, `derivation_error` an answer that could
not be read. Refuses to say what follows from a reason: the engine does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeAlias

import orjson

from cloudsealed.collectors.model import NOT_ASKED
from cloudsealed.engine import Unknown
from cloudsealed.engine.gaps import Reasons
from cloudsealed.kit.canonical import canonical
from cloudsealed.vocabulary import CallOutcome

Reason: TypeAlias = Mapping[str, Any]
OUT_OF_SCOPE = "out_of_scope"
_MOST = 10


class Missing(StrEnum):
    """Why there is no verdict: something was not read that could have been, or nobody may read it,
    or the audit was not asked to."""

    UNREAD = "unread"
    FORBIDDEN = "forbidden"
    OUT_OF_SCOPE = "out_of_scope"


def unknown(reasons: Iterable[Reason]) -> Unknown:
    """Return the gap that is there for these reasons."""
    return Unknown(frozenset(canonical(each).decode() for each in reasons))


def told(reasons: Reasons) -> tuple[Reason, ...]:
    """Return the reasons of a gap in one order, ten at most; what `missing` goes by is first."""
    found: list[Reason] = [orjson.loads(each) for each in sorted(map(str, reasons))]
    return tuple(sorted(found, key=lambda each: _RANKS[_of(each)])[:_MOST])


def missing(reasons: Iterable[Reason]) -> Missing:
    """Return why there is no verdict for these reasons: reading one may be enough to have it."""
    return min(map(_of, reasons), key=_RANKS.__getitem__, default=Missing.UNREAD)


_RANKS = {each: rank for rank, each in enumerate(Missing)}


def _of(reason: Reason) -> Missing:
    if reason["kind"] in (OUT_OF_SCOPE, NOT_ASKED):
        return Missing.OUT_OF_SCOPE
    if reason["kind"] == "call" and CallOutcome(reason["outcome"]).forbidden:
        return Missing.FORBIDDEN
    return Missing.UNREAD
