"""Rows of policies and of their versions. The only SQL of policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from sqlalchemy import and_, bindparam, func, or_, select

from cloudsealed.collectors.registry import RESOURCE_TYPES, services
from cloudsealed.kit.cursor import Position
from cloudsealed.policies.model import Policy, PolicyNotFoundError, PolicyVersion
from cloudsealed.policies.ordering import ORDERS
from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.filters import Filter, listing_one_of, listing_services, searching
from cloudsealed.storage.keyset import Listing, Paged
from cloudsealed.storage.schema import policies, policy_versions
from cloudsealed.storage.tenancy import turn
from cloudsealed.vocabulary import Dimension, PolicyKind, PolicySource, Provider, Severity

_COLUMNS = (
    "id",
    "key",
    "kind",
    "source",
    "enabled",
    "version",
    "spec",
    "params",
    "created_at",
    "updated_at",
    "applied_at",
    "created_by",
    "updated_by",
)
_AT_ONCE = 1_000  # of a whole list
_NEWEST = 2**62  # above every version
_DELETED = " "  # between the key and the id of a policy that is deleted
_TENANT = policies.c.tenant_id == bindparam("tenant")
_ALIVE = policies.c.deleted_at.is_(None)
_ALL = (
    select(*(policies.c[name] for name in _COLUMNS)).where(_TENANT, _ALIVE).order_by(policies.c.key)
)
_ONE = select(*(policies.c[name] for name in _COLUMNS)).where(
    _TENANT, or_(policies.c.id == bindparam("ident"), policies.c.key == bindparam("ident")), _ALIVE
)
_KEYS = select(policies.c.id, policies.c.key).where(_TENANT)
_NAMED = _KEYS.with_only_columns(policies.c.id).where(
    or_(
        policies.c.id == bindparam("ident"),
        policies.c.key == bindparam("ident"),
        and_(policies.c.key >= bindparam("first"), policies.c.key <= bindparam("last")),
    )
)
_OWN_SERVING = select(policies.c.id, policies.c.key, policies.c.spec).where(
    _TENANT, policies.c.source == PolicySource.CUSTOM.value
)
_BUILTIN = _KEYS.where(policies.c.source == PolicySource.BUILTIN.value)
_UNUSED = select(policies.c.id).where(
    _TENANT,
    policies.c.kind == "check",
    or_(policies.c.enabled == 0, policies.c.deleted_at.is_not(None)),
)
_COUNT = select(func.count()).where(
    _TENANT,
    _ALIVE,
    policies.c.source == PolicySource.CUSTOM.value,
    policies.c.kind == bindparam("kind"),
    policies.c.enabled >= bindparam("least"),
)
_CLASSIFICATIONS = (
    select(*(policies.c[name] for name in _COLUMNS))
    .where(_TENANT, _ALIVE, policies.c.kind == PolicyKind.CLASSIFICATION.value)
    .order_by(policies.c.id)
)
_APPLIED = (
    policies.update()
    .where(
        _TENANT,
        _ALIVE,
        policies.c.kind == PolicyKind.CLASSIFICATION.value,
        policies.c.updated_at <= bindparam("began"),
        or_(policies.c.applied_at.is_(None), policies.c.applied_at < bindparam("moment")),
    )
    .values(applied_at=bindparam("moment"))
)
_INSERT = policies.insert()
_UPDATE = (
    policies.update()
    .where(_TENANT, policies.c.id == bindparam("ident"))
    .values(
        {
            c.name: bindparam(f"new_{c.name}")
            for c in policies.c
            if c.name not in ("tenant_id", "id")
        }
    )
)
_INSERT_VERSION = policy_versions.insert()
_VERSIONS = (
    select(
        policy_versions.c.version,
        policy_versions.c.spec,
        policy_versions.c.created_at,
        policy_versions.c.created_by,
    )
    .where(
        policy_versions.c.tenant_id == bindparam("tenant"),
        policy_versions.c.policy_id == bindparam("ident"),
        policy_versions.c.version < bindparam("before"),
    )
    .order_by(policy_versions.c.version.desc())
    .limit(bindparam("most"))
)
_VERSION = select(
    policy_versions.c.spec, policy_versions.c.created_at, policy_versions.c.created_by
).where(
    policy_versions.c.tenant_id == bindparam("tenant"),
    policy_versions.c.policy_id == bindparam("ident"),
    policy_versions.c.version == bindparam("number"),
)


LISTING = Listing(
    table=policies,
    columns=_COLUMNS,
    filters=(
        Filter(
            "kind",
            "Check or classification",
            "kind",
            tuple(PolicyKind),
            kind="enum",
            sorts=("-id",),
        ),
        Filter(
            "source",
            "Built in or the tenant's own",
            "source",
            tuple(PolicySource),
            kind="enum",
            sorts=("-id",),
        ),
        Filter(
            "severity",
            "How much its findings matter",
            "severity",
            tuple(Severity),
            kind="enum",
            sorts=("-id",),
        ),
        Filter(
            "dimension",
            "Dimension of its findings",
            "dimension",
            tuple(Dimension),
            kind="enum",
            sorts=("-id",),
        ),
        Filter("provider", "Cloud", "provider", tuple(Provider), kind="enum"),
        Filter(
            "enabled",
            "Whether audits use it",
            "enabled",
            ("true", "false"),
            kind="enum",
            convert=lambda v: int(v == "true"),
        ),
        listing_one_of(
            "resource_type",
            "Type that it judges, such as aws.s3.bucket",
            "spec",
            known=lambda: RESOURCE_TYPES,
        ),
        listing_services("spec", services),
        Filter("framework", "Framework with a control that it serves", "id", kind="text"),
        searching(
            "search",
            "Part of its id, key, title or description, or of a classification's reason, letter"
            " case aside",
            *("id", "key"),
            members=("title", "description", "reason"),
            of="spec",
        ),
    ),
    arranged=tuple(ORDERS),
    hidden=lambda table: table.c.deleted_at.is_(None),
)


def encode(tenant: str, policy: Policy, deleted_at: str | None = None) -> dict[str, Any]:
    """Return the row of a policy."""
    return {
        "tenant_id": tenant,
        "id": policy.id,
        "key": policy.key if deleted_at is None else f"{policy.key}{_DELETED}{policy.id}",
        "kind": policy.kind,
        "source": policy.source,
        "dimension": policy.spec.get("dimension"),
        "severity": policy.spec.get("severity"),
        "provider": policy.provider,
        "enabled": int(policy.enabled),
        "version": policy.version,
        "spec": orjson.dumps(policy.spec).decode(),
        "params": orjson.dumps(policy.params).decode(),
        "created_at": policy.created_at,
        "updated_at": policy.updated_at,
        "applied_at": policy.applied_at,
        "deleted_at": deleted_at,
        "created_by": policy.created_by,
        "updated_by": policy.updated_by,
    }


def decode(row: Row) -> Policy:
    """Return the policy of a row of the listing's columns."""
    values = dict(zip(_COLUMNS, row, strict=True))
    return Policy(
        id=values["id"],
        key=values["key"],
        kind=PolicyKind(values["kind"]),
        source=PolicySource(values["source"]),
        enabled=bool(values["enabled"]),
        version=values["version"],
        spec=orjson.loads(values["spec"]),
        params=orjson.loads(values["params"]),
        created_at=values["created_at"],
        updated_at=values["updated_at"],
        applied_at=values["applied_at"],
        created_by=values["created_by"],
        updated_by=values["updated_by"],
    )


