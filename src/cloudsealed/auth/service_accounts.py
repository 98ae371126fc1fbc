"""Service accounts: users that are programs. They have a role as people do, and no way to log in.

What `/v1/users/{id}` does to a person it does to them too: change, disable, remove. They get in by
personal access tokens that an admin makes for them, and by OAuth clients (`auth.oauth.clients`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from cloudsealed.auth.bodies import SERVICE_ACCOUNT
from cloudsealed.auth.errors import InvalidScopeError, UserNotFoundError
from cloudsealed.auth.model import ROLE_SCOPES, Caller, Scope, implied
from cloudsealed.auth.security import record
from cloudsealed.auth.user_store import User, UserStore, decode
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.ids import new_id
from cloudsealed.kit.shapes import read_body, refuse
from cloudsealed.storage.database import Database
from cloudsealed.storage.keyset import Page
from cloudsealed.vocabulary import EventType, Role, UserKind

_NOWHERE = "service.invalid"  # RFC 2606: no mail ever reaches it


class ServiceAccountService:
    """The use cases of service accounts that people's do not have."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._store = UserStore(database)
        self._clock = clock

    def create(self, *, caller: Caller, body: Any) -> bytes:
        """Add a service account; raises InvalidScopeError for a role beyond the caller's power."""
        asked = read_body(SERVICE_ACCOUNT, body)
        name, role = asked["name"], Role(asked["role"])
        caller.refuse_beyond(ROLE_SCOPES[role], "role")
        ident, now = new_id("usr"), rfc3339(self._clock())
        address = f"{ident.lower()}@{_NOWHERE}"
        user = User(caller.tenant_id, ident, address, name, role, now, kind=UserKind.SERVICE)
        with self._database.write() as connection:
            self._store.insert(connection, user)
            record(
                connection,
                EventType.USER_CREATED,
                tenant=user.tenant_id,
                subject=user.id,
                actor=caller.actor,
                user_kind=user.kind,
                name=name,
                role=role,
            )
        return orjson.dumps(user.public())

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
        """Return a page of the tenant's service accounts."""
        rows = self._store.page(
            tenant=caller.tenant_id,
            filters={**filters, "kind": (UserKind.SERVICE.value,)},
            sort=sort,
            after=after,
            limit=limit,
            deadline=deadline,
        )
        return Page([orjson.dumps(decode(row[2:]).public()) for row in rows.rows], rows.next)


def service_account(users: UserStore, ident: str, tenant: str, scopes: Iterable[Scope]) -> User:
    """Return the account that a body names by its `user_id`, if its role has `scopes`.

    Raises InvalidFieldError, the same for a person, another tenant's and one that never was; and
    InvalidScopeError.
    """
    try:
        user = users.get(tenant=tenant, ident=ident)
    except UserNotFoundError:
        user = None
    if user is None or not user.is_service:
        raise refuse("user_id", "must name a service account")
    refuse_beyond_role(scopes, user.role)
    return user


def refuse_beyond_role(scopes: Iterable[Scope], role: Role) -> None:
    """Raise InvalidScopeError unless a role has every one of `scopes`."""
    if beyond := implied(scopes) - ROLE_SCOPES[role]:
        raise InvalidScopeError(beyond, f"the role {role} does not have it")
