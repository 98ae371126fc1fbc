"""Rows of tenants and users. The only SQL of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, null, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from cloudsealed.auth.errors import EmailTakenError, TenantNotFoundError, UserNotFoundError
from cloudsealed.storage.database import Connection, Database, Row
from cloudsealed.storage.filters import Filter
from cloudsealed.storage.keyset import Listing, Paged
from cloudsealed.storage.schema import tenants, users
from cloudsealed.vocabulary import Role, UserKind, UserStatus

_COLUMNS = (
    "tenant_id",
    "id",
    "email",
    "name",
    "role",
    "created_at",
    "disabled_at",
    "password_hash",
    "invitation_expires_at",
    "kind",
)

LISTING = Listing(
    table=users,
    columns=_COLUMNS,
    filters=(
        Filter("role", "What they may do", "role", tuple(Role), kind="enum", sorts=("-id",)),
        Filter("kind", "Who they are", "kind", tuple(UserKind), kind="enum", sorts=("-id",)),
        Filter("email", "E-mail address", "email", convert=lambda text: text.strip().lower()),
    ),
)

_INSERT = postgresql_insert(users).on_conflict_do_nothing()  # SQLite reads the same words
COLUMNS = tuple(users.c[name] for name in _COLUMNS)
"""What a user is read from, in the order of `decode`."""

_LOADED = select(*COLUMNS)  # tenantless: user by e-mail
_THIS = (users.c.tenant_id == bindparam("tenant"), users.c.id == bindparam("ident"))
_GET = _LOADED.where(*_THIS)
_BY_EMAIL = _LOADED.where(users.c.email == bindparam("address"))
_BY_INVITATION = _LOADED.where(  # tenantless: credential by digest
    users.c.invitation_digest == bindparam("address"), users.c.disabled_at.is_(None)
)
_CHANGE = (
    users.update()
    .where(*_THIS)
    .values(
        name=bindparam("new_name"),
        role=bindparam("new_role"),
        disabled_at=bindparam("new_disabled_at"),
    )
)
_SET_PASSWORD = users.update().where(*_THIS).values(password_hash=bindparam("new_hash"))
_INVITE = (
    users.update()
    .where(*_THIS)
    .values(invitation_digest=bindparam("address"), invitation_expires_at=bindparam("until"))
)
_ACCEPT = (
    users.update()
    .where(*_THIS, users.c.invitation_digest == bindparam("address"))
    .values(
        name=bindparam("new_name"),
        password_hash=bindparam("new_hash"),
        invitation_digest=null(),
        invitation_expires_at=null(),
    )
)
_DELETE = users.delete().where(*_THIS)
_IS_ADMIN = (users.c.role == Role.ADMIN.value, users.c.disabled_at.is_(None))
_ADMINS = select(func.count()).where(*_IS_ADMIN)  # tenantless: operator
_OTHER_ADMINS = select(func.count()).where(
    users.c.tenant_id == bindparam("tenant"),
    users.c.id != bindparam("ident"),
    *_IS_ADMIN,
    users.c.password_hash.is_not(None),
)
_TENANTS = select(tenants.c.tenant_id, tenants.c.name, tenants.c.created_at)
_TENANT = _TENANTS.where(tenants.c.tenant_id == bindparam("tenant"))
_RENAME = (
    tenants.update()
    .where(tenants.c.tenant_id == bindparam("tenant"))
    .values(name=bindparam("new_name"))
)


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
    """A user of one tenant. `password_hash` is argon2id's text, None without a password.

    A service account has an address that no mail reaches, and never a password.
    """

    tenant_id: str
    id: str
    email: str
    name: str
    role: Role
    created_at: str
    disabled_at: str | None = None
    password_hash: str | None = None
    invitation_expires_at: str | None = None
    kind: UserKind = UserKind.PERSON

    @property
    def is_service(self) -> bool:
        """Whether it is a program's: nobody logs in as it."""
        return self.kind is UserKind.SERVICE

    @property
    def status(self) -> UserStatus:
        """Whether they can log in, and why not."""
        if self.disabled_at is not None:
            return UserStatus.DISABLED
        waits = self.password_hash is None and not self.is_service
        return UserStatus.INVITED if waits else UserStatus.ACTIVE

    def public(self) -> dict[str, Any]:
        """Return the user as the API shows them."""
        return {
            "id": self.id,
            "object": "user",
            "kind": self.kind,
            "email": self.email,
            "name": self.name,
            "role": self.role,
            "status": self.status,
            "created_at": self.created_at,
            "disabled_at": self.disabled_at,
            "invitation_expires_at": self.invitation_expires_at,
        }


