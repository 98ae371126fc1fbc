"""Rows of events. The only SQL of the outbox: one is never removed, nor changed but for its place in
the chain, which it gets once. Triggers of the database hold others to that too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Select, Table, bindparam, select

from cloudsealed.events.deed import Actor, current
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.filters import Filter, at_least, before
from cloudsealed.storage.keyset import Listing, Page, Paged, Residual, counted
from cloudsealed.storage.schema import events, oauth_clients, oauth_grants, tokens, users
from cloudsealed.vocabulary import ActorKind, EventCategory, EventType

_ACTOR = ("user_id", "user_name", "user_email", "credential_id", "credential_name", "ip")
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


def _of_one(table: Table, *names: str) -> Select[Any]:
    return select(*(table.c[name] for name in names)).where(
        table.c.tenant_id == bindparam("tenant"), table.c.id == bindparam("ident")
    )


_USER = _of_one(users, "name", "email")
_CREDENTIALS = {
    "tok": _of_one(tokens, "name"),
    "gra": _of_one(oauth_grants, "app_name"),
    "cli": _of_one(oauth_clients, "name"),
}


def emit(
    connection: Connection,
    *,
    tenant: str,
    kind: EventType,
    subject: str,
    data: Mapping[str, Any],
    actor: Actor | None = None,
    was: bytes | None = None,
    now: bytes | None = None,
) -> None:
    """Append an event in the caller's transaction, or leave it to the deed whose event it is. `was`
    and `now` are as `append` takes them."""
    deed = current()
    if deed is not None and deed.takes(kind, subject, data):
        return
    append(
        connection,
        tenant=tenant,
        kind=kind,
        subject=subject,
        data=data,
        actor=actor if deed is None else deed.actor,
        request_id=None if deed is None else deed.request_id,
        was=was,
        now=now,
    )


def emit_all(
    connection: Connection,
    *,
    tenant: str,
    kind: EventType,
    told: Sequence[tuple[str, Mapping[str, Any]]],
) -> None:
    """Do what `emit` does for each of many objects: its id, and what its event holds."""
    if current() is not None:
        for subject, data in told:
            emit(connection, tenant=tenant, kind=kind, subject=subject, data=data)
        return
    nobody = {**_told_of(connection, tenant, None), "request_id": None, **_states(None, None)}
    at = rfc3339(utc_now())
    rows = [{**_row(tenant, kind, subject, data, at), **nobody} for subject, data in told]
    connection.add(events, rows)


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
    told = {
        **_told_of(connection, tenant, None if deed is None else deed.actor),
        "request_id": None if deed is None else deed.request_id,
    }
    rows = [
        {**_row(tenant, kind, subject, {}), **told, **_states(was, now)}
        for subject, was, now in changes
    ]
    connection.many(_INSERT, rows)
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
    row = {
        **_row(tenant, kind, subject, data, at),
        **_told_of(connection, tenant, actor),
        "request_id": request_id,
        **_states(was, now),
    }
    connection.run(_INSERT, row)
    return str(row["id"])


def _row(
    tenant: str, kind: EventType, subject: str, data: Mapping[str, Any], at: str | None = None
) -> dict[str, Any]:
    return {
        "tenant_id": tenant,
        "id": new_id("evt"),
        "category": kind.category.value,
        "type": kind.value,
        "subject": subject,
        "created_at": at or rfc3339(utc_now()),
        "data": orjson.dumps(data).decode(),
        **dict.fromkeys(_CHAIN),
    }


def _states(was: bytes | None, now: bytes | None) -> dict[str, str | None]:
    return {
        "before": None if was is None else was.decode(),
        "after": None if now is None else now.decode(),
    }


def _told_of(connection: Connection, tenant: str, actor: Actor | None) -> dict[str, str | None]:
    """Return what an event says of its actor: the names too, which may be others' tomorrow."""
    if actor is None:
        return dict.fromkeys(("actor_kind", *_ACTOR))
    name, email = _named(connection, _USER, tenant, actor.user_id) or (None, None)
    statement = _CREDENTIALS.get((actor.credential_id or "").partition("_")[0])
    credential = _named(connection, statement, tenant, actor.credential_id) or (None,)
    return {
        "actor_kind": actor.kind.value,
        "user_id": actor.user_id,
        "user_name": name,
        "user_email": email,
        "credential_id": actor.credential_id,
        "credential_name": credential[0],
        "ip": actor.ip,
    }


def _named(
    connection: Connection, statement: Select[Any] | None, tenant: str, ident: str | None
) -> Row | None:
    if statement is None or ident is None:
        return None
    return connection.first(statement, {"tenant": tenant, "ident": ident})


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
        items = [orjson.dumps(public(row[2:], orjson.Fragment)) for row in found.rows]
        return Page(items, found.next)

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


def public(row: Sequence[Any], read: Callable[[str], Any] = orjson.loads) -> dict[str, Any]:
    """Return an event as the API shows it, from a row of COLUMNS; `read` takes the JSON in it."""

    def loaded(name: str) -> Any:
        return None if found[name] is None else read(found[name])

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
        "data": loaded("data"),
        "before": loaded("before"),
        "after": loaded("after"),
        "sequence": found["sequence"],
        "previous": found["previous"],
        "hash": found["hash"],
        "signature": loaded("signature"),
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
        "credential_name": found["credential_name"],
        "ip": found["ip"],
    }
