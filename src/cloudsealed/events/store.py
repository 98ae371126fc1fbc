"""Rows of events. The only SQL of the outbox: one is never removed, nor changed but for its place in
the chain, which it gets once. Triggers of the database hold others to that too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Select, bindparam, select

from cloudsealed.events.deed import Actor, current
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Connection
from cloudsealed.storage.filters import Filter, at_least, before
from cloudsealed.storage.keyset import Listing, Page, Paged, Residual, counted
from cloudsealed.storage.schema import events, users
from cloudsealed.vocabulary import ActorKind, EventCategory, EventType

_ACTOR = ("user_id", "user_name", "user_email", "credential_id", "ip")
_CHAIN = ("sequence", "previous", "hash", "signature")
COLUMNS = (
    *("tenant_id", "id", "type", "subject", "created_at", "data", "actor_kind"),
    *_ACTOR,
    *("request_id", "before", "after"),
    *_CHAIN,
)

LISTING = Listing(
    table=events,
    columns=COLUMNS,
    filters=(
        Filter("subject", "Id of the object that it is about", "subject", sorts=("-id",)),
        Filter(
            "actor", "Id of the user who did it", "user_id", kind="id", prefix="usr", sorts=("-id",)
        ),
        Filter(
            "credential",
            "Id of the token, grant, client or session by which it was done",
            "credential_id",
            kind="word",
            sorts=("-id",),
        ),
        Filter("type", "What happened", "type", tuple(EventType), kind="enum", sorts=("-id",)),
        Filter(
            "category",
            "What it is about",
            "category",
            tuple(EventCategory),
            kind="enum",
            sorts=("-id",),
        ),
        Filter("ip", "Address that it came from", "ip", kind="word"),
        Filter("actor_kind", "Who acted", "actor_kind", tuple(ActorKind), kind="enum"),
        Filter("created_after", "At or after", kind="time", condition=at_least("created_at")),
        Filter("created_before", "Before", kind="time", condition=before("created_at")),
    ),
)

_AT_ONCE = 500
_INSERT = events.insert()
_CALLED = (
    select(events.c.user_name)
    .where(
        events.c.tenant_id == bindparam("tenant"),
        events.c.user_id == bindparam("ident"),
        events.c.user_name.is_not(None),
    )
    .order_by(events.c.id.desc())
    .limit(1)
)
_USER = select(users.c.name, users.c.email).where(
    users.c.tenant_id == bindparam("tenant"), users.c.id == bindparam("ident")
)


def emit(
    connection: Connection,
    *,
    tenant: str,
    kind: EventType,
    subject: str,
    data: Mapping[str, Any],
    actor: Actor | None = None,
) -> None:
    """Append an event in the caller's transaction, or leave it to the deed whose event it is."""
    deed = current()
    if deed is None:
        append(connection, tenant=tenant, kind=kind, subject=subject, data=data, actor=actor)
    elif not deed.takes(kind, subject, data):
        append(
            connection,
            tenant=tenant,
            kind=kind,
            subject=subject,
            data=data,
            actor=deed.actor,
            request_id=deed.request_id,
        )


def emit_changes(
    connection: Connection,
    *,
    tenant: str,
    kind: EventType,
    changes: Sequence[tuple[str, bytes, bytes]],
) -> None:
    """Append an event for each of many objects that a deed changes: its id, and its public JSON as
    it was and as it is. The deed has no other event then."""
    deed = current()
    for subject, was, now in changes:
        append(
            connection,
            tenant=tenant,
            kind=kind,
            subject=subject,
            data={},
            actor=None if deed is None else deed.actor,
            request_id=None if deed is None else deed.request_id,
            was=was,
            now=now,
        )
    if deed is not None and deed.kind is kind:
        deed.is_told = True


