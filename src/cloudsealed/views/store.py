"""Rows of saved views. The only SQL of views; every read says whose eyes it is for."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import bindparam, func, select

from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.filters import Filter, searching
from cloudsealed.storage.keyset import Listing, Paged
from cloudsealed.storage.schema import views
from cloudsealed.views.model import TENANT, View, ViewNotFoundError
from cloudsealed.vocabulary import ViewOf

_COLUMNS = (
    "id",
    "noun",
    "name",
    "query",
    "group_by",
    "columns",
    "audience",
    "owner_id",
    "created_at",
    "updated_at",
)
LISTING = Listing(
    table=views,
    columns=_COLUMNS,
    filters=(
        Filter("audience", "Who sees it", "audience", sorts=("-id",), is_public=False),
        Filter("of", "The list that it is a view of", "noun", tuple(ViewOf), kind="enum"),
        Filter(
            "shared",
            "Whether the whole tenant sees it",
            "audience",
            ("true", "false"),
            kind="enum",
            has_negation=False,
        ),
        searching("name", "Part of its name, letter case aside", "name"),
    ),
)
"""`shared` is what the service makes an audience of."""

_TENANT = views.c.tenant_id == bindparam("tenant")
_ONE = views.c.id == bindparam("ident")
_GET = select(*(views.c[name] for name in _COLUMNS)).where(
    _TENANT, _ONE, views.c.audience.in_((bindparam("everyone"), bindparam("viewer")))
)
_AUDIENCE = views.c.audience == bindparam("seen_by")
_COUNT = select(func.count()).select_from(views).where(_TENANT, _AUDIENCE)
_NAMED = select(views.c.id).where(
    _TENANT, _AUDIENCE, views.c.noun == bindparam("listed"), views.c.name == bindparam("called")
)
_INSERT = views.insert()
_UPDATE = (
    views.update()
    .where(_TENANT, _ONE)
    .values({name: bindparam(f"new_{name}") for name in _COLUMNS if name != "id"})
)
_DELETE = views.delete().where(_TENANT, _ONE)
_DELETE_OWN = views.delete().where(_TENANT, _AUDIENCE)


def _encode(item: View) -> dict[str, Any]:
    return {
        "id": item.id,
        "noun": item.of,
        "name": item.name,
        "query": orjson.dumps(item.query).decode(),
        "group_by": item.group_by,
        "columns": None if item.columns is None else orjson.dumps(item.columns).decode(),
        "audience": item.audience,
        "owner_id": item.owner_id,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }


def decode(row: Row) -> View:
    """Return the view of a row of the listing's columns."""
    values = dict(zip(_COLUMNS, row, strict=True))
    columns = values["columns"]
    read = {
        "of": ViewOf(values.pop("noun")),
        "shared": values.pop("audience") == TENANT,
        "query": {name: tuple(found) for name, found in orjson.loads(values["query"]).items()},
        "columns": None if columns is None else tuple(orjson.loads(columns)),
    }
    return View(**(values | read))


class ViewStore(Paged):
    """Reads and writes views."""

    listing = LISTING

    def get(self, *, tenant: str, user: str, ident: str, deadline: float | None = None) -> View:
        """Return one view that a user sees; raises ViewNotFoundError."""
        with self.database.read(deadline) as connection:
            return self.get_in(connection, tenant=tenant, user=user, ident=ident)

    def get_in(self, connection: Connection, *, tenant: str, user: str, ident: str) -> View:
        """Return one view that a user sees, within a transaction."""
        values = {"tenant": tenant, "ident": ident, "everyone": TENANT, "viewer": user}
        row = connection.first(_GET, values)
        if row is None:
            raise ViewNotFoundError(ident)
        return decode(row)

    def named(self, connection: Connection, *, tenant: str, like: View) -> str | None:
        """Return the id of the view of the same audience, list and name as another, or None."""
        values = {"seen_by": like.audience, "listed": like.of, "called": like.name}
        row = connection.first(_NAMED, {"tenant": tenant, **values})
        return row[0] if row else None

    def count(self, connection: Connection, *, tenant: str, audience: str) -> int:
        """Return how many views an audience has."""
        row = connection.first(_COUNT, {"tenant": tenant, "seen_by": audience})
        return int(row[0]) if row else 0

    def insert(self, connection: Connection, *, tenant: str, item: View) -> None:
        """Add a view."""
        connection.run(_INSERT, {"tenant_id": tenant, **_encode(item)})

    def update(self, connection: Connection, *, tenant: str, item: View) -> None:
        """Write a view over its row."""
        values = {f"new_{name}": value for name, value in _encode(item).items() if name != "id"}
        connection.run(_UPDATE, {"tenant": tenant, "ident": item.id, **values})

    def delete(self, connection: Connection, *, tenant: str, ident: str) -> None:
        """Remove a view."""
        connection.run(_DELETE, {"tenant": tenant, "ident": ident})

    def delete_own(self, connection: Connection, *, tenant: str, user: str) -> None:
        """Remove what a user alone sees."""
        connection.run(_DELETE_OWN, {"tenant": tenant, "seen_by": user})
