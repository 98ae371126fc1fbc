"""An empty installation, and a clock that tests set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.migrated import with_tables

from cloudsealed.auth.access import Access
from cloudsealed.auth.attempts import Attempts
from cloudsealed.auth.logins import LoginService
from cloudsealed.auth.place_store import PlaceStore
from cloudsealed.auth.tenants import TenantService
from cloudsealed.auth.tokens import TokenService
from cloudsealed.auth.users import UserService
from cloudsealed.settings import Settings
from cloudsealed.storage.counters import open_counters
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.storage.keys import KeyRing, ensure_keys


@dataclass
class Time:
    now: datetime = field(default_factory=lambda: datetime(2026, 1, 31, 9, 30, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Installation:
    settings: Settings
    keys: KeyRing
    database: SqliteDatabase
    time: Time
    tenants: TenantService
    users: UserService
    logins: LoginService
    tokens: TokenService

    def other_process(self, keys: KeyRing | None = None) -> TokenService:
        return TokenService(
            database=self.database, keys=keys or self.keys, settings=self.settings, clock=self.time
        )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    settings, time = Settings(data_dir=tmp_path), Time()
    keys = ensure_keys(settings.key_path)
    with_tables(settings)
    database = SqliteDatabase(settings.sqlite_path)
    tokens = TokenService(database=database, keys=keys, settings=settings, clock=time)
    access = Access(database=database, clock=time, authenticator=tokens.authenticator)
    shared: dict[str, Any] = {"database": database, "keys": keys, "clock": time, "access": access}
    attempts = Attempts(
        open_counters(settings),
        PlaceStore(database),
        settings.limit_login_account,
        keys.all("sessions"),
    )
    yield Installation(
        settings,
        keys,
        database,
        time,
        TenantService(database=database, clock=time),
        UserService(**shared, public_url=settings.address),
        LoginService(**shared, attempts=attempts),
        tokens,
    )
    database.close()