def append(
    connection: Connection,
    *,
    tenant: str,
    kind: EventType,
    subject: str,
    data: Mapping[str, Any],
    actor: Actor | None = None,
    request_id: str | None = None,
    was: bytes | None = None,
    now: bytes | None = None,
    at: str | None = None,
) -> str:
    """Append an event in the caller's transaction; return its id. `was` and `now` are the public
    JSON of its object, which holds no secret; it happened at `at`, now unless given."""
    ident = new_id("evt")
    row = {
        "tenant_id": tenant,
        "id": ident,
        "category": kind.category.value,
        "type": kind.value,
        "subject": subject,
        "created_at": at or rfc3339(utc_now()),
        "data": orjson.dumps(data).decode(),
        **_told_of(connection, tenant, actor),
        "request_id": request_id,
        "before": None if was is None else was.decode(),
        "after": None if now is None else now.decode(),
        **dict.fromkeys(_CHAIN),
    }
    connection.run(_INSERT, row)
    return ident


def _told_of(connection: Connection, tenant: str, actor: Actor | None) -> dict[str, str | None]:
    """Return what an event says of its actor: the name too, which may be another's tomorrow."""
    if actor is None:
        return dict.fromkeys(("actor_kind", *_ACTOR))
    named = {"tenant": tenant, "ident": actor.user_id}
    user = None if actor.user_id is None else connection.first(_USER, named)
    name, email = user or (None, None)
    return {
        "actor_kind": actor.kind.value,
        "user_id": actor.user_id,
        "user_name": name,
        "user_email": email,
        "credential_id": actor.credential_id,
        "ip": actor.ip,
    }


class EventStore(Paged):
    """Reads the outbox."""

    listing = LISTING

    def list(
        self,
        *,
        tenant: str,
        filters: Mapping[str, tuple[str, ...]],
        sort: str = "-id",
        after: Position | None = None,
        limit: int = 50,
        deadline: float | None = None,
    ) -> Page:
        """Return a page of events, newest first."""
        found = self.page(
            tenant=tenant, filters=filters, sort=sort, after=after, limit=limit, deadline=deadline
        )
        return Page([orjson.dumps(public(row[2:])) for row in found.rows], found.next)

    def name_of(self, *, tenant: str, user_id: str) -> str | None:
        """Return what a user was called when they last did something; None if they never did."""
        with self.database.read() as connection:
            row = connection.first(_CALLED, {"tenant": tenant, "ident": user_id})
        return None if row is None else row[0]

    def chained(
        self, *, tenant: str, filters: Mapping[str, tuple[str, ...]], after: int = 0
    ) -> Iterator[dict[str, Any]]:
        """Yield the events after one's number in the chain that match, oldest first."""
        statement = _chained(counted(filters))
        values = {"tenant": tenant, "most": _AT_ONCE, **LISTING.values(filters)}
        while True:
            with self.database.read() as connection:
                rows = connection.all(statement, {**values, "after": after})
            found = [public(row) for row in rows]
            yield from found
            if len(found) < _AT_ONCE:
                return
            after = found[-1]["sequence"]


@lru_cache(maxsize=100)
def _chained(residual: Residual) -> Select[Any]:
    return (
        select(*(events.c[name] for name in COLUMNS))
        .where(
            events.c.tenant_id == bindparam("tenant"),
            events.c.sequence > bindparam("after"),
            *LISTING.conditions(events, residual),
        )
        .order_by(events.c.sequence)
        .limit(bindparam("most"))
    )


def public(row: Sequence[Any]) -> dict[str, Any]:
    """Return an event as the API shows it, from a row of COLUMNS."""
    found = dict(zip(COLUMNS, row, strict=True))
    return {
        "id": found["id"],
        "object": "event",
        "tenant_id": found["tenant_id"],
        "type": found["type"],
        "subject": found["subject"],
        "created_at": found["created_at"],
        "actor": _actor(found),
        "request_id": found["request_id"],
        "data": orjson.loads(found["data"]),
        "before": _loaded(found["before"]),
        "after": _loaded(found["after"]),
        "sequence": found["sequence"],
        "previous": found["previous"],
        "hash": found["hash"],
        "signature": _loaded(found["signature"]),
    }


def _actor(found: Mapping[str, Any]) -> dict[str, Any] | None:
    if found["actor_kind"] is None:
        return None
    return {
        "kind": found["actor_kind"],
        "user_id": found["user_id"],
        "name": found["user_name"],
        "email": found["user_email"],
        "credential_id": found["credential_id"],
        "ip": found["ip"],
    }


def _loaded(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
