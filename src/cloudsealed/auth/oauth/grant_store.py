"""Rows of grants and of the codes and tokens that stand for them. Texts are kept as digests only.

A code, token or grant counts only while its grant and its app are there, the app is open to the
user's tenant and the user enabled: one condition, `_IN_FORCE`, on every look-up. What is revoked is
no row any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, bindparam, case, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from cloudsealed.auth.oauth.errors import GrantNotFoundError
from cloudsealed.auth.oauth.model import (
    ACCESS,
    App,
    Asked,
    Audience,
    Code,
    Grant,
    IssuedToken,
    Standing,
)
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.filters import Filter
from cloudsealed.storage.keyset import Listing, Paged
from cloudsealed.storage.schema import oauth_apps, oauth_codes, oauth_grants, oauth_tokens, users
from cloudsealed.vocabulary import Role

_COLUMNS = (
    "id",
    "user_id",
    "client_id",
    "app_name",
    "scopes",
    "created_at",
    "expires_at",
    "last_used_at",
    "last_used_ip",
)

LISTING = Listing(
    table=oauth_grants,
    columns=_COLUMNS,
    filters=(
        Filter("user", "User who granted it", "user_id", kind="id", prefix="usr", sorts=("-id",)),
    ),
    hidden=lambda table: table.c.redeemed_at.is_not(None),
)

_TENANT = oauth_grants.c.tenant_id == bindparam("tenant")
_THIS: tuple[ColumnElement[bool], ...] = (_TENANT, oauth_grants.c.id == bindparam("ident"))
_GET = select(*(oauth_grants.c[name] for name in _COLUMNS)).where(
    *_THIS, oauth_grants.c.redeemed_at.is_not(None)
)
_INSERTED = insert(oauth_grants)  # SQLite reads the same words
_INSERT = _INSERTED.on_conflict_do_update(
    index_elements=("tenant_id", "user_id", "client_id"),
    set_={
        "expires_at": case(
            (oauth_grants.c.expires_at > _INSERTED.excluded.expires_at, oauth_grants.c.expires_at),
            else_=_INSERTED.excluded.expires_at,
        )
    },
)
_OF_APP = select(oauth_grants.c.id).where(
    _TENANT,
    oauth_grants.c.user_id == bindparam("owner"),
    oauth_grants.c.client_id == bindparam("client"),
)
_HOLD = select(oauth_grants.c.id).where(*_THIS).with_for_update()
_HOLD_ALL = (
    select(oauth_grants.c.id)
    .where(_TENANT, oauth_grants.c.user_id == bindparam("owner"))
    .order_by(oauth_grants.c.id)
    .with_for_update()
)
_END = tuple(
    table.delete().where(
        table.c.tenant_id == bindparam("tenant"), table.c[name] == bindparam("ident")
    )
    for table, name in ((oauth_tokens, "grant_id"), (oauth_codes, "grant_id"), (oauth_grants, "id"))
)
_TOKENS: tuple[ColumnElement[bool], ...] = (
    oauth_tokens.c.tenant_id == bindparam("tenant"),
    oauth_tokens.c.grant_id == bindparam("ident"),
)
_END_FAMILY = oauth_tokens.delete().where(*_TOKENS, oauth_tokens.c.family == bindparam("of"))
_LEFT = select(oauth_tokens.c.id).where(*_TOKENS, oauth_tokens.c.expires_at > bindparam("now"))
_CODES: tuple[ColumnElement[bool], ...] = (
    oauth_codes.c.tenant_id == bindparam("tenant"),
    oauth_codes.c.grant_id == bindparam("ident"),
)
_PENDING = select(oauth_codes.c.id).where(
    *_CODES, oauth_codes.c.redeemed_at.is_(None), oauth_codes.c.expires_at > bindparam("now")
)
_LAST = select(func.max(oauth_codes.c.id)).where(*_CODES, oauth_codes.c.redeemed_at.is_not(None))
_REDEEM = (
    oauth_codes.update()
    .where(
        oauth_codes.c.tenant_id == bindparam("tenant"),
        oauth_codes.c.id == bindparam("code"),
        oauth_codes.c.redeemed_at.is_(None),
    )
    .values(redeemed_at=bindparam("now"), expires_at=bindparam("until"))
)
_GRANTED = (
    oauth_grants.update()
    .where(*_THIS)
    .values(
        redeemed_at=func.coalesce(oauth_grants.c.redeemed_at, bindparam("now")),
        expires_at=bindparam("until"),
        scopes=bindparam("granted"),
        app_name=bindparam("app"),
    )
)
_USED = (
    oauth_grants.update()
    .where(*_THIS)
    .values(last_used_at=bindparam("used_at"), last_used_ip=bindparam("used_ip"))
)
_CONSUME = (
    oauth_tokens.update()
    .where(
        oauth_tokens.c.tenant_id == bindparam("tenant"),
        oauth_tokens.c.id == bindparam("ident"),
        oauth_tokens.c.consumed_at.is_(None),
    )
    .values(consumed_at=bindparam("now"))
)

_USERS = (users.c.tenant_id == oauth_grants.c.tenant_id) & (users.c.id == oauth_grants.c.user_id)
_GRANT_OF = (oauth_grants.c.tenant_id == oauth_tokens.c.tenant_id) & (
    oauth_grants.c.id == oauth_tokens.c.grant_id
)
_GRANT_OF_CODE = (oauth_grants.c.tenant_id == oauth_codes.c.tenant_id) & (
    oauth_grants.c.id == oauth_codes.c.grant_id
)
_APP_OF = oauth_apps.c.client_id == oauth_grants.c.client_id
_STANDING = (
    oauth_grants.c.tenant_id,
    oauth_grants.c.id,
    oauth_grants.c.user_id,
    oauth_grants.c.client_id,
    oauth_grants.c.scopes,
    oauth_apps.c.scopes.label("app_scopes"),
    users.c.role,
    oauth_grants.c.expires_at,
)
_IN_FORCE: tuple[ColumnElement[bool], ...] = (
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
        *_STANDING,
        oauth_codes.c.id.label("code_id"),
        oauth_codes.c.scopes.label("code_scopes"),
        oauth_codes.c.expires_at.label("code_expires_at"),
        oauth_codes.c.redirect_uri,
        oauth_codes.c.redirect_sent,
        oauth_codes.c.challenge,
        oauth_codes.c.redeemed_at,
    )
    .select_from(oauth_codes)
    .join(oauth_grants, _GRANT_OF_CODE)
    .join(users, _USERS)
    .join(oauth_apps, _APP_OF)
    .where(oauth_codes.c.digest == bindparam("address"), *_IN_FORCE)
)
_BY_TOKEN = (  # tenantless: credential by digest
    select(
        *_STANDING,
        oauth_tokens.c.family,
        oauth_tokens.c.id.label("token_id"),
        oauth_tokens.c.kind,
        oauth_tokens.c.scopes.label("token_scopes"),
        oauth_tokens.c.created_at,
        oauth_tokens.c.expires_at.label("token_expires_at"),
        oauth_tokens.c.consumed_at,
    )
    .select_from(oauth_tokens)
    .join(oauth_grants, _GRANT_OF)
    .join(users, _USERS)
    .join(oauth_apps, _APP_OF)
    .where(oauth_tokens.c.digest == bindparam("address"), *_IN_FORCE)
)
_PURGE = tuple(  # tenantless: housekeeping
    table.delete().where(table.c.expires_at < bindparam("before"))
    for table in (oauth_tokens, oauth_codes, oauth_grants)
)
_INSTALLED = (  # tenantless: an app's owner sees in which tenants it is granted, and how often
    select(
        oauth_grants.c.tenant_id,
        func.count(),
        func.min(oauth_grants.c.created_at),
        func.max(oauth_grants.c.last_used_at),
    )
    .where(
        oauth_grants.c.client_id == bindparam("client"),
        oauth_grants.c.redeemed_at.is_not(None),
        oauth_grants.c.expires_at > bindparam("now"),
        oauth_grants.c.tenant_id > bindparam("after"),
    )
    .group_by(oauth_grants.c.tenant_id)
    .order_by(oauth_grants.c.tenant_id)
    .limit(bindparam("most"))
)


def decode(row: Row) -> Grant:
    """Return the grant of a row that holds the columns of LISTING."""
    ident, user, client, app, scopes, *times = row
    return Grant(ident, user, client, app, tuple(orjson.loads(scopes)), *times)


def _standing(row: Sequence[Any]) -> Standing:
    tenant, ident, user, client, scopes, app_scopes, role, expires = row
    return Standing(
        tenant,
        ident,
        user,
        client,
        tuple(orjson.loads(scopes)),
        tuple(orjson.loads(app_scopes)),
        Role(role),
        expires,
    )


class GrantStore(Paged):
    """The grants of every tenant. Methods with a connection are steps of one transaction."""

    listing = LISTING

    def insert_code(
        self,
        connection: Connection,
        *,
        tenant: str,
        user_id: str,
        asked: Asked,
        digest: str,
        now: str,
        until: str,
    ) -> str:
        """Add a code that can be redeemed until `until`; return its grant's id, which is new when
        the user has none for the app and is seen once a code was redeemed."""
        client, scopes = asked.app.client_id, orjson.dumps(asked.scopes).decode()
        grant = {
            "tenant_id": tenant,
            "id": new_id("gra"),
            "user_id": user_id,
            "client_id": client,
            "app_name": asked.app.name,
            "scopes": scopes,
            "created_at": now,
            "redeemed_at": None,
            "expires_at": until,
            "last_used_at": None,
            "last_used_ip": None,
        }
        connection.run(_INSERT, grant)
        row = connection.first(_OF_APP, {"tenant": tenant, "owner": user_id, "client": client})
        assert row is not None
        ident = str(row[0])
        code = {
            "tenant_id": tenant,
            "id": new_id("oac"),
            "grant_id": ident,
            "digest": digest,
            "scopes": scopes,
            "redirect_uri": asked.redirect_uri,
            "redirect_sent": int(asked.redirect_sent),
            "challenge": asked.challenge,
            "created_at": now,
            "redeemed_at": None,
            "expires_at": until,
        }
        connection.run(oauth_codes.insert(), code)
        return ident

    def get(self, *, tenant: str, ident: str) -> Grant:
        """Return one grant in force; raises GrantNotFoundError."""
        with self.database.read() as connection:
            row = connection.first(_GET, {"tenant": tenant, "ident": ident})
        if row is None:
            raise GrantNotFoundError(ident)
        return decode(row)

    def hold(self, connection: Connection, *, tenant: str, ident: str) -> bool:
        """Let nobody else use or end a grant until the transaction ends; False when it is gone."""
        return connection.first(_HOLD, {"tenant": tenant, "ident": ident}) is not None

    def revoke(self, connection: Connection, *, tenant: str, ident: str) -> bool:
        """End a grant, its codes and every token of it; false when it had ended."""
        this = {"tenant": tenant, "ident": ident}
        if not self.hold(connection, **this):
            return False
        for statement in _END:
            connection.run(statement, this)
        return True

    def revoke_all(self, connection: Connection, *, tenant: str, user_id: str) -> None:
        """End every grant of a user."""
        for (ident,) in connection.all(_HOLD_ALL, {"tenant": tenant, "owner": user_id}):
            self.revoke(connection, tenant=tenant, ident=ident)

    def end_family(self, connection: Connection, grant: Standing, family: str, now: str) -> bool:
        """End the tokens that came of one code, and with the last family the grant; false when
        there were none."""
        this = {"tenant": grant.tenant_id, "ident": grant.grant_id}
        if not connection.run(_END_FAMILY, {**this, "of": family}):
            return False
        left = (
            connection.first(statement, {**this, "now": now}) for statement in (_LEFT, _PENDING)
        )
        if not any(left):
            self.revoke(connection, **this)
        return True

    def code(self, connection: Connection, digest: str) -> Code | None:
        """Return the code with this digest, redeemed or not; None when its grant is over."""
        row = connection.first(_BY_CODE, {"address": digest})
        if row is None:
            return None
        ident, scopes, expires, uri, sent, challenge, redeemed = row[8:]
        return Code(
            _standing(row[:8]),
            ident,
            tuple(orjson.loads(scopes)),
            expires,
            uri,
            bool(sent),
            challenge,
            redeemed,
        )

    def redeem(self, connection: Connection, code: Code, *, app: App, now: str, until: str) -> bool:
        """Consume a code; false when another did. Its grant then lasts until `until`, and has the
        scopes of the last consent of which a code was redeemed."""
        grant = code.grant
        this = {"tenant": grant.tenant_id, "ident": grant.grant_id}
        row = connection.first(_LAST, this)
        named = {"tenant": grant.tenant_id, "code": code.id, "now": now, "until": until}
        if not connection.run(_REDEEM, named):
            return False
        is_last = row is None or row[0] is None or row[0] < code.id
        scopes = orjson.dumps(code.scopes if is_last else grant.scopes).decode()
        granted = {"now": now, "until": until, "granted": scopes, "app": app.name}
        connection.run(_GRANTED, {**this, **granted})
        return True

    def insert_token(self, connection: Connection, token: IssuedToken, digest: str) -> None:
        """Add an access or refresh token."""
        row = {
            "tenant_id": token.grant.tenant_id,
            "id": token.id,
            "grant_id": token.grant.grant_id,
            "kind": token.kind,
            "digest": digest,
            "scopes": orjson.dumps(token.scopes).decode(),
            "created_at": token.created_at,
            "expires_at": token.expires_at,
            "consumed_at": None,
            "family": token.family,
        }
        connection.run(oauth_tokens.insert(), row)

    def token(self, connection: Connection, digest: str) -> IssuedToken | None:
        """Return the token with this digest, used or not; None when its grant is over."""
        row = connection.first(_BY_TOKEN, {"address": digest})
        if row is None:
            return None
        family, ident, kind, scopes, *times = row[8:]
        names = tuple(orjson.loads(scopes))
        return IssuedToken(_standing(row[:8]), family, ident, kind, names, *times)

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
            grant.tenant_id,
            grant.grant_id,
            grant.user_id,
            scopes,
            b"[]",
            token.expires_at,
            grant.role,
        )

    def record_use(self, uses: Iterable[Mapping[str, str]]) -> None:
        """Write when and from where grants were last used."""
        with self.database.write() as connection:
            connection.many(_USED, list(uses))

    def installed(
        self, *, client: str, now: str, after: str, most: int, deadline: float | None = None
    ) -> list[Row]:
        """Return (tenant, users, first grant, last use) of `most` tenants after one, by id, whose
        users let an app act for them now."""
        values = {"client": client, "now": now, "after": after, "most": most}
        with self.database.read(deadline) as connection:
            return connection.all(_INSTALLED, values)

    def purge(self, before: str) -> None:
        """Forget grants, codes and tokens whose time was over before a moment."""
        with self.database.write() as connection:
            for statement in _PURGE:
                connection.run(statement, {"before": before})
