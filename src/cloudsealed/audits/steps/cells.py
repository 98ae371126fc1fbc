"""Reconciles a cell: what an audit says of a policy in one place becomes what its findings are.

A finding of which the audit says what is known already is not written: it follows its cell, whose
head moves once all of it is reconciled. That is so only while nobody else is at the cell. Where its
version tells of another audit, its findings stop following, and each is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import orjson

from cloudsealed.audits.records import cells
from cloudsealed.audits.records.blocks import Block, Blocks
from cloudsealed.audits.records.changes import write_changed, write_opened
from cloudsealed.audits.records.observation import Observation, observation_of
from cloudsealed.audits.steps.known import Known, Spoken, Wording
from cloudsealed.audits.steps.outcomes import Change, Outcomes, cell_of
from cloudsealed.audits.steps.reconcile import Seen, reconcile
from cloudsealed.findings import cell_store, said_store
from cloudsealed.findings import store as finding_rows
from cloudsealed.findings.cell_store import Cell
from cloudsealed.findings.model import Finding, Follows, Moment
from cloudsealed.findings.pin_store import Pin
from cloudsealed.kit.batches import batches
from cloudsealed.storage.database import Connection
from cloudsealed.vocabulary import Outcome, Severity

BATCH = 500
"""Findings that are reconciled in one transaction."""
Turn = Callable[[], AbstractContextManager[Connection]]


class _SharedError(Exception):
    """Another audit is at the cell."""


class CellReconciler:
    """Reconciles the cells of one audit, one at a time."""

    def __init__(
        self,
        *,
        tenant: str,
        audit_id: str,
        blocks: Blocks,
        outcomes: Outcomes,
        lane: Callable[[str], AbstractContextManager[Connection]],
        horizon: str,
    ) -> None:
        """`lane` opens a fenced transaction in which no other audit reconciles an account."""
        self._tenant = tenant
        self._audit = audit_id
        self._blocks = blocks
        self._outcomes = outcomes
        self._lane = lane
        self._horizon = horizon

    def judged(self, block: Block) -> list[Pin]:
        """Reconcile what a block says; return the findings that fail in it, as it says them."""
        if block.count > BATCH:
            return self._reconciled(block, partial(self._lane, block.account))
        with self._lane(block.account) as connection:
            if not block.count and self._outcomes.known(connection, block).is_empty:
                self._mark(connection, cell_of(block), self._outcomes.moment(block))
                return []  # most cells hold nothing, and nothing follows them
            return self._reconciled(block, lambda: nullcontext(connection))

    def withdrawn(self, cell: Cell, seen: Seen) -> bool:
        """Resolve the findings of a policy that is disabled or deleted; say whether any was."""
        with self._lane(cell.account) as connection:
            known = finding_rows.load_cell(connection, tenant=self._tenant, cell=cell)
            if not known:
                self._mark(connection, cell, seen.moment)
                return False
            version = self._begun(connection, cell, seen.moment)
            pairs = [(f, reconcile(self._outcomes.grounded(f, seen), seen)) for f in known.values()]
            changes = [(old, new) for old, new in pairs if new is not None]
            newest = self._newest(connection, cell, seen.moment, version)
            written = self._write(connection, cell, seen.moment, changes, newest)
            self._settle(connection, cell, seen.moment, version)
        return written

    def _reconciled(self, block: Block, turn: Turn) -> list[Pin]:
        with turn() as connection:
            version = self._begun(connection, cell_of(block), self._outcomes.moment(block))
        try:
            return self._spoken(block, turn, version)
        except _SharedError:
            self._unfollow(cell_of(block))
            return self._spoken(block, turn, None)

    def _begun(self, connection: Connection, cell: Cell, moment: Moment) -> int:
        self._mark(connection, cell, moment)
        return cell_store.begin(connection, tenant=self._tenant, cell=cell)

    def _mark(self, connection: Connection, cell: Cell, moment: Moment) -> None:
        cells.mark(connection, tenant=self._tenant, moment=moment, **cell._asdict())

    def _unfollow(self, cell: Cell) -> None:
        """Write the findings of a cell as they stand, whoever settles it next."""
        with self._lane(cell.account) as connection:
            known = finding_rows.load_cell(connection, tenant=self._tenant, cell=cell)
        for prints in batches([p for p, each in known.items() if each.follows], BATCH):
            with self._lane(cell.account) as connection:
                now = finding_rows.load(connection, tenant=self._tenant, fingerprints=prints)
                stand = [(f, replace(f, follows=Follows.NOTHING)) for f in now.values()]
                cell_store.begin(connection, tenant=self._tenant, cell=cell)
                self._write_changed(connection, stand)

    def _spoken(self, block: Block, turn: Turn, version: int | None) -> list[Pin]:
        """Reconcile what a block says; raises _SharedError, unless `version` is None: then every
        finding is written that the audit says anything new of."""
        cell, moment = cell_of(block), self._outcomes.moment(block)
        failing: list[Pin] = []
        with turn() as connection:
            known = self._known(connection, block, version)
        for batch in batches(self._unrecognised(block, known, failing), BATCH):
            with turn() as connection:
                failing += self._observed(connection, block, batch, version, known)
            for _line, observation in batch:
                self._outcomes.spoken(known.unseen, block, observation)
        for part in batches(known.unseen, BATCH):
            with turn() as connection:
                changes = self._outcomes.unseen(connection, block, part)
                newest = self._newest(connection, cell, moment, version)
                self._write(connection, cell, moment, changes, newest)
        with turn() as connection:
            self._settle(connection, cell, moment, version)
        return failing

    def _known(self, connection: Connection, block: Block, version: int | None) -> Known:
        """Return what is known of a cell; nobody is recognised where the audits share it."""
        if version is None:
            return self._outcomes.known(connection, block)
        head, _version = cell_store.head(connection, tenant=self._tenant, cell=cell_of(block))
        return self._outcomes.known(connection, block, head=head)

    def _unrecognised(self, block: Block, known: Known, failing: list[Pin]) -> Iterator[Spoken]:
        """Yield what a block says that is not known word by word; of the rest, add to `failing`
        what fails."""
        wording = Wording(block.header)
        for line in self._blocks.raw_lines(block):
            is_known, pin = known.recognise(wording, line)
            if not is_known:
                yield Spoken(line, observation_of(orjson.loads(line)))
            elif pin is not None:
                failing.append(pin)

    def _observed(
        self,
        connection: Connection,
        block: Block,
        batch: Sequence[Spoken],
        version: int | None,
        known: Known,
    ) -> list[Pin]:
        found = self._outcomes.observed(connection, block, [said for _line, said in batch])
        cell, moment = cell_of(block), self._outcomes.moment(block)
        newest = self._newest(connection, cell, moment, version)
        words = known.words(block, batch, found) if newest == moment else {}
        opened = [new for _, old, new in found if old is None and new is not None]
        if newest is not None:
            opened = [each.following(newest, words.get(each.id)) for each in opened]
        write_opened(connection, tenant=self._tenant, audit_id=self._audit, opened=opened)
        changes = [(old, new) for _, old, new in found if old and new]
        self._write(connection, cell, moment, changes, newest, words)
        noted = known.unheard(found, words, moment)
        said_store.remember(connection, tenant=self._tenant, said=noted)
        fails = [(seen, new) for seen, _, new in found if new and seen.outcome is Outcome.FAIL]
        asking = [seen.yields_to for seen, _ in fails if seen.yields_to is not None]
        others = finding_rows.load(connection, tenant=self._tenant, fingerprints=asking)
        base = Severity(block.header["severity"])
        return [_pinned(new.id, seen, base, others) for seen, new in fails]

    def _newest(
        self, connection: Connection, cell: Cell, moment: Moment, version: int | None
    ) -> Moment | None:
        """Return the moment that the cell's findings will follow, None if they do not; raises
        _SharedError."""
        if version is None:
            return None
        head, now = cell_store.head(connection, tenant=self._tenant, cell=cell)
        if now != version:
            raise _SharedError
        return moment if head.at > self._horizon else max(head, moment)

    def _write(
        self,
        connection: Connection,
        cell: Cell,
        moment: Moment,
        changes: Sequence[Change],
        newest: Moment | None,
        words: Mapping[str, bytes] = MappingProxyType({}),
    ) -> bool:
        """Write what following alone does not make of findings, or all that is new where `newest`
        is None; say whether anything was. `words`, by id, are what was said of them."""
        if newest is None:
            changed = [
                (old, replace(new, follows=Follows.NOTHING)) for old, new in changes if new != old
            ]
            cell_store.begin(connection, tenant=self._tenant, cell=cell)
        else:
            changed = [
                (old, new.following(newest, words.get(new.id)))
                for old, new in changes
                if old.at(moment) != new
            ]
        self._write_changed(connection, changed)
        return bool(changed)

    def _write_changed(self, connection: Connection, changed: Sequence[Change]) -> None:
        write_changed(connection, tenant=self._tenant, audit_id=self._audit, changed=changed)

    def _settle(
        self, connection: Connection, cell: Cell, moment: Moment, version: int | None
    ) -> None:
        if version is not None and not cell_store.settle(
            connection,
            tenant=self._tenant,
            cell=cell,
            moment=moment,
            version=version,
            horizon=self._horizon,
        ):
            raise _SharedError


def _pinned(ident: str, seen: Observation, base: Severity, others: dict[str, Finding]) -> Pin:
    """Return what an audit says of a finding that fails in it; `base` is its policy's severity."""
    other = others.get(seen.yields_to or "")
    return (
        ident,
        seen.severity.rank,
        (seen.base_severity or base).rank,
        seen.classified_by,
        not seen.asks,
        other.id if other else None,
    )
