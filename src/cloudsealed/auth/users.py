"""What one does with tenants and users: make them, find them, check a password.

Passwords are hashed with argon2id (RFC 9106, second recommended option: 64 MiB, 3 passes, 4 lanes).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cloudsealed.auth.user_store import Tenant, User, UserStore
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.errors import InvalidFieldError
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import Role

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024  # hashing time grows with it
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,189}")
_HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)
_NOBODY = _HASHER.hash(secrets.token_urlsafe(16))


class TenantService:
    """The use cases of tenants."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._store = UserStore(database)
        self._clock = clock

    def create(self, *, name: str) -> Tenant:
        """Add a tenant."""
        if not 1 <= len(name.strip()) <= 200:
            raise InvalidFieldError("name", "name must be a text of 1 to 200 characters")
        tenant = Tenant(new_id("ten"), name.strip(), rfc3339(self._clock()))
        self._store.insert_tenant(tenant)
        return tenant

    def ensure(self, *, name: str) -> Tenant:
        """Return the oldest tenant, made with `name` when there is none."""
        existing = self.all()
        return existing[0] if existing else self.create(name=name)

    def all(self) -> Sequence[Tenant]:
        """Return every tenant, oldest first."""
        return self._store.tenants()

    def get(self, *, tenant: str) -> Tenant:
        """Return one tenant; raises TenantNotFoundError."""
        return self._store.tenant(tenant)


class UserService:
    """The use cases of users."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._store = UserStore(database)
        self._clock = clock

    def create(
        self, *, tenant: str, email: str, role: Role, name: str = "", password: str | None = None
    ) -> User:
        """Add a user; raises EmailTakenError, or InvalidFieldError naming what is bad."""
        address = email.strip().lower()
        if _EMAIL.fullmatch(address) is None:
            raise InvalidFieldError("email", "email must be an address such as ann@example.com")
        user = User(
            new_id("usr"), tenant, address, name or address, role, rfc3339(self._clock()),
            password_hash=_hash(password) if password is not None else None,
        )  # fmt: skip
        self._store.insert(user)
        return user

    def get(self, *, tenant: str, ident: str) -> User:
        """Return one user; raises UserNotFoundError."""
        return self._store.get(tenant=tenant, ident=ident)

    def has_admin(self) -> bool:
        """Say whether the installation has an admin."""
        return self._store.has_admin()

    def log_in(self, *, email: str, password: str) -> User | None:
        """Return the user with this address and password; a stranger takes as long to refuse."""
        user = self._store.by_email(email.strip().lower())
        stored = user.password_hash if user is not None and user.disabled_at is None else None
        try:
            _HASHER.verify(stored or _NOBODY, password[:LONGEST_PASSWORD])
        except (VerificationError, InvalidHashError):
            return None
        if user is None or stored is None:
            return None
        if _HASHER.check_needs_rehash(stored):
            fresh = _HASHER.hash(password)
            self._store.set_password(tenant=user.tenant_id, ident=user.id, password_hash=fresh)
        return user


def _hash(password: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidFieldError(
            "password", f"password must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
        )
    return _HASHER.hash(password)
