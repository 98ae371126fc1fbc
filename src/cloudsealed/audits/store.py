"""Rows of audits, their lease and their fence. The only SQL of an audit's own row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import orjson
from sqlalchemy import Select, and_, bindparam, exists, func, null, or_, select

from cloudsealed.audits.model import (
    Audit,
    AuditNotFoundError,
    CanceledError,
    LeaseLostError,
    Scope,
    Standing,
    target_of,
    whole,
)
from cloudsealed.events import emit
from cloudsealed.kit.clock import rfc3339
from cloudsealed.storage.database import Connection, Database, Row, none_of
from cloudsealed.storage.filters import Filter
from cloudsealed.storage.keyset import Listing, Paged
from cloudsealed.storage.objects import month_of
from cloudsealed.storage.schema import audits
from cloudsealed.storage.tenancy import take_fence
from cloudsealed.vocabulary import AuditKind, AuditStatus, EventType

LEASE_SECONDS = 15
RENEW_SECONDS = 5
_LONGEST_LEASE = timedelta(hours=1)  # what ends later was taken under a clock that ran ahead

_SHOWN = (  # not the policies, which are most of a row
    "id",
    "kind",
    "status",
    "parent_id",
    "source_id",
    "request",
    "plan",
    "created_at",
    "started_at",
    "finished_at",
    "progress",
    "result",
    "error",
    "verdict_digest",
    "cancel_requested",
    "expired_at",
)
_COLUMNS = (*_SHOWN, "policy_set")
LISTING = Listing(
    table=audits,
    columns=_SHOWN,
    filters=(
        Filter(
            "status", "How far it is", "status", tuple(AuditStatus), kind="enum", sorts=("-id",)
        ),
        Filter(
            "kind",
            "Where its ledger comes from",
            "kind",
            tuple(AuditKind),
            kind="enum",
            sorts=("-id",),
        ),
        Filter(
            "parent", "Audit that it reanalyzes", "parent_id", kind="id", prefix="aud", probe=audits
        ),
        Filter(
            "connection",
            "Connection that it uses",
            kind="id",
            prefix="con",
            condition=lambda t, v: or_(*(t.c.request.contains(value) for value in v)),
        ),
    ),
    hidden=lambda table: table.c.deleted_at.is_(None),
)

_TENANT = audits.c.tenant_id == bindparam("tenant")
_THIS = and_(_TENANT, audits.c.id == bindparam("ident"))
_ONE = select(*(audits.c[name] for name in _COLUMNS)).where(_THIS, audits.c.deleted_at.is_(None))
_SHOWN_ONE = _ONE.with_only_columns(*(audits.c[name] for name in _SHOWN))
_AT_ONCE = 50
_STANDING_OF = select(
    audits.c.id,
    audits.c.status,
    audits.c.progress,
    audits.c.error,
    audits.c.started_at,
    audits.c.finished_at,
).where(
    _TENANT,
    audits.c.deleted_at.is_(None),
    audits.c.id.in_([bindparam(f"id_{number}") for number in range(_AT_ONCE)]),
)
_HISTORY = (
    select(*(audits.c[name] for name in _SHOWN))
    .where(
        _TENANT,
        audits.c.status == AuditStatus.COMPLETED.value,
        audits.c.request == bindparam("asked"),
        audits.c.id <= bindparam("ident"),
        audits.c.source_id <= bindparam("source"),
        audits.c.deleted_at.is_(None),
    )
    .order_by(audits.c.source_id.desc(), audits.c.id.desc())
    .limit(bindparam("most"))
)
_INSERT = audits.insert()
_FINAL = tuple(status.value for status in AuditStatus if status.is_final)
_TAKE = (
    audits.update()
    .where(
        _THIS,
        none_of(audits.c.status, _FINAL),
        or_(
            audits.c.lease_until.is_(None),
            audits.c.lease_until < bindparam("now"),
            audits.c.lease_until > bindparam("absurd"),
            audits.c.lease_owner == bindparam("new_owner"),
        ),
    )
    .values(
        lease_owner=bindparam("new_owner"),
        lease_until=bindparam("new_until"),
        lease_epoch=audits.c.lease_epoch + 1,
    )
)
_EPOCH = select(audits.c.lease_epoch).where(_THIS)
_FENCE = select(audits.c.id).where(_THIS, audits.c.lease_epoch == bindparam("fence"))
_RENEW = (
    audits.update()
    .where(_THIS, audits.c.lease_epoch == bindparam("fence"))
    .values(lease_until=bindparam("new_until"))
)
_FREE = (
    audits.update()
    .where(_THIS, audits.c.lease_epoch == bindparam("fence"))
    .values(lease_owner=null(), lease_until=null())
)
_IS_CANCELED = select(audits.c.cancel_requested).where(_THIS)
_CANCEL = (
    audits.update()
    .where(_THIS, none_of(audits.c.status, _FINAL))
    .values(
        status=AuditStatus.CANCELED.value,
        finished_at=bindparam("moment"),
        cancel_requested=1,
        lease_owner=null(),
        lease_until=null(),
        lease_epoch=audits.c.lease_epoch + 1,
    )
)
_REOPEN = (
    audits.update()
    .where(_THIS, audits.c.status == AuditStatus.FAILED.value, audits.c.deleted_at.is_(None))
    .values(
        status=AuditStatus.COLLECTING.value,
        error=null(),
        finished_at=null(),
        cancel_requested=0,
        lease_owner=null(),
        lease_until=null(),
    )
)
_DELETE = audits.update().where(_THIS).values(deleted_at=bindparam("moment"))
_SOURCE, _OTHER = audits.alias("source"), audits.alias("other")
_WITH_SOURCE = audits.join(
    _SOURCE, and_(_SOURCE.c.tenant_id == audits.c.tenant_id, _SOURCE.c.id == audits.c.source_id)
)
_OLDEST = (
    select(func.min(_SOURCE.c.created_at))
    .select_from(_WITH_SOURCE)
    .where(_TENANT, audits.c.expired_at.is_(None))
)
_EXPIRABLE = (
    select(audits.c.id)
    .select_from(_WITH_SOURCE)
    .where(
        _TENANT,
        audits.c.expired_at.is_(None),
        _SOURCE.c.finished_at < bindparam("before"),
        ~exists().where(
            _OTHER.c.tenant_id == audits.c.tenant_id,
            _OTHER.c.source_id == audits.c.source_id,
            none_of(_OTHER.c.status, _FINAL),
        ),
    )
    .order_by(audits.c.id)
)
_EXPIRE = audits.update().where(_THIS).values(expired_at=bindparam("moment"))
_ABANDONED = select(audits.c.tenant_id, audits.c.id).where(  # tenantless: audit by lease
    none_of(audits.c.status, _FINAL),
    or_(audits.c.lease_until < bindparam("now"), audits.c.lease_until > bindparam("absurd")),
    audits.c.deleted_at.is_(None),
)

_STANDING = (  # tenantless: housekeeping
    select(audits.c.status, func.count())
    .where(audits.c.deleted_at.is_(None))
    .group_by(audits.c.status)
)
_LAST_ENDED = (  # tenantless: housekeeping
    select(audits.c.status, audits.c.finished_at, audits.c.error)
    .where(audits.c.finished_at.is_not(None))
    .order_by(audits.c.finished_at.desc())
    .limit(1)
)


def decode(row: Row) -> Audit:
    """Return the audit of a row of the listing's columns: without its policies, unless they are
    the row's last value."""
    values = {"policy_set": "[]", **dict(zip(_COLUMNS, row, strict=False))}
    request = orjson.loads(values["request"])
    plan = orjson.loads(values["plan"]) if values["plan"] else None
    scope = {name: tuple(value) for name, value in (request["scope"] or {}).items()}
    return Audit(
        id=values["id"],
        kind=AuditKind(values["kind"]),
        status=AuditStatus(values["status"]),
        parent_id=values["parent_id"],
        source_id=values["source_id"],
        connection_ids=tuple(request["connection_ids"]),
        scope=Scope(**scope),
        policies=tuple(request["policies"]) if request["policies"] is not None else None,
        policy_set=tuple(orjson.loads(values["policy_set"])),
        targets=tuple(target_of(t) for t in plan["targets"]) if plan else None,
        clock=plan["clock"] if plan else None,
        clock_skew_seconds=plan.get("clock_skew_seconds") if plan else None,
        remarks=tuple(plan.get("remarks", ())) if plan else (),
        not_asked=plan.get("not_asked", {}) if plan else {},
        created_at=values["created_at"],
        started_at=values["started_at"],
        finished_at=values["finished_at"],
        progress=orjson.loads(values["progress"]),
        result=whole(orjson.loads(values["result"])) if values["result"] else None,
        error=orjson.loads(values["error"]) if values["error"] else None,
        verdict_digest=values["verdict_digest"],
        cancel_requested=bool(values["cancel_requested"]),
        expired_at=values["expired_at"],
    )


