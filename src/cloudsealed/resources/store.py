"""Rows of resources and of their tags. The only SQL of resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, and_, bindparam, select

from cloudsealed.collectors.registry import RESOURCE_TYPES, services
from cloudsealed.resources.model import Identity, Resource, ResourceNotFoundError, public
from cloudsealed.storage import objects
from cloudsealed.storage.database import Connection, Database, Row
from cloudsealed.storage.filters import (
    OWNER_TAGS,
    Filter,
    of_services,
    owner_filter,
    owner_of,
    prepare_tags,
    searching,
    tag_filters,
)
from cloudsealed.storage.keyset import SCAN_ROWS, Listing, Paged, fetch
from cloudsealed.storage.schema import objects as kept
from cloudsealed.storage.schema import resource_tags, resources
from cloudsealed.vocabulary import Provider, ResourceState

LISTING = Listing(
    table=resources,
    columns=("doc",),
    filters=(
        Filter("native_id", "ARN or full id", "native_id", sorts=("-id",)),
        Filter(
            "type",
            "Type such as aws.s3.bucket",
            "type",
            kind="word",
            known=lambda: RESOURCE_TYPES,
            sorts=("-id",),
        ),
        Filter(
            "connection",
            "Connection that it was found through",
            "connection_id",
            kind="id",
            prefix="con",
            sorts=("-id",),
        ),
        Filter("account", "Cloud account", "account", kind="word", sorts=("-id",)),
        Filter("region", "Region, or global", "region", kind="word", sorts=("-id",)),
        Filter(
            "state",
            "Whether it is still there",
            "state",
            tuple(ResourceState),
            kind="enum",
            sorts=("-id",),
        ),
        Filter("provider", "Cloud", "provider", tuple(Provider), kind="enum", probe=resources),
        Filter(
            "audit",
            "Audit that saw it; pins the list to what it saw",
            kind="audit",
            prefix="aud",
            sorts=(),
        ),
        of_services("type", probe=resources, known=services),
        *tag_filters("id"),
        owner_filter("id", OWNER_TAGS),
        searching("name", "Part of its name, letter case aside", "name"),
        searching(
            "search", "Part of its name or native id, letter case aside", "name", "native_id"
        ),
    ),
    prepare=prepare_tags,
    computed={"owner": lambda table: owner_of(table, "id", OWNER_TAGS)},
)


@lru_cache(maxsize=10)
def listing_of(owner_tags: tuple[str, ...]) -> Listing:
    """Return the listing of an installation where other tags name an owner."""
    keys = tuple(key.lower() for key in owner_tags)
    if keys == OWNER_TAGS:
        return LISTING
    owner = owner_filter("id", keys)
    filters = tuple(owner if item.name == owner.name else item for item in LISTING.filters)
    computed = {"owner": lambda table: owner_of(table, "id", keys)}
    return replace(LISTING, filters=filters, computed=computed)


_TENANT = resources.c.tenant_id == bindparam("tenant")
_KNOWN = ("id", "native_id", "state", "observed_at", "audit_id", "first_seen_at", "doc")
_CELL = select(*(resources.c[name] for name in _KNOWN)).where(
    _TENANT,
    resources.c.provider == bindparam("cloud"),
    resources.c.account == bindparam("acct"),
    resources.c.region == bindparam("place"),
    resources.c.type == bindparam("kind"),
)
_PRESENT = _CELL.with_only_columns(resources.c.native_id).where(
    resources.c.state == ResourceState.PRESENT.value
)
_KEPT = resources.outerjoin(
    kept, and_(kept.c.tenant_id == resources.c.tenant_id, kept.c.digest == resources.c.snapshot)
)
_SERVED = (
    select(resources.c.doc, kept.c.data)
    .select_from(_KEPT)
    .where(_TENANT, resources.c.id == bindparam("ident"))
)
_DOC = select(resources.c.doc).where(_TENANT, resources.c.id == bindparam("ident"))
_BY_NATIVE = select(resources.c.id, resources.c.type, resources.c.native_id).where(
    _TENANT, resources.c.native_id == bindparam("native")
)
_INSERT = resources.insert()
_UPDATE = (
    resources.update()
    .where(_TENANT, resources.c.id == bindparam("ident"))
    .values(
        {
            c.name: bindparam(f"new_{c.name}")
            for c in resources.c
            if c.name not in ("tenant_id", "id")
        }
    )
)
_INSERT_TAG = resource_tags.insert()
_DELETE_TAGS = resource_tags.delete().where(
    resource_tags.c.tenant_id == bindparam("tenant"),
    resource_tags.c.resource_id == bindparam("ident"),
)


def load_cell(
    connection: Connection, *, tenant: str, provider: str, account: str, region: str, kind: str
) -> dict[str, dict[str, Any]]:
    """Return what is known of the resources of one type in one account and region, by native id."""
    values = {"tenant": tenant, "cloud": provider, "acct": account, "place": region, "kind": kind}
    rows = (dict(zip(_KNOWN, row, strict=True)) for row in connection.all(_CELL, values))
    return {row["native_id"]: row for row in rows}


def present_ids(
    connection: Connection, *, tenant: str, provider: str, account: str, region: str, kind: str
) -> list[str]:
    """Return the native ids of what is there of one type in one account and region."""
    values = {"tenant": tenant, "cloud": provider, "acct": account, "place": region, "kind": kind}
    return [row[0] for row in connection.all(_PRESENT, values)]


def insert(connection: Connection, *, tenant: str, new: Sequence[Resource]) -> None:
    """Add resources and their tags."""
    connection.many(_INSERT, [_encode(tenant, item) for item in new])
    connection.many(_INSERT_TAG, list(_tags(tenant, new)))


def update(connection: Connection, *, tenant: str, changed: Sequence[Resource]) -> None:
    """Write resources and their tags over what is there."""
    rows = []
    for item in changed:
        row = {
            f"new_{k}": v for k, v in _encode(tenant, item).items() if k not in ("tenant_id", "id")
        }
        rows.append({"tenant": tenant, "ident": item.id, **row})
    connection.many(_UPDATE, rows)
    connection.many(_DELETE_TAGS, [{"tenant": tenant, "ident": item.id} for item in changed])
    connection.many(_INSERT_TAG, list(_tags(tenant, changed)))


def restored(row: Mapping[str, Any]) -> Resource:
    """Return the resource of a row of `load_cell`."""
    doc = orjson.loads(row["doc"])
    return Resource(
        id=doc["id"],
        identity=Identity(
            doc["provider"], doc["account"], doc["region"], doc["type"], doc["native_id"]
        ),
        connection_id=doc["connection_id"],
        name=doc["name"],
        tags=doc["tags"],
        relations=doc["relations"],
        state=ResourceState(doc["state"]),
        snapshot=doc["snapshot"],
        audit_id=doc["audit_id"],
        observed_at=row["observed_at"],
        first_seen_at=doc["first_seen_at"],
        last_seen_at=doc["last_seen_at"],
        owner_account=_another(doc.get("owner_account"), doc["account"]),
    )


def _another(owner: str | None, account: str) -> str | None:
    return None if owner == account else owner


def _encode(tenant: str, item: Resource) -> dict[str, Any]:
    identity = item.identity
    return {
        "tenant_id": tenant,
        "id": item.id,
        "connection_id": item.connection_id,
        "provider": identity.provider,
        "account": identity.account,
        "region": identity.region,
        "type": identity.type,
        "native_id": identity.native_id,
        "name": item.name,
        "state": item.state,
        "snapshot": item.snapshot,
        "observed_at": item.observed_at,
        "audit_id": item.audit_id,
        "first_seen_at": item.first_seen_at,
        "last_seen_at": item.last_seen_at,
        "doc": public(item),
    }


def _tags(tenant: str, items: Iterable[Resource]) -> Iterable[dict[str, str]]:
    for item in items:
        for key, value in item.tags.items():
            yield {"tenant_id": tenant, "key": key, "value": value, "resource_id": item.id}


_SIZES = (10, 100, 250, 1_000)  # so that few statements are compiled


@lru_cache(maxsize=len(_SIZES))
def _docs(count: int) -> Select[Any]:
    wanted: list[ColumnElement[str]] = [bindparam(f"id_{index}") for index in range(count)]
    return select(resources.c.doc).where(_TENANT, resources.c.id.in_(wanted))


@lru_cache(maxsize=256)
def _counted(listing: Listing, columns: tuple[str, ...]) -> Listing:
    read = tuple("doc" if name == "tags" else name for name in columns)
    return replace(listing, columns=read)


def _held(columns: Sequence[str], row: Row) -> dict[str, Any]:
    held = dict(zip(columns, row, strict=True))
    if "tags" in held:
        held["tags"] = orjson.loads(held["tags"])["tags"]
    return held


class ResourceStore(Paged):
    """Reads resources."""

    def __init__(self, database: Database, listing: Listing = LISTING) -> None:
        super().__init__(database)
        self.listing = listing

    def count(
        self, *, tenant: str, filters: Mapping[str, tuple[str, ...]], columns: tuple[str, ...]
    ) -> tuple[list[tuple[dict[str, Any], int]], bool]:
        """Return the values of columns, and of `tags`, with how many resources have them, and
        whether every resource was looked at: no more are than for one page."""
        listing = _counted(self.listing, columns)
        with self.database.read() as connection:
            rows = fetch(
                connection,
                listing,
                tenant=tenant,
                filters=filters,
                sort="-id",
                after=None,
                limit=SCAN_ROWS,
            )
        tally = Counter(row[2:] for row in rows.rows)
        return [(_held(columns, row), number) for row, number in tally.items()], rows.next is None

    def served(self, *, tenant: str, ident: str) -> tuple[bytes, dict[str, Any] | None]:
        """Return (public JSON, snapshot or None when retention dropped it)."""
        with self.database.read() as connection:
            row = connection.first(_SERVED, {"tenant": tenant, "ident": ident})
            if row is None:
                raise ResourceNotFoundError(ident)
        snapshot = None if row[1] is None else orjson.loads(objects.unpack(row[1]))
        return bytes(row[0]), snapshot

    def known(self, *, tenant: str, ident: str) -> dict[str, Any]:
        """Return a resource as lists show it; raises ResourceNotFoundError."""
        with self.database.read() as connection:
            row = connection.first(_DOC, {"tenant": tenant, "ident": ident})
        if row is None:
            raise ResourceNotFoundError(ident)
        found: dict[str, Any] = orjson.loads(row[0])
        return found

    def docs(self, *, tenant: str, idents: Sequence[str]) -> list[bytes]:
        """Return the public JSON of at most 1,000 resources, in no order."""
        size = next(size for size in _SIZES if len(idents) <= size)
        values = {f"id_{index}": "" for index in range(size)}
        values |= {f"id_{index}": ident for index, ident in enumerate(idents)}
        with self.database.read() as connection:
            rows = connection.all(_docs(size), {"tenant": tenant, **values})
        return [bytes(row[0]) for row in rows]

    def by_native_id(self, *, tenant: str, native_id: str) -> list[Row]:
        """Return (id, type, native id) of every resource with a native id."""
        with self.database.read() as connection:
            return connection.all(_BY_NATIVE, {"tenant": tenant, "native": native_id})
