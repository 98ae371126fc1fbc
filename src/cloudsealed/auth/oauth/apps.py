"""What a tenant does with its apps, and its users with their grants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson

from cloudsealed.auth import credential
from cloudsealed.auth.authenticator import Authenticator
from cloudsealed.auth.errors import InsufficientRoleError
from cloudsealed.auth.model import Caller, parse_scopes
from cloudsealed.auth.oauth import app_store, bodies, grant_store, redirects
from cloudsealed.auth.oauth.app_store import AppStore
from cloudsealed.auth.oauth.errors import GrantNotFoundError
from cloudsealed.auth.oauth.grant_store import GrantStore
from cloudsealed.auth.oauth.model import CLIENT, SECRET, App, Audience, Grant, ordered
from cloudsealed.auth.security import record
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.ids import new_id
from cloudsealed.kit.shapes import read_body, refuse
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.keys import KeyRing
from cloudsealed.storage.keyset import Page
from cloudsealed.storage.tenancy import turn
from cloudsealed.vocabulary import EventType, Role


class AppService:
    """The use cases of apps. A secret's text is in the answer that makes it, and nowhere else."""

    def __init__(
        self, *, database: Database, keys: KeyRing, clock: Clock, authenticator: Authenticator
    ) -> None:
        self._database = database
        self._store = AppStore(database)
        self._grants = GrantStore(database)
        self._keys = keys.live("tokens")
        self._clock = clock
        self._authenticator = authenticator

    def create(self, *, caller: Caller, body: Any) -> bytes:
        """Register an app in the caller's tenant."""
        asked = read_body(bodies.APP, body)
        _refuse_redirects(asked["redirect_uris"])
        text = credential.mint(SECRET) if asked["confidential"] else None
        now = rfc3339(self._clock())
        app = App(
            tenant_id=caller.tenant_id,
            id=new_id("app"),
            client_id=credential.mint(CLIENT),
            name=asked["name"],
            secret_digest=self._digest(text),
            previous_digest=None,
            previous_until=None,
            redirect_uris=asked["redirect_uris"],
            scopes=_scopes(asked["scopes"]),
            audience=Audience(asked["audience"]),
            created_at=now,
            updated_at=now,
            device_flow=asked["device_flow"],
        )
        with self._database.write() as connection:
            self._store.insert(connection, app)
            _record(
                connection,
                EventType.APP_CREATED,
                caller,
                app.id,
                now=app,
                name=app.name,
                redirect_uris=app.redirect_uris,
                scopes=app.scopes,
                audience=app.audience,
            )
        return orjson.dumps({**app.public(), "client_secret": text})

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
        """Return a page of the tenant's apps."""
        rows = self._store.page(
            tenant=caller.tenant_id,
            filters=filters,
            sort=sort,
            after=after,
            limit=limit,
            deadline=deadline,
        )
        apps = (app_store.decode(row[2:]) for row in rows.rows)
        return Page([orjson.dumps(app.public()) for app in apps], rows.next)

    def get(self, *, tenant: str, ident: str) -> bytes:
        """Return one app; raises AppNotFoundError."""
        return orjson.dumps(self._store.get(tenant=tenant, ident=ident).public())

    def installations(
        self,
        *,
        tenant: str,
        ident: str,
        after: Position | None = None,
        limit: int = 50,
        deadline: float | None = None,
    ) -> Page:
        """Return a page of the tenants whose users let an app act for them, by id, each with how
        many they are; raises AppNotFoundError. Who they are is their tenant's to know."""
        app = self._store.get(tenant=tenant, ident=ident)
        found = self._grants.installed(
            client=app.client_id,
            now=rfc3339(self._clock()),
            after=after.id if after else "",
            most=limit + 1,
            deadline=deadline,
        )
        shown = [
            orjson.dumps(
                {
                    "object": "oauth_installation",
                    "app_id": app.id,
                    "tenant_id": row[0],
                    "users": row[1],
                    "created_at": row[2],
                    "last_used_at": row[3],
                }
            )
            for row in found[:limit]
        ]
        return Page(shown, Position(found[limit - 1][0]) if len(found) > limit else None)

    def change(self, *, caller: Caller, ident: str, body: Any) -> bytes:
        """Change an app; fewer scopes, or a narrower audience, hold for its grants at once."""
        asked = read_body(bodies.APP_CHANGE, body)
        _refuse_redirects(asked["redirect_uris"] or ())
        flow = asked["device_flow"]
        with turn(self._database, tenant=caller.tenant_id) as connection:
            app = self._store.get_in(connection, tenant=caller.tenant_id, ident=ident)
            changed = replace(
                app,
                name=asked["name"] or app.name,
                redirect_uris=asked["redirect_uris"] or app.redirect_uris,
                scopes=_scopes(asked["scopes"] or ()) or app.scopes,
                audience=Audience(asked["audience"] or app.audience),
                device_flow=app.device_flow if flow is None else flow,
            )
            if changed == app:
                return orjson.dumps(app.public())
            changed = replace(changed, updated_at=rfc3339(self._clock()))
            self._store.change(connection, changed)
            told = {
                name: [getattr(app, name), getattr(changed, name)]
                for name in bodies.CHANGEABLE
                if getattr(app, name) != getattr(changed, name)
            }
            _record(
                connection, EventType.APP_CHANGED, caller, ident, was=app, now=changed, changes=told
            )
        self._database.after(self._authenticator.forget)
        return orjson.dumps(changed.public())

    def rotate(self, *, caller: Caller, ident: str, body: Any) -> bytes:
        """Give an app a new secret; the old one ends after `overlap_seconds`, 0 unless given."""
        overlap = read_body(bodies.SECRET_ROTATION, {} if body is None else body)["overlap_seconds"]
        text, now = credential.mint(SECRET), self._clock()
        with turn(self._database, tenant=caller.tenant_id) as connection:
            app = self._store.get_in(connection, tenant=caller.tenant_id, ident=ident)
            if not app.is_confidential:
                raise refuse("confidential", "must be true: a public app has no secret")
            changed = replace(
                app,
                secret_digest=self._digest(text),
                previous_digest=app.secret_digest,
                previous_until=rfc3339(now + timedelta(seconds=overlap)),
                updated_at=rfc3339(now),
            )
            self._store.change(connection, changed)
            _record(
                connection,
                EventType.APP_SECRET_ROTATED,
                caller,
                ident,
                was=app,
                now=changed,
                until=changed.previous_until,
            )
        return orjson.dumps({**changed.public(), "client_secret": text})

    def delete(self, *, caller: Caller, ident: str) -> None:
        """Remove an app; everything that was granted to it ends."""
        tenant, now = caller.tenant_id, rfc3339(self._clock())
        with turn(self._database, tenant=tenant) as connection:
            app = self._store.get_in(connection, tenant=tenant, ident=ident)
            self._store.delete(connection, tenant=tenant, ident=ident, now=now)
            _record(connection, EventType.APP_DELETED, caller, ident, was=app)
        self._database.after(self._authenticator.forget)

    def _digest(self, text: str | None) -> str | None:
        return None if text is None else credential.digest(text, self._keys[0])


