"""Shards: the parts that an audit is done in, and the leases of those who do them.

An audit begins as one shard, its plan; what follows from a shard is added in the transaction that
ends it. A row is a shard that is not done: waiting, or held under a lease. Whoever holds it may
write, and every write checks the lease in its own transaction, so that it does not matter how often
or to how many a shard is given. It refuses to know what a shard does, and what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from time import monotonic
from typing import Any, NamedTuple

import orjson
from sqlalchemy import and_, bindparam, func, null, or_, select
from sqlalchemy.dialects.postgresql import insert

from cloudsealed.audits.model import CanceledError, LeaseLostError
from cloudsealed.events import emit
from cloudsealed.jobs.store import enqueue, forget_queued
from cloudsealed.kit.clock import Clock, parse_rfc3339, rfc3339
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Connection, Database, Row, none_of
from cloudsealed.storage.forgetting import forget
from cloudsealed.storage.objects import month_of
from cloudsealed.storage.schema import audit_shards as shards
from cloudsealed.storage.schema import audits
from cloudsealed.storage.tenancy import take_fence, take_shards
from cloudsealed.vocabulary import AuditStatus, EventType


class Step(StrEnum):
    """What is done in a shard, in the order of an audit."""

    PLAN = "plan"
    COLLECT = "collect"
    JUDGE = "judge"
    RECONCILE = "reconcile"
    SEAL = "seal"


JOB = "audit"
"""The kind of job that does shards of the audit which is its subject."""
LEASE_SECONDS = 15
RENEW_SECONDS = 5
_TOGETHER = {Step.COLLECT: 16}
"""How many shards of a step are taken at once where others work too; of the rest one."""
MOST_TAKES = 5
"""How often a shard is taken whose workers die; at the last time it is given up."""
_LONGEST_LEASE = timedelta(hours=1)  # what ends later was taken under a clock that ran ahead
_FINAL = tuple(status.value for status in AuditStatus if status.is_final)


class Shard(NamedTuple):
    """A part of an audit: a place to collect, or an account to judge or to reconcile."""

    step: Step
    account: str = ""
    region: str = ""


_AUDIT = and_(audits.c.tenant_id == bindparam("tenant"), audits.c.id == bindparam("ident"))
_OF_AUDIT = and_(shards.c.tenant_id == bindparam("tenant"), shards.c.audit_id == bindparam("ident"))
_HELD = and_(_OF_AUDIT, shards.c.hold == bindparam("held"))
_PLACE = and_(shards.c.account == bindparam("acct"), shards.c.region == bindparam("place"))
_IS_FINAL = select(audits.c.status).where(_AUDIT, audits.c.deleted_at.is_(None))
_IS_CANCELED = select(audits.c.cancel_requested).where(_AUDIT)
_PROGRESS = select(audits.c.progress).where(_AUDIT)
_COUNT = audits.update().where(_AUDIT).values(progress=bindparam("counted"))
_ADD = insert(shards).on_conflict_do_nothing()
_OVER = or_(
    shards.c.until < bindparam("now"),
    shards.c.until > bindparam("absurd"),
    shards.c.owner == bindparam("own"),
)
_LOST = select(shards.c.hold).where(_OF_AUDIT, shards.c.hold.is_not(None), _OVER).distinct()
_LET_GO = shards.update().where(_HELD).values(hold=null(), owner=null(), until=bindparam("due"))
_GIVE_BACK = (
    shards.update()
    .where(_OF_AUDIT, shards.c.owner == bindparam("own"))
    .values(hold=null(), owner=null(), until=bindparam("due"), taken=shards.c.taken - 1)
)
_LET_ALL_GO = (  # who stops an audit, or lets it go on, speaks of no worker's death
    shards.update()
    .where(_OF_AUDIT)
    .values(hold=null(), owner=null(), until=bindparam("due"), taken=0)
)
_LEAVE_ALONE = shards.update().where(_OF_AUDIT, shards.c.hold.is_(None)).values(until=null())
_ANY_HELD = select(shards.c.hold).where(_OF_AUDIT, shards.c.hold.is_not(None)).limit(1)
_WAITING = (
    select(shards.c.account, shards.c.region, shards.c.taken, shards.c.counts)
    .where(_OF_AUDIT, shards.c.step == bindparam("step_"), shards.c.hold.is_(None))
    .order_by(shards.c.account, shards.c.region)
)
_SOME_WAITING = _WAITING.limit(bindparam("most"))
_TAKE = (
    shards.update()
    .where(_OF_AUDIT, shards.c.step == bindparam("step_"), _PLACE)
    .values(
        hold=bindparam("held"),
        owner=bindparam("own"),
        until=bindparam("due"),
        taken=shards.c.taken + 1,
        counts=null(),
    )
)
_PASS_ON = shards.update().where(_HELD).values(hold=bindparam("new_hold"))
_FENCE = select(shards.c.counts).where(
    _OF_AUDIT, shards.c.step == bindparam("step_"), _PLACE, shards.c.hold == bindparam("held")
)
_TELL = (
    shards.update()
    .where(_HELD, shards.c.step == bindparam("step_"), _PLACE)
    .values(counts=bindparam("counted"))
)
_RENEW = (  # the first row of a lease says when it ends: two writers meet in no other
    shards.update()
    .where(_HELD, shards.c.step == bindparam("step_"), _PLACE)
    .values(until=bindparam("due"))
)
_DONE = shards.delete().where(_HELD)
_FORGET = shards.delete().where(_OF_AUDIT)
_LEFT = select(shards.c.step).where(_OF_AUDIT, shards.c.step == bindparam("step_")).limit(1)
_LEFT_OF = _LEFT.where(shards.c.account == bindparam("acct"))
_CANCEL = (
    audits.update()
    .where(_AUDIT, none_of(audits.c.status, _FINAL))
    .values(status=AuditStatus.CANCELED.value, finished_at=bindparam("moment"), cancel_requested=1)
)
_REOPEN = (
    audits.update()
    .where(_AUDIT, audits.c.status == AuditStatus.FAILED.value, audits.c.deleted_at.is_(None))
    .values(
        status=AuditStatus.COLLECTING.value, error=null(), finished_at=null(), cancel_requested=0
    )
)
_ABANDONED = (  # tenantless: audit by lease
    select(shards.c.tenant_id, shards.c.audit_id)
    .join(audits, and_(audits.c.tenant_id == shards.c.tenant_id, audits.c.id == shards.c.audit_id))
    .where(
        or_(shards.c.until < bindparam("now"), shards.c.until > bindparam("absurd")),
        none_of(audits.c.status, _FINAL),
        audits.c.deleted_at.is_(None),
    )
    .distinct()
)

_STANDING = (  # tenantless: housekeeping
    select(shards.c.step, shards.c.hold.is_(None), func.count(), func.min(shards.c.until))
    .join(audits, and_(audits.c.tenant_id == shards.c.tenant_id, audits.c.id == shards.c.audit_id))
    .where(none_of(audits.c.status, _FINAL))
    .group_by(shards.c.step, shards.c.hold.is_(None))
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How many shards of a step wait or are held, and since when the first of those that wait does,
    None where that is not known."""

    step: str
    waits: bool
    count: int
    since: datetime | None


