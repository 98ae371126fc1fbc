"""What an admin does with the users of a tenant: invite, change and remove them.

Nothing is sent by e-mail: the admin passes the link of an invitation on. It ends when it is used,
after `INVITATION_DAYS`, or by the next one; for a user who has a password it is how they get a new
one (`auth.logins`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson

from cloudsealed.auth import credential, passwords
from cloudsealed.auth.access import Access
from cloudsealed.auth.bodies import USER, USER_CHANGE
from cloudsealed.auth.model import ROLE_SCOPES, Caller
from cloudsealed.auth.security import record
from cloudsealed.auth.user_store import User, UserStore, decode
from cloudsealed.events.deed import OPERATOR
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.ids import new_id
from cloudsealed.kit.shapes import read_body, refuse
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.keys import KeyRing
from cloudsealed.storage.keyset import Page
from cloudsealed.storage.tenancy import turn
from cloudsealed.vocabulary import EventType, Role, UserStatus

INVITATION = "csin_"
INVITATION_DAYS = 7
INVITATION_PATH = "/invitation"
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,189}")


class UserService:
    """The use cases of users. `public_url` is where invitations lead."""

    def __init__(
        self, *, database: Database, keys: KeyRing, clock: Clock, access: Access, public_url: str
    ) -> None:
        self._database = database
        self._store = UserStore(database)
        self._keys = keys.live("tokens")
        self._clock = clock
        self._access = access
        self._public_url = public_url.rstrip("/")

    def create(
        self, *, tenant: str, email: str, role: Role, name: str = "", password: str | None = None
    ) -> User:
        """Add a user, trusting the operator who asks.

        Raises EmailTakenError, or InvalidFieldError naming what is bad.
        """
        hashed = None if password is None else passwords.hashed(password, known=True)
        user = replace(self._new(tenant, email, name, role), password_hash=hashed)
        with self._database.write() as connection:
            self._store.insert(connection, user)
            record(
                connection,
                EventType.USER_CREATED,
                tenant=tenant,
                subject=user.id,
                actor=OPERATOR,
                now=user,
                email=user.email,
                role=role,
            )
        return user

    def invite(self, *, caller: Caller, body: Any) -> bytes:
        """Add a user, who gets a password by the link of the answer; it is shown once.

        Raises EmailTakenError, and InvalidScopeError for a role beyond the credential's power.
        """
        asked = read_body(USER, body)
        role = Role(asked["role"])
        caller.refuse_beyond(ROLE_SCOPES[role], "role")
        user = self._new(caller.tenant_id, asked["email"], asked["name"] or "", role)
        with self._database.write() as connection:
            self._store.insert(connection, user)
            return self._invited(connection, caller, user)

    def invite_again(self, *, caller: Caller, ident: str) -> bytes:
        """Give a user a new link, which ends the one before; raises UserNotFoundError.

        Whoever has the link becomes that user, so it needs as much power as theirs.
        """
        with self._database.write() as connection:
            user = self._store.get_in(connection, tenant=caller.tenant_id, ident=ident)
            caller.refuse_beyond(ROLE_SCOPES[user.role], "role")
            if user.is_service:
                raise refuse("kind", "must be person: nobody logs in as a service")
            if user.disabled_at is not None:
                raise refuse("status", "must be active: enable the user first")
            return self._invited(connection, caller, user)

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
        """Return a page of the tenant's users."""
        rows = self._store.page(
            tenant=caller.tenant_id,
            filters=filters,
            sort=sort,
            after=after,
            limit=limit,
            deadline=deadline,
        )
        return Page([orjson.dumps(decode(row[2:]).public()) for row in rows.rows], rows.next)

    def get(self, *, tenant: str, ident: str) -> User:
        """Return one user; raises UserNotFoundError."""
        return self._store.get(tenant=tenant, ident=ident)

    def has_admin(self) -> bool:
        """Say whether the installation has an admin."""
        return self._store.has_admin()

    def change(self, *, caller: Caller, ident: str, body: Any) -> bytes:
        """Change a user's name, role or status; a disabled user's sessions end at once.

        Their tokens and grants have no power while they are disabled, and a role is what tokens
        are held to from now on. Raises UserNotFoundError, InvalidScopeError, InvalidFieldError.
        """
        asked = read_body(USER_CHANGE, body)
        role = asked["role"]
        if role is not None:
            caller.refuse_beyond(ROLE_SCOPES[Role(role)], "role")
        with turn(self._database, tenant=caller.tenant_id) as connection:
            user = self._store.get_in(connection, tenant=caller.tenant_id, ident=ident)
            changed = replace(
                user,
                name=asked["name"] or user.name,
                role=Role(role) if role else user.role,
                disabled_at=self._disabled_at(user, asked["status"]),
            )
            if changed != user:
                self._write(connection, caller, user, changed)
        self._database.after(self._access.forget)
        return orjson.dumps(changed.public())

    def remove(self, *, caller: Caller, ident: str) -> None:
        """Remove a user; their sessions, tokens and grants end. Raises UserNotFoundError."""
        with turn(self._database, tenant=caller.tenant_id) as connection:
            user = self._store.get_in(connection, tenant=caller.tenant_id, ident=ident)
            self._refuse_last_admin(connection, user)
            self._access.end(connection, user)
            self._store.delete(connection, user)
            record(
                connection,
                EventType.USER_REMOVED,
                tenant=user.tenant_id,
                subject=user.id,
                actor=caller.actor,
                email=user.email,
            )
        self._database.after(self._access.forget)

    def _write(self, connection: Connection, caller: Caller, user: User, changed: User) -> None:
        if changed.role is not Role.ADMIN or changed.disabled_at is not None:
            self._refuse_last_admin(connection, user)
        if changed.disabled_at is not None:
            self._access.end_sessions(connection, user)
        self._store.change(connection, changed)
        told = {
            name: [getattr(user, name), getattr(changed, name)]
            for name in ("name", "role", "status")
            if getattr(user, name) != getattr(changed, name)
        }
        record(
            connection,
            EventType.USER_CHANGED,
            tenant=user.tenant_id,
            subject=user.id,
            actor=caller.actor,
            changes=told,
        )

    def _disabled_at(self, user: User, status: str | None) -> str | None:
        if status == UserStatus.DISABLED:
            return user.disabled_at or rfc3339(self._clock())
        return None if status == UserStatus.ACTIVE else user.disabled_at

    def _refuse_last_admin(self, connection: Connection, user: User) -> None:
        may_log_in = user.status is UserStatus.ACTIVE and not user.is_service
        is_admin = user.role is Role.ADMIN and may_log_in
        if is_admin and not self._store.has_other_admin(connection, user):
            raise refuse("role", "must stay admin: the tenant has no other admin")

    def _new(self, tenant: str, email: str, name: str, role: Role) -> User:
        address = email.strip().lower()
        if _EMAIL.fullmatch(address) is None:
            raise refuse("email", "must be an address such as ann@example.com")
        now = rfc3339(self._clock())
        return User(tenant, new_id("usr"), address, name or address, role, now)

    def _invited(self, connection: Connection, caller: Caller, user: User) -> bytes:
        text = credential.mint(INVITATION)
        until = rfc3339(self._clock() + timedelta(days=INVITATION_DAYS))
        digest = credential.digest(text, self._keys[0])
        self._store.invite(connection, user, digest=digest, until=until)
        record(
            connection,
            EventType.USER_INVITED,
            tenant=user.tenant_id,
            subject=user.id,
            actor=caller.actor,
            email=user.email,
            role=user.role,
        )
        url = f"{self._public_url}{INVITATION_PATH}?token={text}"
        public = replace(user, invitation_expires_at=until).public()
        return orjson.dumps({**public, "invitation_url": url})
