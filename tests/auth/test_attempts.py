"""Places and devices that an account knows: whose budget they spend, and what a restart leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from cloudsealed.auth.attempts import KNOWN, Attempts
from cloudsealed.auth.place_store import PlaceStore
from cloudsealed.settings import parse_budget
from cloudsealed.storage.counters import MemoryCounters
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import Key
from cloudsealed.storage.schema import installation

ANN, HOME, AWAY = "ann@example.com", "192.0.2.1", "198.51.100.1"


@dataclass
class House:
    database: Database
    now: float = 1_800_000_000.0
    attempts: Attempts = field(init=False)

    def start(self) -> None:
        """Begin as a new process does."""
        self.attempts = Attempts(
            MemoryCounters(lambda: self.now),
            PlaceStore(self.database),
            parse_budget("3/hour"),
            [Key("k1", b"s" * 32)],
            lambda: self.now,
        )


@pytest.fixture
def house(database: Database) -> House:
    house = House(database)
    house.start()
    return house


def restarted(house: House) -> None:
    house.start()


@pytest.mark.parametrize("between", [lambda _: None, restarted])
def test_a_place_is_known_for_30_days_also_after_a_restart(
    house: House, between: Callable[[House], None]
) -> None:
    assert house.attempts.whose(ANN, HOME, "") == house.attempts.whose(ANN, AWAY, "")
    house.attempts.remember(ANN, HOME)
    between(house)
    whose, known = house.attempts.whose(ANN, HOME, "")
    assert (whose.partition("/")[0], known) == ("place", True)
    for account, address in ((ANN, AWAY), ("bob@example.com", HOME)):
        whose, known = house.attempts.whose(account, address, "")
        assert (whose.partition("/")[0], known) == ("strangers", False)
        assert not house.attempts.knows(account, address, "")
    house.now += KNOWN.total_seconds()
    assert not house.attempts.knows(ANN, HOME, "")


def test_a_device_is_known_to_its_account_wherever_it_is(house: House) -> None:
    device = house.attempts.device(ANN)
    restarted(house)
    assert house.attempts.knows(ANN, AWAY, device)
    assert house.attempts.whose(ANN, AWAY, device) == (f"device/{device.partition('.')[0]}", True)
    assert not house.attempts.knows("bob@example.com", AWAY, device)


def test_places_that_are_known_no_more_are_forgotten_and_no_other_fact_is(
    house: House, database: Database
) -> None:
    def names() -> list[str]:
        with database.read() as connection:
            return sorted(row[0] for row in connection.all(installation.select()))

    for name in ("key_fingerprint", "login", "login-placf"):
        with database.write() as connection:
            connection.run(installation.insert(), {"name": name, "value": "0"})
    house.attempts.remember(ANN, HOME)
    house.now += KNOWN.total_seconds() - 1
    house.attempts.remember(ANN, AWAY)
    house.attempts.remember(ANN, HOME)
    assert len(names()) == 5
    house.now += 1
    house.attempts.forget()
    assert len(names()) == 4
    house.attempts.remember(ANN, HOME)
    assert house.attempts.knows(ANN, HOME, "")
    assert not any(ANN in name or HOME in name for name in names())
