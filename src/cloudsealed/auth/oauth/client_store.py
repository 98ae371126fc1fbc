"""Rows of service accounts' clients, of their tokens and of what they proved themselves by.

A client and its tokens count only while its account is there and enabled: one condition on every
look-up. Secrets, tokens and assertions are kept as digests only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from sqlalchemy import ColumnElement, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from cloudsealed.auth.oauth.client_model import Client, ClientToken
from cloudsealed.auth.oauth.errors import ClientNotFoundError
from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.filters import Filter
from cloudsealed.storage.keyset import Listing, Paged
from cloudsealed.storage.schema import oauth_assertions, oauth_client_tokens, oauth_clients, users
from cloudsealed.vocabulary import Role

_COLUMNS = (
    "tenant_id",
    "id",
    "user_id",
    "client_id",
    "name",
    "scopes",
    "keys",
    "secret_digest",
    "previous_digest",
    "previous_until",
    "created_at",
    "updated_at",
    "last_used_at",
    "last_used_ip",
)
_CHANGED = (
    "name",
    "scopes",
    "keys",
    "secret_digest",
    "previous_digest",
    "previous_until",
    "updated_at",
)
_LISTS = ("scopes", "keys")

LISTING = Listing(
    table=oauth_clients,
    columns=_COLUMNS,
    filters=(
        Filter(
            "user",
            "Service account that it acts as",
            "user_id",
            kind="id",
            prefix="usr",
            sorts=("-id",),
        ),
    ),
    hidden=lambda table: table.c.deleted_at.is_(None),
)

_TENANT = oauth_clients.c.tenant_id == bindparam("tenant")
_ONE: tuple[ColumnElement[bool], ...] = (
    _TENANT,
    oauth_clients.c.id == bindparam("ident"),
    oauth_clients.c.deleted_at.is_(None),
)
_OWN = tuple(oauth_clients.c[name] for name in _COLUMNS)
_ACCOUNTS = (users.c.tenant_id == oauth_clients.c.tenant_id) & (
    users.c.id == oauth_clients.c.user_id
)
_IN_FORCE = (oauth_clients.c.deleted_at.is_(None), users.c.disabled_at.is_(None))
_GET = select(*_OWN, users.c.role).join(users, _ACCOUNTS).where(*_ONE)
_BY_CLIENT = (  # tenantless: app by client id
    select(*_OWN, users.c.role)
    .join(users, _ACCOUNTS)
    .where(oauth_clients.c.client_id == bindparam("address"), *_IN_FORCE)
)
_CHANGE = (
    oauth_clients.update()
    .where(*_ONE)
    .values({name: bindparam(f"new_{name}") for name in _CHANGED})
)
_DELETE = oauth_clients.update().where(*_ONE).values(deleted_at=bindparam("now"))
_DELETE_ALL = (
    oauth_clients.update()
    .where(
        _TENANT, oauth_clients.c.user_id == bindparam("owner"), oauth_clients.c.deleted_at.is_(None)
    )
    .values(deleted_at=bindparam("now"))
)
_USED = (
    oauth_clients.update()
    .where(_TENANT, oauth_clients.c.id == bindparam("ident"))
    .values(last_used_at=bindparam("used_at"), last_used_ip=bindparam("used_ip"))
)
_CLIENT_OF = (oauth_clients.c.tenant_id == oauth_client_tokens.c.tenant_id) & (
    oauth_clients.c.id == oauth_client_tokens.c.client
)
_BY_TOKEN = (  # tenantless: credential by digest
    select(
        *_OWN,
        users.c.role,
        oauth_client_tokens.c.id.label("token_id"),
        oauth_client_tokens.c.scopes.label("token_scopes"),
        oauth_client_tokens.c.created_at.label("token_created_at"),
        oauth_client_tokens.c.expires_at,
        oauth_client_tokens.c.revoked_at,
    )
    .select_from(oauth_client_tokens)
    .join(oauth_clients, _CLIENT_OF)
    .join(users, _ACCOUNTS)
    .where(oauth_client_tokens.c.digest == bindparam("address"), *_IN_FORCE)
)
_REVOKE = (
    oauth_client_tokens.update()
    .where(
        oauth_client_tokens.c.tenant_id == bindparam("tenant"),
        oauth_client_tokens.c.id == bindparam("ident"),
    )
    .values(revoked_at=bindparam("now"))
)
_SPEND = insert(oauth_assertions).on_conflict_do_nothing()  # SQLite reads the same words
_PURGE_TOKENS = (  # tenantless: housekeeping
    oauth_client_tokens.delete().where(oauth_client_tokens.c.expires_at < bindparam("before"))
)
_PURGE_ASSERTIONS = (  # tenantless: housekeeping
    oauth_assertions.delete().where(oauth_assertions.c.expires_at < bindparam("before"))
)
_WIDTH = len(_COLUMNS)


def decode(row: Row, role: str = Role.VIEWER) -> Client:
    """Return the client of a row that holds the columns of LISTING."""
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in _LISTS:
        values[name] = tuple(orjson.loads(values[name]))
    return Client(**values, role=Role(role))


class ClientStore(Paged):
    """The clients of every tenant. Methods with a connection are steps of one transaction."""

    listing = LISTING

    def insert(self, connection: Connection, client: Client) -> None:
        """Add a client."""
        connection.run(oauth_clients.insert(), {**_row(client), "deleted_at": None})

    def get(self, *, tenant: str, ident: str) -> Client:
        """Return one client; raises ClientNotFoundError."""
        with self.database.read() as connection:
            return self.get_in(connection, tenant=tenant, ident=ident)

    def get_in(self, connection: Connection, *, tenant: str, ident: str) -> Client:
        """Return one client within a transaction; raises ClientNotFoundError."""
        row = connection.first(_GET, {"tenant": tenant, "ident": ident})
        if row is None:
            raise ClientNotFoundError(ident)
        return decode(row[:_WIDTH], row[_WIDTH])

    def change(self, connection: Connection, client: Client) -> None:
        """Write what can change of a client."""
        row = _row(client)
        new = {f"new_{name}": row[name] for name in _CHANGED}
        connection.run(_CHANGE, {**new, "tenant": client.tenant_id, "ident": client.id})

    def delete(self, connection: Connection, *, tenant: str, ident: str, now: str) -> None:
        """End a client, and with it every token of it; raises ClientNotFoundError."""
        if not connection.run(_DELETE, {"tenant": tenant, "ident": ident, "now": now}):
            raise ClientNotFoundError(ident)

    def delete_all(self, connection: Connection, *, tenant: str, user_id: str, now: str) -> None:
        """End every client of an account."""
        connection.run(_DELETE_ALL, {"tenant": tenant, "owner": user_id, "now": now})

    def by_client(self, client_id: str) -> Client | None:
        """Return the client with this client id, of whatever tenant, if its account is enabled."""
        with self.database.read() as connection:
            row = connection.first(_BY_CLIENT, {"address": client_id})
        return None if row is None else decode(row[:_WIDTH], row[_WIDTH])

    def spend(self, client: Client, *, digest: str, until: str) -> bool:
        """Use an assertion, once for all processes; false when it was used before."""
        row = {"tenant_id": client.tenant_id, "client": client.id, "digest": digest}
        with self.database.write() as connection:
            return connection.run(_SPEND, {**row, "expires_at": until}) == 1

    def insert_token(self, connection: Connection, token: ClientToken, digest: str) -> None:
        """Add an access token."""
        row = {
            "tenant_id": token.client.tenant_id,
            "id": token.id,
            "client": token.client.id,
            "digest": digest,
            "scopes": orjson.dumps(token.scopes).decode(),
            "created_at": token.created_at,
            "expires_at": token.expires_at,
            "revoked_at": None,
        }
        connection.run(oauth_client_tokens.insert(), row)

    def token(self, digest: str, *, deadline: float | None = None) -> ClientToken | None:
        """Return the token with this digest, revoked or not; None when its client is over."""
        with self.database.read(deadline) as connection:
            row = connection.first(_BY_TOKEN, {"address": digest})
        if row is None:
            return None
        role, ident, scopes, *times = row[_WIDTH:]
        return ClientToken(decode(row[:_WIDTH], role), ident, tuple(orjson.loads(scopes)), *times)

    def revoke(self, token: ClientToken, now: str) -> None:
        """End one token."""
        this = {"tenant": token.client.tenant_id, "ident": token.id}
        with self.database.write() as connection:
            connection.run(_REVOKE, {**this, "now": now})

    def by_digest(self, digest: str, *, deadline: float | None = None) -> Row | None:
        """Return tenant, client, user, scopes, networks, expiry, role of a usable token."""
        token = self.token(digest, deadline=deadline)
        if token is None or token.revoked_at is not None:
            return None
        client = token.client
        scopes = orjson.dumps(sorted(client.power(token.scopes)))
        return (
            client.tenant_id,
            client.id,
            client.user_id,
            scopes,
            b"[]",
            token.expires_at,
            client.role,
        )

    def record_use(self, uses: Iterable[Mapping[str, str]]) -> None:
        """Write when and from where clients' tokens were last used."""
        with self.database.write() as connection:
            connection.many(_USED, list(uses))

    def purge(self, before: str) -> None:
        """Forget tokens and assertions whose time was over before a moment."""
        with self.database.write() as connection:
            connection.run(_PURGE_TOKENS, {"before": before})
            connection.run(_PURGE_ASSERTIONS, {"before": before})


def _row(client: Client) -> dict[str, Any]:
    row = {name: getattr(client, name) for name in _COLUMNS}
    for name in _LISTS:
        row[name] = orjson.dumps(row[name]).decode()
    return row
