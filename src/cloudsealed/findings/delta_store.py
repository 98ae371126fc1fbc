"""What became of findings between an audit and an earlier one, from what failed in each.

What failed is kept of every audit, by descending ids: two such lists are read side by side, and
what they leave open is asked of the findings' rows and episodes. It writes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from sqlalchemy import ColumnElement, and_, bindparam, exists, not_, or_

from cloudsealed.findings.by_id_store import MOST, by_ids
from cloudsealed.findings.pin_store import Line, ident_of
from cloudsealed.kit.batches import batches
from cloudsealed.kit.cursor import Position
from cloudsealed.storage.database import Connection, Row, one_of
from cloudsealed.storage.keyset import SCAN_ROWS, SCAN_SECONDS, Listing, Rows, refuse_strangers
from cloudsealed.storage.schema import episodes, findings
from cloudsealed.vocabulary import DeltaKind, Outcome

_GOOD = (Outcome.PASS.value, Outcome.NOT_APPLICABLE.value)
_PINS = ("audit", "delta", "against")
_ENTERED, _STAYED, _LEFT = "entered", "stayed", "left"


@dataclass(frozen=True, slots=True)
class Compared:
    """An audit, the one before it that was asked for the same ('' if there is none), and the moment
    from which on what was first seen is new: when the audit's calls began.

    Where `before` was chosen, other audits may lie between: new is what was first seen since that
    one began, and `until` is when the audit's calls had ended, '' otherwise. An audit '' compares
    nothing.
    """

    audit: str = ""
    before: str = ""
    since: str = ""
    until: str = ""

    @property
    def values(self) -> dict[str, str]:
        """What conditions are bound to."""
        bound = {"delta_audit": self.audit, "delta_since": self.since}
        return {**bound, "delta_until": self.until} if self.until else bound


def sorted_out(
    these: Iterator[Line], before: Iterator[Line], kinds: Sequence[str], *, chosen: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield (id, what to ask its row) of everything in two descending lists, in that order; what
    is of none of `kinds` is to be asked '': nothing. What stayed between audits of which one was
    `chosen` is changed where the two say other things of it."""
    wants_changed = DeltaKind.CHANGED in kinds
    asked = {
        _ENTERED: _entered(kinds),
        _STAYED: DeltaKind.CHANGED.value if wants_changed and not chosen else "",
        _LEFT: DeltaKind.FIXED.value if DeltaKind.FIXED in kinds else "",
    }
    this, other = next(these, ""), next(before, "")
    while this or other:
        ident, place = ident_of(this), ident_of(other)
        where = _STAYED if ident == place else _ENTERED if ident > place else _LEFT
        is_told = chosen and where == _STAYED and wants_changed and _differ(this, other)
        yield max(ident, place), _ENTERED if is_told else asked[where]
        if where != _LEFT:
            this = next(these, "")
        if where != _ENTERED:
            other = next(before, "")


def _differ(this: Line, other: Line) -> bool:
    """Say whether two audits give a finding another severity, or one alone suppresses it; of an
    audit from before lines said so, that is not known."""
    if isinstance(this, str) or isinstance(other, str):
        return False
    return (this[1], this[4]) != (other[1], other[4])


def _entered(kinds: Sequence[str]) -> str:
    """Return what tells new from reopened ones: nothing need be asked where both are wanted."""
    wanted = [kind.value for kind in (DeltaKind.NEW, DeltaKind.REOPENED) if kind in kinds]
    return _ENTERED if len(wanted) == 2 else "".join(wanted)


