"""Rows of personal access tokens. The only SQL of tokens; it never sees a token's text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, bindparam, select

from cloudsealed.auth.errors import TokenNotFoundError
from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.filters import Filter
from cloudsealed.storage.keyset import Listing, Paged
from cloudsealed.storage.schema import tokens, users

_COLUMNS = (
    "id",
    "user_id",
    "name",
    "scopes",
    "allowed_cidrs",
    "created_at",
    "expires_at",
    "last_used_at",
    "last_used_ip",
)

LISTING = Listing(
    table=tokens,
    columns=_COLUMNS,
    filters=(
        Filter("user", "User that it acts for", "user_id", kind="id", prefix="usr", sorts=("-id",)),
    ),
    hidden=lambda table: table.c.revoked_at.is_(None),
)

_TENANT = tokens.c.tenant_id == bindparam("tenant")
_ONE: tuple[ColumnElement[bool], ...] = (
    _TENANT,
    tokens.c.id == bindparam("ident"),
    tokens.c.revoked_at.is_(None),
)
_GET = select(*(tokens.c[name] for name in _COLUMNS)).where(*_ONE)
_INSERT = tokens.insert()
_REVOKE = tokens.update().where(*_ONE).values(revoked_at=bindparam("now"))
_REVOKE_ALL = (
    tokens.update()
    .where(_TENANT, tokens.c.user_id == bindparam("owner"), tokens.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_OWNER = select(  # tenantless: credential by digest
    tokens.c.tenant_id, tokens.c.id, tokens.c.user_id
).where(tokens.c.digest == bindparam("address"), tokens.c.revoked_at.is_(None))
_SHORTEN = (
    tokens.update()
    .where(*_ONE, tokens.c.expires_at > bindparam("until"))
    .values(expires_at=bindparam("until"))
)
_USED = (
    tokens.update()
    .where(_TENANT, tokens.c.id == bindparam("ident"))
    .values(last_used_at=bindparam("used_at"), last_used_ip=bindparam("used_ip"))
)
# No tenant here: a credential is looked up by its digest, and says which tenant it is of.
_BY_DIGEST = (
    select(
        tokens.c.tenant_id,
        tokens.c.id,
        tokens.c.user_id,
        tokens.c.scopes,
        tokens.c.allowed_cidrs,
        tokens.c.expires_at,
        users.c.role,
    )
    .join(users, (users.c.tenant_id == tokens.c.tenant_id) & (users.c.id == tokens.c.user_id))
    .where(
        tokens.c.digest == bindparam("address"),
        tokens.c.revoked_at.is_(None),
        users.c.disabled_at.is_(None),
    )
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept. Times are RFC 3339 text, `allowed_cidrs` networks; none: anywhere."""

    id: str
    user_id: str
    name: str
    scopes: tuple[str, ...]
    allowed_cidrs: tuple[str, ...]
    created_at: str
    expires_at: str
    last_used_at: str | None = None
    last_used_ip: str | None = None

    def public(self) -> dict[str, Any]:
        """Return the token as the API shows it."""
        return {
            "id": self.id,
            "object": "token",
            "user_id": self.user_id,
            "name": self.name,
            "scopes": self.scopes,
            "allowed_cidrs": self.allowed_cidrs,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "last_used_at": self.last_used_at,
            "last_used_ip": self.last_used_ip,
        }


def decode(row: Sequence[Any]) -> Token:
    """Return the token of a row that holds the columns of LISTING."""
    ident, user, name, scopes, cidrs, *times = row
    return Token(ident, user, name, tuple(orjson.loads(scopes)), tuple(orjson.loads(cidrs)), *times)


class TokenStore(Paged):
    """The tokens of every tenant. Methods with a connection are steps of one transaction."""

    listing = LISTING

    def insert(
        self, connection: Connection, *, tenant: str, token: Token, digest: str, key_id: str
    ) -> None:
        """Add a token."""
        connection.run(_INSERT, _row(tenant, token, digest, key_id))

    def shorten(self, connection: Connection, *, tenant: str, ident: str, until: str) -> None:
        """Let a token end at `until`, unless it ends before."""
        connection.run(_SHORTEN, {"tenant": tenant, "ident": ident, "until": until})

    def get(self, *, tenant: str, ident: str) -> Token:
        """Return one token; raises TokenNotFoundError, also when it was revoked."""
        with self.database.read() as connection:
            row = connection.first(_GET, {"tenant": tenant, "ident": ident})
        if row is None:
            raise TokenNotFoundError(ident)
        return decode(row)

    def revoke(self, connection: Connection, *, tenant: str, ident: str, now: str) -> bool:
        """End a token; false when it had ended."""
        return connection.run(_REVOKE, {"tenant": tenant, "ident": ident, "now": now}) == 1

    def revoke_all(self, connection: Connection, *, tenant: str, user_id: str, now: str) -> None:
        """End every token of a user."""
        connection.run(_REVOKE_ALL, {"tenant": tenant, "owner": user_id, "now": now})

    def owner(self, connection: Connection, digest: str) -> Row | None:
        """Return tenant, id and user of the token with this digest, unless it was revoked."""
        return connection.first(_OWNER, {"address": digest})

    def by_digest(self, digest: str, *, deadline: float | None = None) -> Row | None:
        """Return tenant, token, user, scopes, networks, expiry, role; None if it has no power."""
        with self.database.read(deadline) as connection:
            return connection.first(_BY_DIGEST, {"address": digest})

    def record_use(self, uses: Iterable[Mapping[str, str]]) -> None:
        """Write when and from where tokens were last used."""
        with self.database.write() as connection:
            connection.many(_USED, list(uses))


def _row(tenant: str, token: Token, digest: str, key_id: str) -> dict[str, Any]:
    return {
        "tenant_id": tenant,
        "id": token.id,
        "user_id": token.user_id,
        "name": token.name,
        "digest": digest,
        "key_id": key_id,
        "scopes": orjson.dumps(token.scopes).decode(),
        "allowed_cidrs": orjson.dumps(token.allowed_cidrs).decode(),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": None,
        "last_used_at": None,
        "last_used_ip": None,
    }
