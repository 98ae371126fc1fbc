"""Rows of audits, as they are listed and read; who does an audit writes them by its lease."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import orjson
from sqlalchemy import Select, Update, and_, bindparam, exists, func, or_, select

from cloudsealed.audits.model import Audit, AuditNotFoundError, Scope, Standing, target_of, whole
from cloudsealed.audits.shard_store import open_audit
from cloudsealed.kit.clock import rfc3339
from cloudsealed.storage.database import Connection, Database, Row, none_of
from cloudsealed.storage.filters import Filter
from cloudsealed.storage.keyset import Listing, Paged
from cloudsealed.storage.schema import audits
from cloudsealed.vocabulary import AuditKind, AuditStatus

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
_FORGETTABLE = (
    select(audits.c.id)
    .where(_TENANT, audits.c.expired_at.is_not(None), audits.c.forgotten_at.is_(None))
    .order_by(audits.c.id)
)
_FORGOTTEN = audits.update().where(_THIS).values(forgotten_at=bindparam("moment"))
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
    """Return the row of a new audit."""
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
        "deleted_at": None,
        "expired_at": None,
        "forgotten_at": None,
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

    def insert(
        self, connection: Connection, *, tenant: str, audit: Audit, queue: bool = True
    ) -> None:
        """Add an audit in the caller's transaction, with its first shard; without `queue` for who
        runs it here."""
        connection.run(_INSERT, encode(tenant, audit))
        open_audit(connection, tenant=tenant, ident=audit.id, now=self.now(), queue=queue)

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

    def expire(self, *, tenant: str, ident: str) -> None:
        """Say of an audit that its evidence is gone, so that nobody is shown what is left of it."""
        self._note(_EXPIRE, tenant, ident)

    def forgettable(self, *, tenant: str) -> list[str]:
        """Return the audits whose evidence is gone, of which rows may be left, oldest first."""
        with self.database.read() as connection:
            return [row[0] for row in connection.all(_FORGETTABLE, {"tenant": tenant})]

    def forgotten(self, *, tenant: str, ident: str) -> None:
        """Say of an audit that nothing is left of its evidence."""
        self._note(_FORGOTTEN, tenant, ident)

    def _note(self, statement: Update, tenant: str, ident: str) -> None:
        moment = rfc3339(self.now())
        with self.database.write() as connection:
            connection.run(statement, {"tenant": tenant, "ident": ident, "moment": moment})

    def delete(self, *, tenant: str, ident: str) -> None:
        """Hide an audit; its seal stays, so that the chain is whole."""
        with self.database.write() as connection:
            connection.run(
                _DELETE, {"tenant": tenant, "ident": ident, "moment": rfc3339(self.now())}
            )