def changed(
    connection: Connection,
    listing: Listing,
    failed: Callable[[str, str], Iterator[Line]],
    *,
    tenant: str,
    filters: Mapping[str, tuple[str, ...]],
    compared: Compared,
    after: Position | None,
    limit: int,
) -> Rows:
    """Return a page of what became of findings; its position names the audit, so that a walk stays
    with it when a newer one ends. `failed` yields the lines of an audit below an id, descending."""
    residual = listing.prepare({n: v for n, v in filters.items() if n not in _PINS})
    refuse_strangers(connection, listing, tenant=tenant, filters=residual)
    start = after.id if after else "~"
    this, before = failed(compared.audit, start), failed(compared.before, start)
    chosen = bool(compared.until)
    conditions = _CHOSEN if chosen else _CONDITIONS
    # What was known before a first audit was seen by one that was asked for something else.
    kinds = [k for k in filters["delta"] if compared.before or k != DeltaKind.REOPENED.value]
    told = sorted_out(this, before, kinds, chosen=chosen)
    found: list[Row] = []
    scanned, ends = 0, time.monotonic() + SCAN_SECONDS
    for part in batches(told, min(max(limit + 1, 100), MOST)):
        for asked in sorted({asked for _ident, asked in part if asked}):
            found += by_ids(
                connection,
                listing,
                tenant,
                [i for i, what in part if what == asked],
                residual,
                also=conditions[asked],
                values=_bound(asked, compared),
            )
        found.sort(key=itemgetter(0), reverse=True)
        scanned += len(part)
        if len(found) > limit:
            return Rows(found[:limit], Position(found[limit - 1][0], compared.audit))
        if scanned >= SCAN_ROWS or time.monotonic() > ends:
            return Rows(found, Position(part[-1][0], compared.audit))
    return Rows(found, None)


def _bound(asked: str, compared: Compared) -> dict[str, str]:
    return {} if asked == _ENTERED else compared.values


def _episode(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(
        and_(
            episodes.c.tenant_id == findings.c.tenant_id,
            episodes.c.finding_id == findings.c.id,
            *where,
        )
    )


_BY_AUDIT: ColumnElement[bool] = episodes.c.first_audit_id == bindparam("delta_audit")
_FIRST = or_(
    findings.c.first_seen_at >= bindparam("delta_since"),
    _episode(episodes.c.sequence == 1, _BY_AUDIT),
)
_CONDITIONS: Mapping[str, ColumnElement[bool] | None] = {
    _ENTERED: None,
    DeltaKind.NEW.value: _FIRST,
    DeltaKind.REOPENED.value: not_(_FIRST),
    DeltaKind.CHANGED.value: _episode(_BY_AUDIT),
    DeltaKind.FIXED.value: or_(
        findings.c.resolved_by == bindparam("delta_audit"),
        _episode(_BY_AUDIT, one_of(episodes.c.outcome, _GOOD)),
    ),
}
"""What a row is asked. New is what this audit saw first; changed, what it saw to fail in another
severity, or again after another audit had seen it pass; fixed, what it resolved, for whatever
reason."""

_UNTIL: ColumnElement[str] = bindparam("delta_until")
_SINCE_THEN = findings.c.first_seen_at >= bindparam("delta_since")
_LATER = episodes.alias("later")
_GOOD_LAST = _episode(
    one_of(episodes.c.outcome, _GOOD),
    episodes.c.first_at > bindparam("delta_since"),
    episodes.c.first_at <= _UNTIL,
    not_(
        exists().where(
            and_(
                _LATER.c.tenant_id == episodes.c.tenant_id,
                _LATER.c.finding_id == episodes.c.finding_id,
                _LATER.c.sequence > episodes.c.sequence,
                _LATER.c.outcome == Outcome.FAIL.value,
                _LATER.c.first_at <= _UNTIL,
            )
        )
    ),
)
_CHOSEN: Mapping[str, ColumnElement[bool] | None] = {
    _ENTERED: None,
    DeltaKind.NEW.value: _SINCE_THEN,
    DeltaKind.REOPENED.value: not_(_SINCE_THEN),
    DeltaKind.FIXED.value: or_(
        findings.c.resolved_by == bindparam("delta_audit"),
        findings.c.resolved_at <= _UNTIL,
        _GOOD_LAST,
    ),
}
"""What a row is asked between any two audits. New is what was first seen since the earlier one
began; reopened, what was known before and did not fail in it; fixed, what was resolved by the time
of the later one, or was seen good last by then."""
