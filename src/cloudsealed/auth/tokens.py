"""What one does with personal access tokens. Their text is shown once and never stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

import orjson

from cloudsealed.auth import credential
from cloudsealed.auth.authenticator import Authenticator
from cloudsealed.auth.bodies import TOKEN, TOKEN_ROTATION
from cloudsealed.auth.errors import InsufficientRoleError, TokenNotFoundError
from cloudsealed.auth.model import Caller, Network, Scope, parse_scopes
from cloudsealed.auth.oauth.client_store import ClientStore
from cloudsealed.auth.oauth.grant_store import GrantStore
from cloudsealed.auth.security import record
from cloudsealed.auth.service_accounts import service_account
from cloudsealed.auth.token_store import Token, TokenStore, decode
from cloudsealed.auth.user_store import UserStore
from cloudsealed.events.deed import OPERATOR, Actor
from cloudsealed.kit.clock import Clock, parse_rfc3339, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.ids import new_id
from cloudsealed.kit.shapes import read_body, refuse
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.keys import KeyRing
from cloudsealed.storage.keyset import Page
from cloudsealed.vocabulary import EventType, Role

DEFAULT_DAYS = 90


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made, with its text: the only time that it is there."""

    token: Token
    text: str

    def public(self) -> bytes:
        """Return the token's public JSON, with its text."""
        return orjson.dumps({**self.token.public(), "token": self.text})


