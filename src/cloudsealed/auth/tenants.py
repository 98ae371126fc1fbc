"""What the operator does with tenants: make them and find them."""

from __future__ import annotations

from collections.abc import Sequence

from cloudsealed.auth.user_store import Tenant, TenantStore
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.errors import InvalidFieldError
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Database


class TenantService:
    """The use cases of tenants."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._store = TenantStore(database)
        self._clock = clock

    def create(self, *, name: str) -> Tenant:
        """Add a tenant; raises InvalidFieldError."""
        tenant = Tenant(new_id("ten"), _checked(name), rfc3339(self._clock()))
        self._store.insert(tenant)
        return tenant

    def ensure(self, *, name: str) -> Tenant:
        """Return the oldest tenant, made with `name` when there is none."""
        existing = self.all()
        return existing[0] if existing else self.create(name=name)

    def rename(self, *, tenant: str, name: str) -> Tenant:
        """Call a tenant by another name; raises InvalidFieldError and TenantNotFoundError."""
        self._store.rename(tenant, _checked(name))
        return self._store.get(tenant)

    def all(self) -> Sequence[Tenant]:
        """Return every tenant, oldest first."""
        return self._store.all()

    def get(self, *, tenant: str) -> Tenant:
        """Return one tenant; raises TenantNotFoundError."""
        return self._store.get(tenant)


def _checked(name: str) -> str:
    if not 1 <= len(name.strip()) <= 200:
        raise InvalidFieldError("name", "name must be a text of 1 to 200 characters")
    return name.strip()
