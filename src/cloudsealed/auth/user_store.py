"""Rows of tenants and users. The only SQL of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select

from cloudsealed.auth.errors import EmailTakenError, TenantNotFoundError, UserNotFoundError
from cloudsealed.storage.database import Database, Row
from cloudsealed.storage.schema import tenants, users
from cloudsealed.vocabulary import Role

_USER = ("id", "tenant_id", "email", "name", "role", "created_at", "disabled_at", "password_hash")
_LOADED = select(*(users.c[name] for name in _USER))  # tenantless: user by e-mail
_GET = _LOADED.where(users.c.tenant_id == bindparam("tenant"), users.c.id == bindparam("ident"))
_BY_EMAIL = _LOADED.where(users.c.email == bindparam("address"))
_SET_PASSWORD = (
    users.update()
    .where(users.c.tenant_id == bindparam("tenant"), users.c.id == bindparam("ident"))
    .values(password_hash=bindparam("new_hash"))
)
_ADMINS = select(func.count()).where(  # tenantless: operator
    users.c.role == Role.ADMIN.value, users.c.disabled_at.is_(None)
)
_TENANTS = select(tenants.c.tenant_id, tenants.c.name, tenants.c.created_at)
_TENANT = _TENANTS.where(tenants.c.tenant_id == bindparam("tenant"))


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation that owns everything else."""

    id: str
    name: str
    created_at: str

    def public(self) -> dict[str, Any]:
        """Return the tenant as the API shows it."""
        return {"id": self.id, "object": "tenant", "name": self.name, "created_at": self.created_at}


@dataclass(frozen=True, slots=True)
class User:
    """A person of one tenant. `password_hash` is argon2id's text, None without a password."""

    id: str
    tenant_id: str
    email: str
    name: str
    role: Role
    created_at: str
    disabled_at: str | None = None
    password_hash: str | None = None

    def public(self) -> dict[str, Any]:
        """Return the user as the API shows them."""
        return {
            "id": self.id,
            "object": "user",
            "email": self.email,
            "name": self.name,
            "role": self.role,
            "created_at": self.created_at,
            "disabled_at": self.disabled_at,
        }


def _user(row: Row) -> User:
    ident, tenant, email, name, role, *rest = row
    return User(ident, tenant, email, name, Role(role), *rest)


class UserStore:
    """The tenants of the installation and their users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert_tenant(self, tenant: Tenant) -> None:
        """Add a tenant."""
        row = {"tenant_id": tenant.id, "name": tenant.name, "created_at": tenant.created_at}
        with self._database.write() as connection:
            connection.run(tenants.insert(), row)

    def tenants(self) -> Sequence[Tenant]:
        """Return every tenant, oldest first."""
        with self._database.read() as connection:
            return [Tenant(*row) for row in connection.all(_TENANTS.order_by(tenants.c.tenant_id))]

    def tenant(self, ident: str) -> Tenant:
        """Return one tenant; raises TenantNotFoundError."""
        with self._database.read() as connection:
            row = connection.first(_TENANT, {"tenant": ident})
        if row is None:
            raise TenantNotFoundError(ident)
        return Tenant(*row)

    def insert(self, user: User) -> None:
        """Add a user; raises EmailTakenError."""
        row = {name: getattr(user, name) for name in _USER} | {"role": user.role.value}
        with self._database.write() as connection:
            if connection.first(_BY_EMAIL, {"address": user.email}) is not None:
                raise EmailTakenError(f"A user with the address {user.email} exists")
            connection.run(users.insert(), row)

    def get(self, *, tenant: str, ident: str) -> User:
        """Return one user; raises UserNotFoundError."""
        with self._database.read() as connection:
            row = connection.first(_GET, {"tenant": tenant, "ident": ident})
        if row is None:
            raise UserNotFoundError(ident)
        return _user(row)

    def by_email(self, email: str) -> User | None:
        """Return the user with this address, of whatever tenant."""
        with self._database.read() as connection:
            row = connection.first(_BY_EMAIL, {"address": email})
        return _user(row) if row is not None else None

    def set_password(self, *, tenant: str, ident: str, password_hash: str) -> None:
        """Replace a user's password hash."""
        with self._database.write() as connection:
            connection.run(
                _SET_PASSWORD, {"tenant": tenant, "ident": ident, "new_hash": password_hash}
            )

    def has_admin(self) -> bool:
        """Say whether any tenant has an admin who can log in."""
        with self._database.read() as connection:
            row = connection.first(_ADMINS)
        return row is not None and bool(row[0])