class GrantService:
    """The use cases of grants: to see them and to end them."""

    def __init__(self, *, database: Database, clock: Clock, authenticator: Authenticator) -> None:
        self._database = database
        self._store = GrantStore(database)
        self._clock = clock
        self._authenticator = authenticator

    def of_user(self, *, tenant: str, user_id: str) -> list[Grant]:
        """Return a user's newest grants, 200 at most."""
        rows = self._store.page(
            tenant=tenant, filters={"user": (user_id,)}, sort="-id", after=None, limit=200
        )
        return [grant_store.decode(row[2:]) for row in rows.rows]

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
        """Return a page of grants that the caller may see: a viewer's own, else the tenant's."""
        rows = self._store.page(
            tenant=caller.tenant_id,
            filters=caller.seen(filters),
            sort=sort,
            after=after,
            limit=limit,
            deadline=deadline,
        )
        grants = (grant_store.decode(row[2:]) for row in rows.rows)
        return Page([orjson.dumps(grant.public()) for grant in grants], rows.next)

    def get(self, *, caller: Caller, ident: str) -> bytes:
        """Return one grant; raises GrantNotFoundError."""
        return orjson.dumps(self._seen(caller, ident).public())

    def revoke(self, *, caller: Caller, ident: str) -> None:
        """End a grant: one's own, or as an admin another's."""
        grant = self._seen(caller, ident)
        if grant.user_id != caller.user_id and caller.role is not Role.ADMIN:
            raise InsufficientRoleError("Only an admin can end another user's grant")
        with self._database.write() as connection:
            if self._store.revoke(connection, tenant=caller.tenant_id, ident=ident):
                _record(
                    connection,
                    EventType.GRANT_REVOKED,
                    caller,
                    ident,
                    was=grant,
                    owner_id=grant.user_id,
                    client_id=grant.client_id,
                )
        self._database.after(self._authenticator.forget)

    def _seen(self, caller: Caller, ident: str) -> Grant:
        grant = self._store.get(tenant=caller.tenant_id, ident=ident)
        if grant.user_id != caller.user_id and not caller.sees_others:
            raise GrantNotFoundError(ident)
        return grant


def _record(
    connection: Connection, kind: EventType, caller: Caller, subject: str, **facts: Any
) -> None:
    record(connection, kind, tenant=caller.tenant_id, subject=subject, actor=caller.actor, **facts)


def _refuse_redirects(uris: Iterable[str]) -> None:
    for uri in uris:
        if reason := redirects.fault(uri):
            raise refuse("redirect_uris", f"{reason}: {uri[:200]}")


def _scopes(given: Iterable[str]) -> tuple[str, ...]:
    return ordered(parse_scopes(given))