def encode(tenant: str, audit: Audit) -> dict[str, Any]:
    """Return the row of a new audit, without a lease."""
    return {
        "tenant_id": tenant,
        "id": audit.id,
        "kind": audit.kind,
        "status": audit.status,
        "parent_id": audit.parent_id,
        "source_id": audit.source_id,
        "request": _asked(audit),
        "plan": orjson.dumps(audit.plan).decode() if audit.plan else None,
        "policy_set": orjson.dumps(audit.policy_set).decode(),
        "created_at": audit.created_at,
        "started_at": None,
        "finished_at": None,
        "progress": orjson.dumps(audit.progress).decode(),
        "result": None,
        "error": None,
        "verdict_digest": None,
        "cancel_requested": 0,
        "lease_owner": None,
        "lease_epoch": 0,
        "lease_until": None,
        "deleted_at": None,
        "expired_at": None,
    }


def asked_for(
    connection_ids: Iterable[str],
    scope: Mapping[str, Iterable[str]],
    policies: Iterable[str] | None,
) -> str:
    """Return what an audit is asked for, as its row says it: in one order, whatever order it is
    asked in, so that audits which are asked for the same are found."""
    names = [each.name for each in fields(Scope) if each.name in scope]
    request = {
        "connection_ids": sorted(connection_ids),
        "scope": {name: sorted(scope[name]) for name in names} or None,
        "policies": None if policies is None else sorted(policies),
    }
    return orjson.dumps(request).decode()