class Lease:
    """The right to write an audit while one does some shards of it, as long as no other took them.

    It also carries word between the threads of that work: what ended it, and signs of life.
    """

    def __init__(
        self,
        store: Shards,
        tenant: str,
        audit_id: str,
        owner: str,
        ident: str,
        parts: tuple[Shard, ...],
        takes: int,
    ) -> None:
        self.tenant = tenant
        self.audit_id = audit_id
        self.parts = parts
        self.takes = takes
        self.ident = ident
        self.owner = owner
        self._store = store
        self.renewed = store.now()
        self.sign: Callable[[], None] = lambda: None
        """Called at every sign of life."""
        self._ended: BaseException | None = None
        self._alive_at = monotonic()

    @property
    def doing(self) -> Step:
        """What is done under it."""
        return self.parts[0].step

    @property
    def is_last_take(self) -> bool:
        """Whether all workers died that took these shards: they are held to be given up."""
        return self.takes >= MOST_TAKES

    def end(self, error: BaseException) -> None:
        """Let every thread of the work hear `error` as soon as it goes on."""
        self._ended = self._ended or error

    def check(self) -> None:
        """Raise what ended the work, if something did."""
        if self._ended is not None:
            raise self._ended

    def step(self) -> None:
        """Count what comes next as a sign of life; raises what ended the work."""
        self.check()
        self._alive_at = monotonic()
        self.sign()

    def silent_for(self) -> float:
        """Return for how many seconds there was no sign of life."""
        return monotonic() - self._alive_at

    def anew(self) -> Lease:
        """Take the shards again: what others still write under this lease is refused from here on.

        Raises LeaseLostError.
        """
        return self._store.take_again(self)

    def free(self, *, queue: bool = False) -> None:
        """Give the shards back, as `Shards.give_back` does."""
        self._store.give_back(
            tenant=self.tenant, ident=self.audit_id, owner=self.owner, queue=queue
        )

    @property
    def bound(self) -> dict[str, Any]:
        """What a statement about this lease is bound to."""
        return {"tenant": self.tenant, "ident": self.audit_id, "held": self.ident}

    @property
    def month(self) -> str:
        """The month in which what the audit stores is used."""
        return month_of(self._store.now())

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a write transaction that only this lease's holder can commit."""
        self.step()
        with self._store.database.write() as connection:
            self._store.check(connection, self)
            yield connection

    @contextmanager
    def closing(self) -> Iterator[Connection]:
        """Open the transaction that ends the lease's shards as done, and adds what follows: one at
        a time in an audit, so that one of them is the last."""
        with self.write() as connection:
            take_shards(connection, tenant=self.tenant, audit=self.audit_id)
            connection.run(_DONE, self.bound)
            yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """Open a write transaction as `write` does, in which nobody else writes the audit or takes
        shards of it."""
        self.step()
        with self._store.database.write() as connection:
            take_fence(connection, tenant=self.tenant, audit=self.audit_id)
            self._store.check(connection, self)
            take_shards(connection, tenant=self.tenant, audit=self.audit_id)
            yield connection

    def renew(self) -> None:
        """Hold the shards for another while; raises LeaseLostError or CanceledError."""
        with self._store.database.write() as connection:
            self._store.renew(connection, self)
        self.look()

    def look(self) -> None:
        """Raise CanceledError if somebody canceled the audit."""
        with self._store.database.read() as connection:
            row = connection.first(_IS_CANCELED, {"tenant": self.tenant, "ident": self.audit_id})
        if row and row[0]:
            raise CanceledError(self.audit_id)

    def set(self, **columns: Any) -> None:
        """Write columns of the audit's row."""
        with self.write() as connection:
            self.set_in(connection, **columns)

    def set_in(self, connection: Connection, **columns: Any) -> None:
        """Write columns of the audit's row within a fenced transaction; objects become JSON."""
        values = {
            name: orjson.dumps(value).decode() if isinstance(value, dict | list | tuple) else value
            for name, value in columns.items()
        }
        statement = (
            audits.update()
            .where(_AUDIT)
            .values({name: bindparam(f"new_{name}") for name in values})
        )
        bound = {f"new_{name}": value for name, value in values.items()}
        connection.run(statement, {"tenant": self.tenant, "ident": self.audit_id, **bound})

    def count(self, more: Mapping[str, int]) -> dict[str, int]:
        """Add to the audit's progress what is done since; return the progress of all its shards."""
        with self.write() as connection:
            take_shards(connection, tenant=self.tenant, audit=self.audit_id)
            return self._store.count(connection, self, more)


