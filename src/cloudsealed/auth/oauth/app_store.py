"""Rows of apps. The only SQL of apps; it never sees a secret's text."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import ColumnElement, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from cloudsealed.auth.oauth.errors import AppNotFoundError
from cloudsealed.auth.oauth.model import App, Audience
from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.keyset import Listing, Paged
from cloudsealed.storage.schema import oauth_apps

_COLUMNS = (
    "tenant_id",
    "id",
    "client_id",
    "name",
    "secret_digest",
    "previous_digest",
    "previous_until",
    "redirect_uris",
    "scopes",
    "audience",
    "created_at",
    "updated_at",
    "device_flow",
)
_CHANGED = (
    "name",
    "redirect_uris",
    "scopes",
    "audience",
    "device_flow",
    "updated_at",
    "secret_digest",
    "previous_digest",
    "previous_until",
)

LISTING = Listing(
    table=oauth_apps,
    columns=_COLUMNS,
    filters=(),
    hidden=lambda table: table.c.deleted_at.is_(None),
)

_ONE: tuple[ColumnElement[bool], ...] = (
    oauth_apps.c.tenant_id == bindparam("tenant"),
    oauth_apps.c.id == bindparam("ident"),
    oauth_apps.c.deleted_at.is_(None),
)
_LOADED = select(*(oauth_apps.c[name] for name in _COLUMNS))  # tenantless: app by client id
_GET = _LOADED.where(*_ONE)
_BY_CLIENT = _LOADED.where(
    oauth_apps.c.client_id == bindparam("client"), oauth_apps.c.deleted_at.is_(None)
)
_CHANGE = (
    oauth_apps.update().where(*_ONE).values({name: bindparam(f"new_{name}") for name in _CHANGED})
)
_ENSURE = insert(oauth_apps).on_conflict_do_nothing()  # SQLite reads the same words
_DELETE = oauth_apps.update().where(*_ONE).values(deleted_at=bindparam("now"))


def decode(row: Row) -> App:
    """Return the app of a row that holds the columns of LISTING."""
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in ("redirect_uris", "scopes"):
        values[name] = tuple(orjson.loads(values[name]))
    audience, by_device = Audience(values["audience"]), bool(values["device_flow"])
    return App(**values | {"audience": audience, "device_flow": by_device})


class AppStore(Paged):
    """The apps of every tenant."""

    listing = LISTING

    def insert(self, connection: Connection, app: App) -> None:
        """Add an app."""
        connection.run(oauth_apps.insert(), _new_row(app))

    def ensure(self, app: App) -> None:
        """Add an app unless there is one of its client id."""
        with self.database.write() as connection:
            connection.run(_ENSURE, _new_row(app))

    def get(self, *, tenant: str, ident: str) -> App:
        """Return one app; raises AppNotFoundError."""
        with self.database.read() as connection:
            return self.get_in(connection, tenant=tenant, ident=ident)

    def get_in(self, connection: Connection, *, tenant: str, ident: str) -> App:
        """Return one app within a transaction; raises AppNotFoundError."""
        row = connection.first(_GET, {"tenant": tenant, "ident": ident})
        if row is None:
            raise AppNotFoundError(ident)
        return decode(row)

    def change(self, connection: Connection, app: App) -> None:
        """Write what can change of an app."""
        row = _row(app)
        new = {f"new_{name}": row[name] for name in _CHANGED}
        connection.run(_CHANGE, {**new, "tenant": app.tenant_id, "ident": app.id})

    def delete(self, connection: Connection, *, tenant: str, ident: str, now: str) -> None:
        """End an app, and with it every grant of it; raises AppNotFoundError."""
        if not connection.run(_DELETE, {"tenant": tenant, "ident": ident, "now": now}):
            raise AppNotFoundError(ident)

    def by_client(self, client_id: str) -> App | None:
        """Return the app with this client id, of whatever tenant."""
        with self.database.read() as connection:
            row = connection.first(_BY_CLIENT, {"client": client_id})
        return decode(row) if row is not None else None


def _new_row(app: App) -> dict[str, Any]:
    return {**_row(app), "confidential": int(app.is_confidential), "deleted_at": None}


def _row(app: App) -> dict[str, Any]:
    row = {name: getattr(app, name) for name in _COLUMNS}
    for name in ("redirect_uris", "scopes"):
        row[name] = orjson.dumps(row[name]).decode()
    return row | {"device_flow": int(app.device_flow)}
