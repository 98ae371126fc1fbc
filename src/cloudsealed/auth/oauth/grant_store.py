"""Rows of grants and of the codes and tokens that stand for them. Texts are kept as digests only.

A code, token or grant counts only while its app is there and open to the user's tenant, its user
enabled and its grant not revoked: one condition, `_IN_FORCE`, on every look-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, bindparam, or_, select

from cloudsealed.auth.oauth.errors import GrantNotFoundError
from cloudsealed.auth.oauth.model import ACCESS, Asked, Audience, Code, Grant, IssuedToken, Standing
from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.filters import Filter
from cloudsealed.storage.keyset import Listing, Paged
from cloudsealed.storage.schema import oauth_apps, oauth_grants, oauth_tokens, users
from cloudsealed.vocabulary import Role

_COLUMNS = (
    "id", "user_id", "client_id", "app_name", "scopes", "created_at", "expires_at", "last_used_at",
    "last_used_ip",
)  # fmt: skip

LISTING = Listing(
    table=oauth_grants,
    columns=_COLUMNS,
    filters=(
        Filter("user", "User who granted it", "user_id", kind="id", prefix="usr", sorts=("-id",)),
    ),
    hidden=lambda table: table.c.revoked_at.is_(None) & table.c.redeemed_at.is_not(None),
)

_THIS: tuple[ColumnElement[bool], ...] = (
    oauth_grants.c.tenant_id == bindparam("tenant"), oauth_grants.c.id == bindparam("ident"),
)  # fmt: skip
_SHOWN = (*_THIS, oauth_grants.c.revoked_at.is_(None), oauth_grants.c.redeemed_at.is_not(None))
_GET = select(*(oauth_grants.c[name] for name in _COLUMNS)).where(*_SHOWN)
_REVOKE = (
    oauth_grants.update()
    .where(*_THIS, oauth_grants.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_REVOKE_ALL = (
    oauth_grants.update()
    .where(
        oauth_grants.c.tenant_id == bindparam("tenant"),
        oauth_grants.c.user_id == bindparam("owner"), oauth_grants.c.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("now"))
)  # fmt: skip
_REDEEM = (
    oauth_grants.update()
    .where(*_THIS, oauth_grants.c.redeemed_at.is_(None))
    .values(redeemed_at=bindparam("now"), expires_at=bindparam("until"))
)
_USED = (
    oauth_grants.update()
    .where(*_THIS)
    .values(last_used_at=bindparam("used_at"), last_used_ip=bindparam("used_ip"))
)
_CONSUME = (
    oauth_tokens.update()
    .where(
        oauth_tokens.c.tenant_id == bindparam("tenant"), oauth_tokens.c.id == bindparam("ident"),
        oauth_tokens.c.consumed_at.is_(None),
    )
    .values(consumed_at=bindparam("now"))
)  # fmt: skip

_USERS = (users.c.tenant_id == oauth_grants.c.tenant_id) & (users.c.id == oauth_grants.c.user_id)
_GRANT_OF = (oauth_grants.c.tenant_id == oauth_tokens.c.tenant_id) & (
    oauth_grants.c.id == oauth_tokens.c.grant_id
)
_APP_OF = oauth_apps.c.client_id == oauth_grants.c.client_id
_STANDING = (
    oauth_grants.c.tenant_id, oauth_grants.c.id, oauth_grants.c.user_id, oauth_grants.c.client_id,
    oauth_grants.c.scopes, oauth_apps.c.scopes.label("app_scopes"), users.c.role,
    oauth_grants.c.expires_at,
)  # fmt: skip
_IN_FORCE: tuple[ColumnElement[bool], ...] = (
    oauth_grants.c.revoked_at.is_(None),
    users.c.disabled_at.is_(None),
    oauth_apps.c.deleted_at.is_(None),
    or_(
        oauth_apps.c.audience == Audience.INSTALLATION.value,
        oauth_apps.c.tenant_id == oauth_grants.c.tenant_id,
    ),
)
# The tenant of these two is what the digest finds: a code or token says which tenant it is of.
_BY_CODE = (  # tenantless: code by digest
    select(
        *_STANDING, oauth_grants.c.redirect_uri, oauth_grants.c.redirect_sent,
        oauth_grants.c.challenge, oauth_grants.c.redeemed_at,
    )
    .join(users, _USERS).join(oauth_apps, _APP_OF)
    .where(oauth_grants.c.code_digest == bindparam("address"), *_IN_FORCE)
)  # fmt: skip
_BY_TOKEN = (  # tenantless: credential by digest
    select(
        *_STANDING, oauth_tokens.c.id.label("token_id"), oauth_tokens.c.kind,
        oauth_tokens.c.scopes.label("token_scopes"), oauth_tokens.c.created_at,
        oauth_tokens.c.expires_at.label("token_expires_at"), oauth_tokens.c.consumed_at,
    )
    .select_from(oauth_tokens)
    .join(oauth_grants, _GRANT_OF).join(users, _USERS).join(oauth_apps, _APP_OF)
    .where(oauth_tokens.c.digest == bindparam("address"), *_IN_FORCE)
)  # fmt: skip
_PURGE_GRANTS = (  # tenantless: housekeeping
    oauth_grants.delete().where(oauth_grants.c.expires_at < bindparam("before"))
)
_PURGE_TOKENS = (  # tenantless: housekeeping
    oauth_tokens.delete().where(oauth_tokens.c.expires_at < bindparam("before"))
)


def decode(row: Row) -> Grant:
    """Return the grant of a row that holds the columns of LISTING."""
    ident, user, client, app, scopes, *times = row
    return Grant(ident, user, client, app, tuple(orjson.loads(scopes)), *times)


def _standing(row: Sequence[Any]) -> Standing:
    tenant, ident, user, client, scopes, app_scopes, role, expires = row
    return Standing(
        tenant, ident, user, client, tuple(orjson.loads(scopes)), tuple(orjson.loads(app_scopes)),
        Role(role), expires,
    )  # fmt: skip


class GrantStore(Paged):
    """The grants of every tenant. Methods with a connection are steps of one transaction."""

    listing = LISTING

    def insert(
        self, connection: Connection, *, tenant: str, user_id: str, ident: str, asked: Asked,
        code_digest: str, now: str, until: str,
    ) -> None:  # fmt: skip
        """Add a grant whose code can be redeemed until `until`."""
        row = {
            "tenant_id": tenant, "id": ident, "user_id": user_id,
            "client_id": asked.app.client_id, "app_name": asked.app.name,
            "scopes": orjson.dumps(asked.scopes).decode(), "code_digest": code_digest,
            "redirect_uri": asked.redirect_uri, "redirect_sent": int(asked.redirect_sent),
            "challenge": asked.challenge, "created_at": now, "redeemed_at": None,
            "revoked_at": None, "expires_at": until, "last_used_at": None, "last_used_ip": None,
        }  # fmt: skip
        connection.run(oauth_grants.insert(), row)

    def get(self, *, tenant: str, ident: str) -> Grant:
        """Return one grant in force; raises GrantNotFoundError."""
        with self.database.read() as connection:
            row = connection.first(_GET, {"tenant": tenant, "ident": ident})
        if row is None:
            raise GrantNotFoundError(ident)
        return decode(row)

    def revoke(self, connection: Connection, *, tenant: str, ident: str, now: str) -> bool:
        """End a grant, its code and every token of it; false when it had ended."""
        return connection.run(_REVOKE, {"tenant": tenant, "ident": ident, "now": now}) == 1

    def revoke_all(self, connection: Connection, *, tenant: str, user_id: str, now: str) -> None:
        """End every grant of a user."""
        connection.run(_REVOKE_ALL, {"tenant": tenant, "owner": user_id, "now": now})

    def code(self, connection: Connection, digest: str) -> Code | None:
        """Return the code with this digest, redeemed or not; None when its grant is over."""
        row = connection.first(_BY_CODE, {"address": digest})
        if row is None:
            return None
        uri, sent, challenge, redeemed = row[8:]
        return Code(_standing(row[:8]), uri, bool(sent), challenge, redeemed)

    def redeem(self, connection: Connection, grant: Standing, *, now: str, until: str) -> bool:
        """Consume a grant's code; false when another did. The grant then lasts until `until`."""
        this = {"tenant": grant.tenant_id, "ident": grant.grant_id}
        return connection.run(_REDEEM, {**this, "now": now, "until": until}) == 1

    def insert_token(self, connection: Connection, token: IssuedToken, digest: str) -> None:
        """Add an access or refresh token."""
        row = {
            "tenant_id": token.grant.tenant_id, "id": token.id, "grant_id": token.grant.grant_id,
            "kind": token.kind, "digest": digest, "scopes": orjson.dumps(token.scopes).decode(),
            "created_at": token.created_at, "expires_at": token.expires_at, "consumed_at": None,
        }  # fmt: skip
        connection.run(oauth_tokens.insert(), row)

    def token(self, connection: Connection, digest: str) -> IssuedToken | None:
        """Return the token with this digest, used or not; None when its grant is over."""
        row = connection.first(_BY_TOKEN, {"address": digest})
        if row is None:
            return None
        ident, kind, scopes, *times = row[8:]
        return IssuedToken(_standing(row[:8]), ident, kind, tuple(orjson.loads(scopes)), *times)

    def consume(self, connection: Connection, token: IssuedToken, now: str) -> bool:
        """End one token; false when another did."""
        this = {"tenant": token.grant.tenant_id, "ident": token.id}
        return connection.run(_CONSUME, {**this, "now": now}) == 1

    def by_digest(self, digest: str, *, deadline: float | None = None) -> Row | None:
        """Return tenant, grant, user, scopes, networks, expiry, role of a usable access token."""
        with self.database.read(deadline) as connection:
            token = self.token(connection, digest)
        if token is None or token.kind != ACCESS or token.consumed_at is not None:
            return None
        grant = token.grant
        scopes = orjson.dumps(sorted(grant.power(token.scopes)))
        return (
            grant.tenant_id, grant.grant_id, grant.user_id, scopes, b"[]", token.expires_at,
            grant.role,
        )  # fmt: skip

    def record_use(self, uses: Iterable[Mapping[str, str]]) -> None:
        """Write when and from where grants were last used."""
        with self.database.write() as connection:
            connection.many(_USED, list(uses))

    def purge(self, before: str) -> None:
        """Forget grants and tokens whose time was over before a moment."""
        with self.database.write() as connection:
            connection.run(_PURGE_TOKENS, {"before": before})
            connection.run(_PURGE_GRANTS, {"before": before})