def _asked(audit: Audit) -> str:
    return asked_for(audit.connection_ids, audit.scope.as_dict() or {}, audit.policies)


class Lease:
    """The right to write an audit, as long as no other worker took it: every write checks it.

    It also carries word between the audit's threads: what ended the audit, and signs of life.
    """

    def __init__(
        self, store: AuditStore, tenant: str, audit_id: str, owner: str, epoch: int
    ) -> None:
        self.tenant = tenant
        self.audit_id = audit_id
        self.epoch = epoch
        self._store = store
        self.renewed = store.now()
        self._owner = owner
        self._ended: BaseException | None = None
        self._alive_at = monotonic()

    def end(self, error: BaseException) -> None:
        """Let every thread of the audit hear `error` as soon as it goes on."""
        self._ended = self._ended or error

    def check(self) -> None:
        """Raise what ended the audit, if something did."""
        if self._ended is not None:
            raise self._ended

    def step(self) -> None:
        """Count what comes next as a sign of life; raises what ended the audit."""
        self.check()
        self._alive_at = monotonic()

    def silent_for(self) -> float:
        """Return for how many seconds there was no sign of life."""
        return monotonic() - self._alive_at

    def anew(self) -> Lease:
        """Take the lease again: what others still write under this one is refused from here on.

        Raises LeaseLostError.
        """
        taken = self._store.take(tenant=self.tenant, ident=self.audit_id, owner=self._owner)
        if taken is None:
            raise LeaseLostError(self.audit_id)
        return taken

    def free(self) -> None:
        """Give the lease back, so that the audit goes on at once wherever it is run next."""
        with self._store.database.write() as connection:
            connection.run(_FREE, self.fence)

    @property
    def fence(self) -> dict[str, Any]:
        """What a statement is bound to that no other holder of the lease may run."""
        return {"tenant": self.tenant, "ident": self.audit_id, "fence": self.epoch}

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

    def renew(self) -> None:
        """Hold the lease for another while; raises LeaseLostError or CanceledError."""
        with self._store.database.write() as connection:
            self._store.renew(connection, self)
        self.look()

    def look(self) -> None:
        """Raise CanceledError if somebody canceled the audit."""
        with self._store.database.read() as connection:
            if self._store.is_canceled(connection, self.tenant, self.audit_id):
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
            audits.update().where(_THIS).values({name: bindparam(f"new_{name}") for name in values})
        )
        bound = {f"new_{name}": value for name, value in values.items()}
        connection.run(statement, {"tenant": self.tenant, "ident": self.audit_id, **bound})


