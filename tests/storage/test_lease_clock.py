"""Leases end by one clock for all who share a database."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.waiting import SECONDS

from cloudsealed.kit.clock import utc_now
from cloudsealed.storage import lease_clock as clocks
from cloudsealed.storage.database import Database
from cloudsealed.storage.lease_clock import lease_clock

HOUR = timedelta(hours=1)


def test_it_is_the_servers_on_a_server_and_the_machines_on_a_file(database: Database) -> None:
    found = lease_clock(database, lambda: utc_now() + HOUR)() - utc_now()
    expected = timedelta() if database.name == "postgresql" else HOUR
    assert abs(found - expected) < timedelta(minutes=5)


def test_it_goes_on_while_the_server_is_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.name == "sqlite":
        pytest.skip("a file is not away")
    clock = lease_clock(database, utc_now)
    first = clock()
    monkeypatch.setattr(clocks, "_KEPT_SECONDS", -1.0)
    second = clock()
    database.close()
    assert first <= second <= clock()


def test_nobody_waits_for_who_asks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks may wait for a connection that those have who want the time."""
    if database.name == "sqlite":
        pytest.skip("a file is not asked")
    clock = lease_clock(database, utc_now)
    first = clock()
    monkeypatch.setattr(clocks, "_KEPT_SECONDS", -1.0)
    asked, answered, later = threading.Event(), threading.Event(), list[datetime]()
    read = database.read

    def slow(deadline: float | None = None) -> Any:
        asked.set()
        answered.wait(SECONDS)
        return read(deadline)

    monkeypatch.setattr(database, "read", slow)
    asks = threading.Thread(target=clock)
    asks.start()
    assert asked.wait(SECONDS)
    other = threading.Thread(target=lambda: later.append(clock()))
    other.start()
    other.join(SECONDS / 4)
    answered.set()
    asks.join(SECONDS)
    other.join(SECONDS)
    assert len(later) == 1
    assert first <= later[0] < first + timedelta(seconds=SECONDS / 8)
