"""Why an outcome is unknown: JSON in an audit's records, its canonical text inside the engine.

A reason is of a `kind`: `call` is a provider call that did not answer, `not_asked` one that was not
made, `out_of_scope` what the audit's scope left out, `policy_error` a policy that failed,
`derivation_error` an answer that could not be read. Refuses to say what follows from a reason: the
engine does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

import orjson

from cloudsealed.collectors.model import NOT_ASKED, TOO_MANY, Gap, Unit
from cloudsealed.collectors.providers import provider_of
from cloudsealed.engine import Unknown
from cloudsealed.engine.gaps import Reasons
from cloudsealed.kit.canonical import canonical
from cloudsealed.vocabulary import CallOutcome

Reason: TypeAlias = Mapping[str, Any]
OUT_OF_SCOPE = "out_of_scope"
_MOST = 10
EVERYTHING = "*"
"""Under this name in `unread` stands why nothing is known of a resource but its id."""


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


def gap_document(gap: Gap) -> dict[str, Any]:
    """Return why something could not be read, with its IAM action and whether that cures it."""
    unit = gap.unit
    if gap.error_code in _WHY_NOT_ASKED:
        return not_asked_reason(unit, gap.error_code)
    return {
        "kind": "call",
        "service": unit.service,
        "operation": unit.operation,
        "account": unit.account,
        "region": unit.region,
        "parameters": orjson.loads(unit.parameters),
        "outcome": gap.outcome,
        "error_code": gap.error_code,
        "curable": gap.curable,
        "action": provider_of(unit.provider).permission_of(unit.service, unit.operation),
    }


_WHY_NOT_ASKED = {
    NOT_ASKED: "no policy read it at the time, or a setting says so",
    TOO_MANY: "it would be a call for each of too many",
}


def not_asked_reason(unit: Unit, why: str = NOT_ASKED) -> dict[str, Any]:
    """Return why something was left out: by a setting, since nothing read it at the time, or since
    it would be too many calls."""
    message = f"{unit.action} was not asked: {_WHY_NOT_ASKED[why]}"
    return {
        "kind": NOT_ASKED,
        "service": unit.service,
        "operation": unit.operation,
        "account": unit.account,
        "region": unit.region,
        "message": message,
    }


def underived_reason(error: str) -> dict[str, Any]:
    """Return why nothing that rests on a resource can be judged: what went wrong deriving it."""
    message = f"The resource could not be derived from its answers: {error}"
    return {"kind": "derivation_error", "error": error, "message": message}


def is_unsupported(reasons: Sequence[Reason]) -> bool:
    """Say whether there is no such thing in the region, for all that was missing."""
    return bool(reasons) and all(r.get("outcome") == CallOutcome.UNSUPPORTED for r in reasons)