class AuditStore(Paged):
    """Reads and writes audits."""

    listing = LISTING

    def __init__(self, database: Database, clock: Any) -> None:
        super().__init__(database)
        self.now = clock

    def get(self, *, tenant: str, ident: str) -> Audit:
        """Return one audit; raises AuditNotFoundError."""
        return self._read(_ONE, tenant, ident)

    def standings(self, *, tenant: str, idents: Sequence[str]) -> dict[str, Standing]:
        """Return how audits stand, by id, without those that there are none of."""
        found: dict[str, Standing] = {}
        for start in range(0, len(idents), _AT_ONCE):
            some = idents[start : start + _AT_ONCE]
            padded = [*some, *[some[0]] * (_AT_ONCE - len(some))]
            wanted = {f"id_{number}": ident for number, ident in enumerate(padded)}
            with self.database.read() as connection:
                for ident, status, *rest in connection.all(
                    _STANDING_OF, {"tenant": tenant, **wanted}
                ):
                    found[ident] = Standing(ident, AuditStatus(status), *rest)
        return found

    def shown(self, *, tenant: str, ident: str) -> Audit:
        """Return one audit without its policies; raises AuditNotFoundError."""
        return self._read(_SHOWN_ONE, tenant, ident)

    def _read(self, statement: Select[Any], tenant: str, ident: str) -> Audit:
        with self.database.read() as connection:
            row = connection.first(statement, {"tenant": tenant, "ident": ident})
        if row is None:
            raise AuditNotFoundError(ident)
        return decode(row)

    def history(self, *, tenant: str, audit: Audit, most: int) -> list[Audit]:
        """Return at most `most` completed audits that were asked for the same, `audit` and those
        before it, the newest ledger first, each without its policies."""
        values = {"tenant": tenant, "asked": _asked(audit), "ident": audit.id, "most": most}
        with self.database.read() as connection:
            rows = connection.all(_HISTORY, {**values, "source": audit.source_id})
        return [decode(row) for row in rows]

    def insert(self, connection: Connection, *, tenant: str, audit: Audit) -> None:
        """Add an audit in the caller's transaction."""
        connection.run(_INSERT, encode(tenant, audit))

    def take(self, *, tenant: str, ident: str, owner: str) -> Lease | None:
        """Take the lease when it is free, run out or one's own; None when another holds it."""
        now = self.now()
        values = {"tenant": tenant, "ident": ident, "new_owner": owner, **_bounds(now)}
        with self.database.write() as connection:
            take_fence(connection, tenant=tenant, audit=ident)
            if not connection.run(_TAKE, {**values, "new_until": _lease_end(now)}):
                return None
            row = connection.first(_EPOCH, {"tenant": tenant, "ident": ident})
        assert row is not None
        return Lease(self, tenant, ident, owner, row[0])

    def check(self, connection: Connection, lease: Lease) -> None:
        """Raise LeaseLostError unless `lease` is the newest, which it stays until the transaction
        ends; other writers under it go on. Now and then it is renewed in passing."""
        take_fence(connection, tenant=lease.tenant, audit=lease.audit_id, shared=True)
        if connection.first(_FENCE, lease.fence) is None:
            raise LeaseLostError(lease.audit_id)
        if not lease.renewed <= self.now() < lease.renewed + timedelta(seconds=RENEW_SECONDS):
            self.renew(connection, lease)

    def renew(self, connection: Connection, lease: Lease) -> None:
        """Let a lease end later; raises LeaseLostError."""
        lease.renewed = self.now()
        until = {"new_until": _lease_end(lease.renewed)}
        if not connection.run(_RENEW, {**lease.fence, **until}):
            raise LeaseLostError(lease.audit_id)

    def is_canceled(self, connection: Connection, tenant: str, ident: str) -> bool:
        """Say whether somebody canceled the audit."""
        row = connection.first(_IS_CANCELED, {"tenant": tenant, "ident": ident})
        return bool(row and row[0])

    def cancel(self, *, tenant: str, ident: str) -> bool:
        """End an audit, whoever holds it or nobody; False when it has ended.

        The holder hears of it within a second, and can write nothing from here on.
        """
        values = {"tenant": tenant, "ident": ident, "moment": rfc3339(self.now())}
        with self.database.write() as connection:
            take_fence(connection, tenant=tenant, audit=ident)
            if not connection.run(_CANCEL, values):
                return False
            emit(
                connection,
                tenant=tenant,
                kind=EventType.AUDIT_CANCELED,
                subject=ident,
                data={"audit_id": ident},
            )
        return True

    def reopen(self, connection: Connection, *, tenant: str, ident: str) -> bool:
        """Let a failed audit collect again, in the caller's transaction; False when it has not
        failed, or somebody else did."""
        return connection.run(_REOPEN, {"tenant": tenant, "ident": ident}) == 1

    def abandoned(self) -> list[tuple[str, str]]:
        """Return (tenant, id) of every audit that has not ended and whose lease ran out.

        A lease of a clock that ran ahead ran out too.
        """
        with self.database.read() as connection:
            rows = connection.all(_ABANDONED, _bounds(self.now()))
        return [(row[0], row[1]) for row in rows]

    def standing(self) -> dict[str, int]:
        """Return how many audits of every tenant have each status."""
        with self.database.read() as connection:
            return {row[0]: row[1] for row in connection.all(_STANDING)}

    def last_ended(self) -> tuple[str, str, str | None] | None:
        """Return the status, the end and the error's code of the audit that ended last."""
        with self.database.read() as connection:
            row = connection.first(_LAST_ENDED)
        if row is None:
            return None
        return row[0], row[1], orjson.loads(row[2])["code"] if row[2] else None

    def expirable(self, *, tenant: str, before: str) -> list[str]:
        """Return the audits with evidence of a source that ended before a moment, oldest first.

        One whose source is judged again at this moment is not among them.
        """
        with self.database.read() as connection:
            return [
                row[0] for row in connection.all(_EXPIRABLE, {"tenant": tenant, "before": before})
            ]

    def oldest_evidence(self, *, tenant: str) -> str | None:
        """Return when the oldest source began whose evidence is there, None if there is none."""
        with self.database.read() as connection:
            row = connection.first(_OLDEST, {"tenant": tenant})
        return row[0] if row else None

    def expire_in(self, connection: Connection, *, tenant: str, ident: str) -> None:
        """Say of an audit that its evidence is gone."""
        moment = rfc3339(self.now())
        connection.run(_EXPIRE, {"tenant": tenant, "ident": ident, "moment": moment})

    def delete(self, *, tenant: str, ident: str) -> None:
        """Hide an audit; its seal stays, so that the chain is whole."""
        with self.database.write() as connection:
            connection.run(
                _DELETE, {"tenant": tenant, "ident": ident, "moment": rfc3339(self.now())}
            )


def _bounds(now: datetime) -> dict[str, str]:
    """Return between which moments a lease that runs ends."""
    return {"now": rfc3339(now), "absurd": rfc3339(now + _LONGEST_LEASE)}


def _lease_end(now: datetime) -> str:
    return rfc3339(now + timedelta(seconds=LEASE_SECONDS))
