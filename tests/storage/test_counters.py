from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.valkey_server import ValkeyServer
from tests.waiting import until

from cloudsealed.kit.ids import new_id
from cloudsealed.settings import Settings
from cloudsealed.storage.counters import Counters, MemoryCounters, open_counters
from cloudsealed.storage.valkey_counters import RETRY_SECONDS, ValkeyCounters


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    server = ValkeyServer()
    yield server
    server.remove()


@pytest.fixture(params=["memory", "valkey"])
def counters(request: pytest.FixtureRequest) -> Counters:
    if request.param == "memory":
        return MemoryCounters()
    server: ValkeyServer = request.getfixturevalue("valkey")
    return ValkeyCounters(server.url)


def test_a_window_opens_with_the_first_addition_and_keeps_its_end(counters: Counters) -> None:
    key = new_id("key")
    assert counters.read(key) == (0, 0.0)
    before = time.time()
    first = counters.add(key, 1, 60)
    assert before + 59.9 < first.reset < time.time() + 60.1  # a Valkey rounds its own clock
    assert counters.add(key, 2, 60) == (3, first.reset)
    assert counters.read(key) == (3, first.reset)


def test_what_is_given_back_is_not_counted_and_never_below_nothing(counters: Counters) -> None:
    key = new_id("key")
    counters.add(key, 2, 60)
    assert counters.add(key, -1, 60).used == 1
    assert counters.add(key, -1, 60).used == 0
    assert counters.add(key, -1, 60).used == 0
    assert counters.add(key, 1, 60).used == 1


def test_a_window_ends_by_itself(counters: Counters) -> None:
    key = new_id("key")
    counters.add(key, 5, 1)
    until(lambda: counters.read(key).used == 0, "the window ends")
    assert counters.add(key, 1, 1).used == 1


def test_additions_at_once_are_all_counted(counters: Counters) -> None:
    key = new_id("key")
    with ThreadPoolExecutor(16) as pool:
        seen = sorted(pool.map(lambda _: counters.add(key, 1, 60).used, range(400)))
    assert seen == list(range(1, 401))


def test_processes_share_a_valkey(valkey: ValkeyServer) -> None:
    key = new_id("key")
    one, other = ValkeyCounters(valkey.url), ValkeyCounters(valkey.url)
    assert [c.add(key, 1, 60).used for c in (one, other, one)] == [1, 2, 3]


def test_without_the_valkey_counting_goes_on_alone_and_comes_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    server = ValkeyServer()
    counters = ValkeyCounters(server.url, ticks=lambda: now[0])
    assert counters.add("k", 7, 60).used == 7
    assert counters.fault() is None
    server.stop()
    with caplog.at_level(logging.WARNING, "cloudsealed.storage"):
        assert [counters.add("k", 1, 60).used for _ in range(3)] == [1, 2, 3]
    assert "alone" in caplog.text
    assert len(caplog.records) == 1, "one line a try, not one a request"
    assert "does not answer" in str(counters.fault())
    server.start()
    assert counters.read("k").used == 3
    now[0] = RETRY_SECONDS
    assert counters.read("k").used == 0
    assert counters.fault() is None
    server.remove()


def test_a_setting_names_the_valkey(valkey: ValkeyServer) -> None:
    assert not open_counters(Settings()).is_shared
    assert open_counters(Settings(valkey_url=valkey.url)).is_shared