class PolicyStore(Paged):
    """Reads and writes policies; each write of new words writes a version too."""

    listing = LISTING

    def matching(self, *, tenant: str, filters: Mapping[str, tuple[str, ...]]) -> list[Policy]:
        """Return every policy that filters match, newest first."""
        found: list[Policy] = []
        after: Position | None = None
        while True:
            rows = self.page(
                tenant=tenant, filters=filters, sort="-id", after=after, limit=_AT_ONCE
            )
            found += [decode(row[2:]) for row in rows.rows]
            if rows.next is None:
                return found
            after = rows.next

    def all(self, *, tenant: str) -> list[Policy]:
        """Return every policy of a tenant, by key."""
        with self.database.read() as connection:
            return self.all_in(connection, tenant=tenant)

    def all_in(self, connection: Connection, *, tenant: str) -> list[Policy]:
        """Return every policy of a tenant within a transaction, by key."""
        return [decode(row) for row in connection.all(_ALL, {"tenant": tenant})]

    def classifications(self, connection: Connection, *, tenant: str) -> list[Policy]:
        """Return every classification of a tenant within a transaction, oldest first."""
        return [decode(row) for row in connection.all(_CLASSIFICATIONS, {"tenant": tenant})]

    def applied(self, *, tenant: str, began: str, moment: str) -> None:
        """Record for `moment` that the open findings are classified by all that was written until
        `began`."""
        with turn(self.database, tenant=tenant) as connection:
            connection.run(_APPLIED, {"tenant": tenant, "began": began, "moment": moment})

    def unused(self, *, tenant: str) -> list[str]:
        """Return the ids of checks that are disabled or deleted."""
        with self.database.read() as connection:
            return [row[0] for row in connection.all(_UNUSED, {"tenant": tenant})]

    def named(self, *, tenant: str, ident: str) -> list[str]:
        """Return the ids of the policies with this id or key, deleted ones too."""
        bounds = {"first": f"{ident}{_DELETED}", "last": f"{ident}{_DELETED}~"}
        with self.database.read() as connection:
            rows = connection.all(_NAMED, {"tenant": tenant, "ident": ident, **bounds})
        return [row[0] for row in rows]

    def keys(self, *, tenant: str) -> list[tuple[str, str]]:
        """Return (id, key) of every policy, deleted ones too."""
        with self.database.read() as connection:
            rows = connection.all(_KEYS, {"tenant": tenant})
        return [(row[0], row[1].partition(_DELETED)[0]) for row in rows]

    def serving(self, *, tenant: str) -> list[tuple[str, str, Mapping[str, Any]]]:
        """Return (id, key, what it says of controls) of every policy, deleted ones too; the packs
        say it of built-in ones."""
        with self.database.read() as connection:
            own = connection.all(_OWN_SERVING, {"tenant": tenant})
            builtin = connection.all(_BUILTIN, {"tenant": tenant})
        said = [(row[0], row[1].partition(_DELETED)[0], orjson.loads(row[2])) for row in own]
        return [*said, *((row[0], row[1], {}) for row in builtin)]

    def get(self, *, tenant: str, ident: str) -> Policy:
        """Return the policy with this id or key; raises PolicyNotFoundError."""
        with self.database.read() as connection:
            return self.get_in(connection, tenant=tenant, ident=ident)

    def get_in(self, connection: Connection, *, tenant: str, ident: str) -> Policy:
        """Return the policy with this id or key within a transaction."""
        row = connection.first(_ONE, {"tenant": tenant, "ident": ident})
        if row is None:
            raise PolicyNotFoundError(ident)
        return decode(row)

    def count_own(
        self, connection: Connection, *, tenant: str, kind: PolicyKind, enabled: bool
    ) -> int:
        """Return how many policies of its own a tenant has; with `enabled`, of those in use."""
        values = {"tenant": tenant, "kind": kind.value, "least": int(enabled)}
        row = connection.first(_COUNT, values)
        return int(row[0]) if row is not None else 0

    def insert(self, connection: Connection, *policies: Policy, tenant: str) -> None:
        """Add policies and their first versions."""
        connection.many(_INSERT, [encode(tenant, policy) for policy in policies])
        self._insert_versions(connection, tenant, policies)

    def update(
        self, connection: Connection, *, tenant: str, policy: Policy, new_version: bool
    ) -> None:
        """Write a policy over its row, and its new version if its words changed."""
        self._overwrite(connection, encode(tenant, policy))
        if new_version:
            self._insert_versions(connection, tenant, [policy])

    def delete(self, connection: Connection, *, tenant: str, policy: Policy, moment: str) -> None:
        """Hide a policy; its versions stay, since audits were judged by them."""
        self._overwrite(connection, encode(tenant, policy, deleted_at=moment))

    def versions(
        self, *, tenant: str, ident: str, before: int = _NEWEST, most: int = 1_000
    ) -> list[Row]:
        """Return at most `most` (version, spec, created_at, created_by) below a version, newest
        first."""
        values = {"tenant": tenant, "ident": ident, "before": before, "most": most}
        with self.database.read() as connection:
            return connection.all(_VERSIONS, values)

    def version_spec(self, *, tenant: str, ident: str, number: int) -> dict[str, Any]:
        """Return what one version says; raises PolicyNotFoundError."""
        spec: dict[str, Any] = orjson.loads(self._version(tenant, ident, number)[0])
        return spec

    def version_author(self, *, tenant: str, ident: str, number: int) -> tuple[str, str | None]:
        """Return when one version was written, and by which user; raises PolicyNotFoundError."""
        _spec, moment, author = self._version(tenant, ident, number)
        return moment, author

    def _version(self, tenant: str, ident: str, number: int) -> Row:
        with self.database.read() as connection:
            row = connection.first(_VERSION, {"tenant": tenant, "ident": ident, "number": number})
        if row is None:
            raise PolicyNotFoundError(ident)
        return row

    def _overwrite(self, connection: Connection, row: dict[str, Any]) -> None:
        values = {
            f"new_{name}": value for name, value in row.items() if name not in ("tenant_id", "id")
        }
        connection.run(_UPDATE, {"tenant": row["tenant_id"], "ident": row["id"], **values})

    def _insert_versions(
        self, connection: Connection, tenant: str, policies: Iterable[Policy]
    ) -> None:
        connection.many(_INSERT_VERSION, [_version_row(tenant, each) for each in policies])


def _version_row(tenant: str, policy: Policy) -> dict[str, Any]:
    version: PolicyVersion = policy.pinned
    return {
        "tenant_id": tenant,
        "policy_id": policy.id,
        "version": policy.version,
        "digest": version.digest,
        "spec": orjson.dumps({**version.spec, "key": policy.key, "kind": policy.kind}).decode(),
        "created_at": policy.updated_at,
        "created_by": policy.updated_by,
    }