def decode(row: Sequence[Any]) -> User:
    """Return the user of a row that holds the columns of LISTING."""
    values = dict(zip(_COLUMNS, row, strict=True))
    return User(**values | {"role": Role(values["role"]), "kind": UserKind(values["kind"])})


class TenantStore:
    """The tenants of the installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, tenant: Tenant) -> None:
        """Add a tenant."""
        row = {"tenant_id": tenant.id, "name": tenant.name, "created_at": tenant.created_at}
        with self._database.write() as connection:
            connection.run(tenants.insert(), row)

    def rename(self, ident: str, name: str) -> None:
        """Give a tenant another name, if there is one."""
        with self._database.write() as connection:
            connection.run(_RENAME, {"tenant": ident, "new_name": name})

    def all(self) -> Sequence[Tenant]:
        """Return every tenant, oldest first."""
        with self._database.read() as connection:
            return [Tenant(*row) for row in connection.all(_TENANTS.order_by(tenants.c.tenant_id))]

    def get(self, ident: str) -> Tenant:
        """Return one tenant; raises TenantNotFoundError."""
        with self._database.read() as connection:
            row = connection.first(_TENANT, {"tenant": ident})
        if row is None:
            raise TenantNotFoundError(ident)
        return Tenant(*row)


class UserStore(Paged):
    """The users of every tenant. Methods with a connection are steps of one transaction."""

    listing = LISTING

    def insert(self, connection: Connection, user: User) -> None:
        """Add a user; raises EmailTakenError."""
        row = {name: getattr(user, name) for name in _COLUMNS} | {
            "role": user.role.value,
            "kind": user.kind.value,
        }
        if connection.run(_INSERT, {**row, "invitation_digest": None}) == 0:
            raise EmailTakenError(f"A user with the address {user.email} exists")

    def get(self, *, tenant: str, ident: str) -> User:
        """Return one user; raises UserNotFoundError."""
        with self.database.read() as connection:
            return self.get_in(connection, tenant=tenant, ident=ident)

    def get_in(self, connection: Connection, *, tenant: str, ident: str) -> User:
        """Return one user within a transaction; raises UserNotFoundError."""
        row = connection.first(_GET, {"tenant": tenant, "ident": ident})
        if row is None:
            raise UserNotFoundError(ident)
        return decode(row)

    def by_email(self, email: str) -> User | None:
        """Return the user with this address, of whatever tenant."""
        with self.database.read() as connection:
            return _maybe(connection.first(_BY_EMAIL, {"address": email}))

    def by_invitation(self, digest: str) -> User | None:
        """Return the enabled user whose invitation has this digest, of whatever tenant."""
        with self.database.read() as connection:
            return _maybe(connection.first(_BY_INVITATION, {"address": digest}))

    def change(self, connection: Connection, user: User) -> None:
        """Write what an admin can change of a user."""
        new = {"new_name": user.name, "new_role": user.role.value}
        connection.run(_CHANGE, {**_this(user), **new, "new_disabled_at": user.disabled_at})

    def set_password(self, connection: Connection, user: User, password_hash: str) -> None:
        """Replace a user's password hash."""
        connection.run(_SET_PASSWORD, {**_this(user), "new_hash": password_hash})

    def invite(self, connection: Connection, user: User, *, digest: str, until: str) -> None:
        """Give a user an invitation, in place of any that they had."""
        connection.run(_INVITE, {**_this(user), "address": digest, "until": until})

    def accept(
        self, connection: Connection, user: User, *, digest: str, password_hash: str
    ) -> bool:
        """Write name and password of an invited user; false when the invitation was used before."""
        new = {"new_name": user.name, "new_hash": password_hash}
        return connection.run(_ACCEPT, {**_this(user), **new, "address": digest}) == 1

    def delete(self, connection: Connection, user: User) -> None:
        """Remove a user."""
        connection.run(_DELETE, _this(user))

    def has_other_admin(self, connection: Connection, user: User) -> bool:
        """Say whether the user's tenant has another admin who can log in."""
        row = connection.first(_OTHER_ADMINS, _this(user))
        return row is not None and bool(row[0])

    def has_admin(self) -> bool:
        """Say whether any tenant has an admin who is not disabled."""
        with self.database.read() as connection:
            row = connection.first(_ADMINS)
        return row is not None and bool(row[0])


def _this(user: User) -> dict[str, str]:
    return {"tenant": user.tenant_id, "ident": user.id}


def _maybe(row: Row | None) -> User | None:
    return decode(row) if row is not None else None