class TokenService:
    """The use cases of tokens; `authenticator` is the gate's part."""

    def __init__(
        self, *, database: Database, keys: KeyRing, settings: Settings, clock: Clock
    ) -> None:
        self._database = database
        self._store = TokenStore(database)
        self._users = UserStore(database)
        self._keys = keys.live("tokens")
        self._most_days = settings.token_max_days
        self._clock = clock
        self.authenticator = Authenticator(
            store=self._store,
            grants=GrantStore(database),
            clients=ClientStore(database),
            keys=keys,
            clock=clock,
        )

    def issue(
        self,
        *,
        tenant: str,
        user_id: str,
        name: str,
        scopes: frozenset[Scope],
        expires_at: str | None = None,
        allowed_cidrs: tuple[str, ...] = (),
        actor: Actor = OPERATOR,
    ) -> NewToken:
        """Make a token for a user, trusting the operator who asks; for 90 days by default."""
        token = self._fresh(
            user_id, name, scopes, expires_at or self._default_expiry(), allowed_cidrs
        )
        with self._database.write() as connection:
            text = self._insert(connection, tenant, token)
            record(
                connection,
                EventType.TOKEN_CREATED,
                tenant=tenant,
                subject=token.id,
                actor=actor,
                now=token,
                owner_id=user_id,
                name=name,
                scopes=token.scopes,
            )
        return NewToken(token, text)

    def _insert(self, connection: Connection, tenant: str, token: Token) -> str:
        text = credential.mint()
        key = self._keys[0]
        digest = credential.digest(text, key)
        self._store.insert(connection, tenant=tenant, token=token, digest=digest, key_id=key.id)
        return text

    def create(self, *, caller: Caller, body: Any) -> bytes:
        """Make a token for the caller, or as an admin for a service account; with its text.

        It has no more power than the caller's. Raises InvalidScopeError, InsufficientRoleError and
        InvalidFieldError.
        """
        asked = read_body(TOKEN, body)
        scopes = parse_scopes(asked["scopes"])
        caller.refuse_beyond(scopes)
        made = self.issue(
            tenant=caller.tenant_id,
            user_id=self._owner(caller, asked["user_id"], scopes),
            name=asked["name"],
            scopes=scopes,
            expires_at=self._expiry(asked["expires_at"]),
            allowed_cidrs=_cidrs(asked["allowed_cidrs"], caller.networks),
            actor=caller.actor,
        )
        return made.public()

    def _owner(self, caller: Caller, ident: str | None, scopes: frozenset[Scope]) -> str:
        """Return whose the new token is: the caller's, or a service account's that is named."""
        if ident is None or ident == caller.user_id:
            return caller.user_id
        if caller.role is not Role.ADMIN:
            raise InsufficientRoleError("Only an admin can make a service account's token")
        return service_account(self._users, ident, caller.tenant_id, scopes).id

    def rotate(self, *, caller: Caller, ident: str, body: Any) -> bytes:
        """Make a token like another, which ends after `overlap_seconds` (0 unless given).

        Scopes, networks and length of life stay; the new token has an id of its own.
        """
        old = self._owned(caller, ident)
        overlap = read_body(TOKEN_ROTATION, {} if body is None else body)["overlap_seconds"]
        caller.refuse_beyond(parse_scopes(old.scopes))
        now = self._clock()
        life = parse_rfc3339(old.expires_at) - parse_rfc3339(old.created_at)
        token = replace(
            old,
            id=new_id("tok"),
            created_at=rfc3339(now),
            expires_at=rfc3339(now + life),
            last_used_at=None,
            last_used_ip=None,
        )
        tenant, until = caller.tenant_id, rfc3339(now + timedelta(seconds=overlap))
        with self._database.write() as connection:
            self._store.shorten(connection, tenant=tenant, ident=ident, until=until)
            text = self._insert(connection, tenant, token)
            record(
                connection,
                EventType.TOKEN_ROTATED,
                tenant=tenant,
                subject=ident,
                actor=caller.actor,
                was=old,
                now=replace(old, expires_at=min(old.expires_at, until)),
                owner_id=old.user_id,
                successor_id=token.id,
                until=until,
            )
        self._database.after(self.authenticator.forget)
        return NewToken(token, text).public()

    def list(
        self,
        *,
        caller: Caller,
        filters: Mapping[str, tuple[str, ...]],
        sort: str = "-id",
        after: Position | None = None,
        limit: int = 50,
        deadline: float | None = None,
    ) -> Page:
        """Return a page of tokens that the caller may see: a viewer's own, else the tenant's."""
        rows = self._store.page(
            tenant=caller.tenant_id,
            filters=caller.seen(filters),
            sort=sort,
            after=after,
            limit=limit,
            deadline=deadline,
        )
        return Page([orjson.dumps(decode(row[2:]).public()) for row in rows.rows], rows.next)

    def get(self, *, caller: Caller, ident: str) -> bytes:
        """Return one token; raises TokenNotFoundError."""
        return orjson.dumps(self._seen(caller, ident).public())

    def revoke(self, *, caller: Caller, ident: str) -> None:
        """End a token: here at once, in other processes within a second."""
        token, tenant = self._owned(caller, ident), caller.tenant_id
        with self._database.write() as connection:
            now = rfc3339(self._clock())
            if self._store.revoke(connection, tenant=tenant, ident=ident, now=now):
                record(
                    connection,
                    EventType.TOKEN_REVOKED,
                    tenant=tenant,
                    subject=ident,
                    actor=caller.actor,
                    was=token,
                    owner_id=token.user_id,
                )
        self._database.after(self.authenticator.forget)

    def report_leak(self, *, text: str, ip: str | None = None) -> None:
        """End the token that was found in public, if it is one; its text is the proof."""
        if not credential.is_well_formed(text):
            return
        for key in self._keys:
            with self._database.write() as connection:
                self._end_leaked(connection, credential.digest(text, key), ip)
        self._database.after(self.authenticator.forget)

    def _end_leaked(self, connection: Connection, digest: str, ip: str | None) -> None:
        row = self._store.owner(connection, digest)
        if row is None:
            return
        tenant, ident, user_id = row
        self._store.revoke(connection, tenant=tenant, ident=ident, now=rfc3339(self._clock()))
        record(
            connection,
            EventType.TOKEN_LEAKED,
            tenant=tenant,
            subject=ident,
            actor=Actor(ip=ip),
            owner_id=user_id,
        )

    def _seen(self, caller: Caller, ident: str) -> Token:
        token = self._store.get(tenant=caller.tenant_id, ident=ident)
        if token.user_id != caller.user_id and not caller.sees_others:
            raise TokenNotFoundError(ident)
        return token

    def _owned(self, caller: Caller, ident: str) -> Token:
        token = self._seen(caller, ident)
        if token.user_id != caller.user_id and caller.role is not Role.ADMIN:
            raise InsufficientRoleError("Only an admin can change another user's token")
        return token

    def _fresh(
        self,
        user_id: str,
        name: str,
        scopes: frozenset[Scope],
        expires_at: str,
        cidrs: tuple[str, ...],
    ) -> Token:
        ordered = tuple(scope.value for scope in Scope if scope in scopes)
        now = rfc3339(self._clock())
        return Token(new_id("tok"), user_id, name, ordered, cidrs, now, expires_at)

    def _latest(self) -> datetime:
        return self._clock() + timedelta(days=self._most_days)

    def _default_expiry(self) -> str:
        return rfc3339(min(self._clock() + timedelta(days=DEFAULT_DAYS), self._latest()))

    def _expiry(self, moment: str | None) -> str | None:
        if moment is None:
            return None
        if not rfc3339(self._clock()) < moment <= rfc3339(self._latest()):
            raise refuse("expires_at", f"must be within the next {self._most_days} days")
        return moment


def _cidrs(given: Sequence[str] | None, callers: tuple[Network, ...]) -> tuple[str, ...]:
    """Return the networks of a body: the caller's unless given, and never beyond them."""
    if given is None:
        return tuple(str(network) for network in callers)
    networks = tuple(_network(text) for text in given)
    for network in networks:
        if callers and not any(_within(network, outer) for outer in callers):
            raise refuse("allowed_cidrs", f"must be within the credential's own: {network}")
    return tuple(str(network) for network in networks)


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        message = f"must be networks such as 192.0.2.0/24: {text}"
        raise refuse("allowed_cidrs", message) from None


def _within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # same version