class Shards:
    """Gives out the shards of audits."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.now = clock

    def take(
        self, *, tenant: str, ident: str, owner: str, shared: bool = False, only: bool = False
    ) -> Lease | None:
        """Take the shards of the latest step that has any to take: waiting, or held under a lease
        that ran out or is one's own. None when there are none.

        `shared` leaves work for others: half of the places that wait are taken, at most 16, or one
        account; and a shard whose worker died is taken alone, so that it takes none with it if it
        is the one that ends its worker. Source: guided self-scheduling (Polychronopoulos and Kuck,
        IEEE Transactions on Computers C-36, 1987). `only` takes nothing while others hold any.
        """
        named = {"tenant": tenant, "ident": ident}
        with self.database.write() as connection:
            self._let_lost_go(connection, named, owner)
            take_shards(connection, tenant=tenant, audit=ident)
            row = connection.first(_IS_FINAL, named)
            if row is None or row[0] in _FINAL:
                return None
            if only and connection.first(_ANY_HELD, named) is not None:
                return None
            step, found = self._waiting(connection, named, shared=shared)
            if not found:
                return None
            parts = tuple(Shard(step, account, region) for account, region, *_ in found)
            takes = max(taken for *_, taken, _counts in found) + 1
            lease = Lease(self, tenant, ident, owner, new_id("hld"), parts, takes)
            until = [_lease_end(self.now()), *[None] * (len(parts) - 1)]
            rows = [
                {**lease.bound, "own": owner, "due": due, **_place(part)}
                for part, due in zip(parts, until, strict=True)
            ]
            connection.many(_TAKE, rows)
            self._uncount(connection, named, [row[3] for row in found if row[3]])
            return lease

    def _let_lost_go(self, connection: Connection, named: Mapping[str, Any], owner: str) -> None:
        """Free the shards of leases that ran out or are `owner`'s, while nobody writes by them."""
        bound = {**named, **_bounds(self.now()), "own": owner}
        if connection.first(_LOST, bound) is None:
            return
        take_fence(connection, tenant=named["tenant"], audit=named["ident"])
        for (held,) in connection.all(_LOST, bound):
            connection.run(_LET_GO, {**named, "held": held, "due": _lease_end(self.now())})

    def _waiting(
        self, connection: Connection, named: Mapping[str, Any], *, shared: bool
    ) -> tuple[Step, list[Row]]:
        for step in reversed(Step):
            bound = {**named, "step_": step.value}
            if not shared:
                found = connection.all(_WAITING, bound)
            else:
                most = 2 * _TOGETHER.get(step, 1)
                found = connection.all(_SOME_WAITING, {**bound, "most": most})
                found = _safe(found[: (len(found) + 1) // 2])
            if found:
                return step, found
        return Step.PLAN, []

    def take_again(self, lease: Lease) -> Lease:
        """Return a new lease for the shards of one, which ends; raises LeaseLostError."""
        new = Lease(
            self, lease.tenant, lease.audit_id, lease.owner, new_id("hld"), lease.parts, lease.takes
        )
        with self.database.write() as connection:
            take_fence(connection, tenant=lease.tenant, audit=lease.audit_id)
            connection.run(_PASS_ON, {**lease.bound, "new_hold": new.ident})
            self.renew(connection, new)
        return new

    def give_back(self, *, tenant: str, ident: str, owner: str, queue: bool) -> None:
        """Give back all shards of an audit that an owner holds: they wait again, as if they had not
        been taken. With `queue` a worker goes on with them at once, else nobody looks for them."""
        named = {"tenant": tenant, "ident": ident, "own": owner}
        with self.database.write() as connection:
            take_fence(connection, tenant=tenant, audit=ident)
            given = connection.run(_GIVE_BACK, {**named, "due": _lease_end(self.now())})
            if not queue:
                connection.run(_LEAVE_ALONE, {"tenant": tenant, "ident": ident})
            elif given:
                enqueue(connection, tenant=tenant, kind=JOB, subject=ident)

    def check(self, connection: Connection, lease: Lease) -> None:
        """Raise LeaseLostError unless `lease` is in force, which it stays until the transaction
        ends; other writers of the audit go on. Now and then it is renewed in passing."""
        take_fence(connection, tenant=lease.tenant, audit=lease.audit_id, shared=True)
        if connection.first(_FENCE, {**lease.bound, **_place(lease.parts[0])}) is None:
            raise LeaseLostError(lease.audit_id)
        if not lease.renewed <= self.now() < lease.renewed + timedelta(seconds=RENEW_SECONDS):
            self.renew(connection, lease)

    def renew(self, connection: Connection, lease: Lease) -> None:
        """Let a lease end later; raises LeaseLostError."""
        lease.renewed = self.now()
        due = {"due": _lease_end(lease.renewed), **_place(lease.parts[0])}
        if not connection.run(_RENEW, {**lease.bound, **due}):
            raise LeaseLostError(lease.audit_id)

    def add(self, connection: Connection, *, tenant: str, ident: str, new: Iterable[Shard]) -> None:
        """Add shards to an audit, in the transaction that ends those from which they follow."""
        rows = [self._row(tenant, ident, shard) for shard in new]
        if rows:
            connection.many(_ADD, rows)

    def _row(self, tenant: str, ident: str, shard: Shard) -> dict[str, Any]:
        return new_row(tenant, ident, shard, until=_lease_end(self.now()))

    def is_left(
        self, connection: Connection, *, tenant: str, ident: str, step: Step, account: str = ""
    ) -> bool:
        """Say whether a shard of a step, of an account if one is named, is not done."""
        named = {"tenant": tenant, "ident": ident, "step_": step.value}
        if account:
            return connection.first(_LEFT_OF, {**named, "acct": account}) is not None
        return connection.first(_LEFT, named) is not None

    def wanted(self, connection: Connection, *, tenant: str, ident: str, most: int) -> int:
        """Return how many workers would find shards to take, `most` at most."""
        named = {"tenant": tenant, "ident": ident}
        found = 0
        for step in Step:
            each = _TOGETHER.get(step, 1) // 4 or 1
            bound = {**named, "step_": step.value, "most": most * each}
            found += -(-len(connection.all(_SOME_WAITING, bound)) // each)
        return min(found, most)

    def count(
        self, connection: Connection, lease: Lease, more: Mapping[str, int]
    ) -> dict[str, int]:
        """Add to the progress of a lease's audit; return it. Call it alone among its shards."""
        place = {**lease.bound, **_place(lease.parts[0])}
        row = connection.first(_FENCE, place)
        said = orjson.loads(row[0]) if row and row[0] else {}
        told = {name: said.get(name, 0) + more.get(name, 0) for name in {*said, *more}}
        connection.run(_TELL, {**place, "counted": orjson.dumps(told).decode()})
        return self._counted(connection, {"tenant": lease.tenant, "ident": lease.audit_id}, more)

    def _uncount(
        self, connection: Connection, named: Mapping[str, Any], counts: Iterable[str]
    ) -> None:
        """Take back what was counted of shards that are done again; calls are in the ledger."""
        less: dict[str, int] = {}
        for each in counts:
            for name, number in orjson.loads(each).items():
                if name != "calls":
                    less[name] = less.get(name, 0) - number
        if less:
            self._counted(connection, named, less)

    def _counted(
        self, connection: Connection, named: Mapping[str, Any], more: Mapping[str, int]
    ) -> dict[str, int]:
        row = connection.first(_PROGRESS, named)
        assert row is not None
        progress: dict[str, int] = orjson.loads(row[0])
        progress |= {name: max(0, progress[name] + number) for name, number in more.items()}
        connection.run(_COUNT, {**named, "counted": orjson.dumps(progress).decode()})
        return progress

    def cancel(self, *, tenant: str, ident: str) -> bool:
        """End an audit, whoever works at it or nobody; False when it has ended.

        Who does hears of it within a second, and can write nothing from here on.
        """
        named = {"tenant": tenant, "ident": ident}
        with self.database.write() as connection:
            take_fence(connection, tenant=tenant, audit=ident)
            take_shards(connection, tenant=tenant, audit=ident)
            if not connection.run(_CANCEL, {**named, "moment": rfc3339(self.now())}):
                return False
            connection.run(_FORGET, named)
            forget_queued(connection, tenant=tenant, subject=ident)
            emit(
                connection,
                tenant=tenant,
                kind=EventType.AUDIT_CANCELED,
                subject=ident,
                data={"audit_id": ident},
            )
        return True

    def stop(self, connection: Connection, *, tenant: str, ident: str) -> None:
        """Take an audit's shards from everybody, in the transaction that ends it as failed."""
        connection.run(_LET_ALL_GO, {"tenant": tenant, "ident": ident, "due": None})

    def reopen(self, connection: Connection, *, tenant: str, ident: str) -> bool:
        """Let a failed audit go on, in the caller's transaction; False when it has not failed, or
        somebody else did."""
        named = {"tenant": tenant, "ident": ident}
        if connection.run(_REOPEN, named) != 1:
            return False
        due = _lease_end(self.now())
        if not connection.run(_LET_ALL_GO, {**named, "due": due}):
            self.add(connection, tenant=tenant, ident=ident, new=[Shard(Step.PLAN)])
        return True

    def standing(self) -> list[Standing]:
        """Return how many shards of all tenants' audits wait and are held, by step."""
        with self.database.read() as connection:
            rows = connection.all(_STANDING)
        return [
            Standing(step, bool(waits), count, _asked(until) if waits and until else None)
            for step, waits, count, until in rows
        ]

    def abandoned(self) -> list[tuple[str, str]]:
        """Return (tenant, id) of every audit that has not ended and has shards whose lease ran out,
        or that have waited for as long as a lease is.

        A lease of a clock that ran ahead ran out too.
        """
        with self.database.read() as connection:
            rows = connection.all(_ABANDONED, _bounds(self.now()))
        return [(row[0], row[1]) for row in rows]


def open_audit(
    connection: Connection, *, tenant: str, ident: str, now: datetime, queue: bool
) -> None:
    """Give a new audit its first shard, in the transaction that adds it. Without `queue` nobody
    looks for it."""
    until = _lease_end(now) if queue else None
    connection.run(_ADD, new_row(tenant, ident, Shard(Step.PLAN), until=until))


def forget_shards(connection: Connection, *, tenant: str, audit_id: str) -> None:
    """Drop the shards of an audit that has ended."""
    connection.run(_FORGET, {"tenant": tenant, "ident": audit_id})


def forget_left(database: Database, *, tenant: str, audit_id: str, most: int) -> int:
    """Drop shards of an audit that has ended, as `forget` does; return how many."""
    return forget(database, shards, most=most, tenant_id=tenant, audit_id=audit_id)


def new_row(tenant: str, ident: str, shard: Shard, *, until: str | None) -> dict[str, Any]:
    """Return the row of a shard that waits; `until` is when it has waited for long, None
    where nobody looks for it."""
    return {
        "tenant_id": tenant,
        "audit_id": ident,
        "step": shard.step.value,
        "account": shard.account,
        "region": shard.region,
        "hold": None,
        "owner": None,
        "until": until,
        "taken": 0,
        "counts": None,
    }


def _safe(found: list[Row]) -> list[Row]:
    """Return one shard whose worker died, else those that nobody has taken before."""
    died = [row for row in found if row[2]]
    return died[:1] or found


def _place(part: Shard) -> dict[str, str]:
    return {"step_": part.step.value, "acct": part.account, "place": part.region}


def _bounds(now: datetime) -> dict[str, str]:
    """Return between which moments a lease that runs ends."""
    return {"now": rfc3339(now), "absurd": rfc3339(now + _LONGEST_LEASE)}


def _asked(until: str) -> datetime:
    """Return since when a shard waits that has waited for long at a moment."""
    return parse_rfc3339(until) - timedelta(seconds=LEASE_SECONDS)


def _lease_end(now: datetime) -> str:
    return rfc3339(now + timedelta(seconds=LEASE_SECONDS))
