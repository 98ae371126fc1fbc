"""What admins do with the OAuth clients of service accounts: register, change and end them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson

from cloudsealed.auth import credential
from cloudsealed.auth.authenticator import Authenticator
from cloudsealed.auth.model import Caller, Scope, parse_scopes
from cloudsealed.auth.oauth import bodies, client_store
from cloudsealed.auth.oauth.client_model import Client
from cloudsealed.auth.oauth.client_store import ClientStore
from cloudsealed.auth.oauth.model import CLIENT, SECRET, ordered
from cloudsealed.auth.security import record
from cloudsealed.auth.service_accounts import refuse_beyond_role, service_account
from cloudsealed.auth.user_store import UserStore
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.ids import new_id
from cloudsealed.kit.shapes import read_body, refuse
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.keys import KeyRing
from cloudsealed.storage.keyset import Page
from cloudsealed.vocabulary import EventType


class ClientService:
    """The use cases of clients.

    Whoever can make a client get in has its power, so each of them needs as much as the client has.
    """

    def __init__(
        self, *, database: Database, keys: KeyRing, clock: Clock, authenticator: Authenticator
    ) -> None:
        self._database = database
        self._store = ClientStore(database)
        self._users = UserStore(database)
        self._keys = keys.live("tokens")
        self._clock = clock
        self._authenticator = authenticator

    def create(self, *, caller: Caller, body: Any) -> bytes:
        """Register a client; one without keys gets a secret, which is in this answer only."""
        asked = read_body(bodies.CLIENT, body)
        scopes = parse_scopes(asked["scopes"])
        caller.refuse_beyond(scopes)
        account = service_account(self._users, asked["user_id"], caller.tenant_id, scopes)
        keys = asked["jwks"] or ()
        text = None if keys else credential.mint(SECRET)
        now = rfc3339(self._clock())
        client = Client(
            tenant_id=caller.tenant_id,
            id=new_id("cli"),
            user_id=account.id,
            client_id=credential.mint(CLIENT),
            name=asked["name"],
            scopes=ordered(scopes),
            keys=keys,
            secret_digest=self._digest(text),
            previous_digest=None,
            previous_until=None,
            created_at=now,
            updated_at=now,
            last_used_at=None,
            last_used_ip=None,
            role=account.role,
        )
        with self._database.write() as connection:
            self._store.insert(connection, client)
            _record(
                connection,
                EventType.CLIENT_CREATED,
                caller,
                client,
                name=client.name,
                scopes=client.scopes,
            )
        return orjson.dumps({**client.public(), "client_secret": text})

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
        """Return a page of the tenant's clients."""
        rows = self._store.page(
            tenant=caller.tenant_id,
            filters=filters,
            sort=sort,
            after=after,
            limit=limit,
            deadline=deadline,
        )
        clients = (client_store.decode(row[2:]) for row in rows.rows)
        return Page([orjson.dumps(client.public()) for client in clients], rows.next)

    def get(self, *, tenant: str, ident: str) -> bytes:
        """Return one client; raises ClientNotFoundError."""
        return orjson.dumps(self._store.get(tenant=tenant, ident=ident).public())

    def change(self, *, caller: Caller, ident: str, body: Any) -> bytes:
        """Change a client; fewer scopes hold for its tokens at once, other keys for its next one.

        Raises ClientNotFoundError, InvalidScopeError and InvalidFieldError.
        """
        asked = read_body(bodies.CLIENT_CHANGE, body)
        given, keys = asked["scopes"], asked["jwks"]
        with self._database.write() as connection:
            client = self._owned(connection, caller, ident)
            if keys and not client.keys:
                raise refuse("jwks", "must be left out: this client has a secret")
            scopes = client.scopes
            if given is not None:
                caller.refuse_beyond(wanted := parse_scopes(given))
                refuse_beyond_role(wanted, client.role)
                scopes = ordered(wanted)
            changed = replace(
                client, name=asked["name"] or client.name, scopes=scopes, keys=keys or client.keys
            )
            if changed == client:
                return orjson.dumps(client.public())
            changed = replace(changed, updated_at=rfc3339(self._clock()))
            self._store.change(connection, changed)
            _record(
                connection,
                EventType.CLIENT_CHANGED,
                caller,
                changed,
                name=changed.name,
                scopes=scopes,
                keys_changed=keys is not None,
            )
        self._authenticator.forget()
        return orjson.dumps(changed.public())

    def rotate(self, *, caller: Caller, ident: str, body: Any) -> bytes:
        """Give a client a new secret; the old one ends after `overlap_seconds`, 0 unless given."""
        overlap = read_body(bodies.CLIENT_ROTATION, {} if body is None else body)["overlap_seconds"]
        text, now = credential.mint(SECRET), self._clock()
        with self._database.write() as connection:
            client = self._owned(connection, caller, ident)
            if client.keys:
                raise refuse("jwks", "must be changed instead: this client has no secret")
            changed = replace(
                client,
                secret_digest=self._digest(text),
                previous_digest=client.secret_digest,
                previous_until=rfc3339(now + timedelta(seconds=overlap)),
                updated_at=rfc3339(now),
            )
            self._store.change(connection, changed)
            _record(
                connection,
                EventType.CLIENT_SECRET_ROTATED,
                caller,
                changed,
                until=changed.previous_until,
            )
        return orjson.dumps({**changed.public(), "client_secret": text})

    def delete(self, *, caller: Caller, ident: str) -> None:
        """Remove a client; its tokens end."""
        tenant, now = caller.tenant_id, rfc3339(self._clock())
        with self._database.write() as connection:
            client = self._store.get_in(connection, tenant=tenant, ident=ident)
            self._store.delete(connection, tenant=tenant, ident=ident, now=now)
            _record(connection, EventType.CLIENT_DELETED, caller, client)
        self._authenticator.forget()

    def _owned(self, connection: Connection, caller: Caller, ident: str) -> Client:
        client = self._store.get_in(connection, tenant=caller.tenant_id, ident=ident)
        caller.refuse_beyond(map(Scope, client.scopes))
        return client

    def _digest(self, text: str | None) -> str | None:
        return None if text is None else credential.digest(text, self._keys[0])


def _record(
    connection: Connection, kind: EventType, caller: Caller, client: Client, **facts: Any
) -> None:
    record(
        connection,
        kind,
        tenant=client.tenant_id,
        subject=client.id,
        actor=caller.actor,
        owner_id=client.user_id,
        client_id=client.client_id,
        **facts,
    )
