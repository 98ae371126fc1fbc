"""What became of findings between an audit and the one before it, from what failed in each.

The ids that failed are kept of every audit, descending: two such lists are read side by side, and
what they leave open is asked of the findings' rows and episodes. It writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, bindparam, exists, not_, or_

from cloudsealed.storage.database import one_of
from cloudsealed.storage.schema import episodes, findings
from cloudsealed.vocabulary import DeltaKind, Outcome

_GOOD = (Outcome.PASS.value, Outcome.NOT_APPLICABLE.value)
_ENTERED, _STAYED, _LEFT = "entered", "stayed", "left"


@dataclass(frozen=True, slots=True)
class Compared:
    """An audit, the one before it that was asked for the same ('' if there is none), and the moment
    when the audit's calls began; an audit '' compares nothing."""

    audit: str = ""
    before: str = ""
    since: str = ""

    @property
    def values(self) -> dict[str, str]:
        """What `condition` is bound to."""
        return {"delta_audit": self.audit, "delta_since": self.since}


def sorted_out(
    these: Iterator[str], before: Iterator[str], kinds: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield (id, what to ask its row) of everything in two descending lists, in that order; what
    is of none of `kinds` is to be asked '': nothing."""
    asked = {
        _ENTERED: _entered(kinds),
        _STAYED: DeltaKind.CHANGED.value if DeltaKind.CHANGED in kinds else "",
        _LEFT: DeltaKind.FIXED.value if DeltaKind.FIXED in kinds else "",
    }
    this, other = next(these, ""), next(before, "")
    while this or other:
        where = _STAYED if this == other else _ENTERED if this > other else _LEFT
        yield max(this, other), asked[where]
        if where != _LEFT:
            this = next(these, "")
        if where != _ENTERED:
            other = next(before, "")


def _entered(kinds: Sequence[str]) -> str:
    """Return what tells new from reopened ones: nothing need be asked where both are wanted."""
    wanted = [kind.value for kind in (DeltaKind.NEW, DeltaKind.REOPENED) if kind in kinds]
    return _ENTERED if len(wanted) == 2 else "".join(wanted)


def conditions(asked: str) -> list[ColumnElement[bool]]:
    """Return the conditions on a row of findings for what `sorted_out` says to ask.

    New is what this audit saw first. Changed is what it saw to fail in another severity, or again
    after another audit had seen it pass. Fixed is what it resolved, for whatever reason.
    """
    if asked in ("", _ENTERED):
        return []
    audit: ColumnElement[str] = bindparam("delta_audit")
    since: ColumnElement[str] = bindparam("delta_since")
    begun = _episode(episodes.c.first_audit_id == audit)
    first = or_(
        findings.c.first_seen_at >= since,
        _episode(episodes.c.sequence == 1, episodes.c.first_audit_id == audit),
    )
    fixed = or_(
        findings.c.resolved_by == audit,
        _episode(episodes.c.first_audit_id == audit, one_of(episodes.c.outcome, _GOOD)),
    )
    return [
        {
            DeltaKind.NEW.value: first,
            DeltaKind.REOPENED.value: not_(first),
            DeltaKind.CHANGED.value: begun,
            DeltaKind.FIXED.value: fixed,
        }[asked]
    ]


def _episode(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(
        and_(
            episodes.c.tenant_id == findings.c.tenant_id,
            episodes.c.finding_id == findings.c.id,
            *where,
        )
    )
