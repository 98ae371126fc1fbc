from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import extract_parameters
from argon2.exceptions import VerifyMismatchError
from tests.waiting import SECONDS

from cloudsealed.auth import passwords

PASSWORD = "correct horse battery staple"


def test_who_would_wait_behind_too_many_is_turned_away_and_told_for_how_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored, go_on = passwords.hashed(PASSWORD), threading.Event()
    waits: list[int] = []

    def ask(_: int) -> bool:
        try:
            return passwords.verifies(stored, PASSWORD)
        except passwords.TooManyLoginAttemptsError as error:
            waits.append(int(error.headers["Retry-After"]))
        if len(waits) == 40 - passwords.MOST_AT_ONCE:
            go_on.set()
        return False

    monkeypatch.setattr(passwords, "LONGEST_WAIT", SECONDS)
    passwords._OF_STRANGERS._worker.submit(go_on.wait, SECONDS)  # whose turn it is takes long
    with ThreadPoolExecutor(40) as pool:
        assert sum(pool.map(ask, range(40))) == passwords.MOST_AT_ONCE
    assert go_on.is_set()
    assert all(1 <= wait <= passwords.LONGEST_RETRY for wait in waits)
    assert passwords.verifies(stored, PASSWORD)


def test_a_hash_costs_what_rfc_9106_recommends_and_as_much_where_there_is_none(
    dear_passwords: None,
) -> None:
    stored, nobodys = passwords.hashed(PASSWORD), passwords._nobodys()
    cost = extract_parameters(stored)
    assert (cost.memory_cost, cost.time_cost, cost.parallelism) == (64 * 1024, 3, 1)
    assert extract_parameters(nobodys) == cost
    assert not passwords.is_outdated(nobodys)
    assert not passwords.verifies(None, PASSWORD)
    with pytest.raises(VerifyMismatchError):  # it was hashed and compared
        passwords.HASHER.verify(nobodys, PASSWORD)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives a thread a priority")
def test_hashing_gives_way_and_the_thread_that_asked_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = os.sched_getscheduler(0)
    monkeypatch.setattr(passwords, "PATIENCE", SECONDS)
    passwords.hashed(PASSWORD)
    worker = next(t for t in threading.enumerate() if t.name.startswith("passwords of strangers"))
    assert worker.native_id is not None
    assert os.sched_getscheduler(worker.native_id) == os.SCHED_IDLE
    assert os.sched_getscheduler(0) == before


def test_a_password_that_is_too_long_is_wrong_whatever_it_begins_with() -> None:
    longest = "p" * passwords.LONGEST
    stored = passwords.hashed(longest)
    assert passwords.verifies(stored, longest)
    assert not passwords.verifies(stored, f"{longest}!")


def test_nobody_waits_for_ever_for_a_hash() -> None:
    turns, ends, rounds = passwords._Turns("a test's passwords"), threading.Event(), []
    for _ in range(2 * passwords.MOST_AT_ONCE):
        with pytest.raises(TimeoutError):
            turns.take(lambda: rounds.append(ends.wait(SECONDS)), 0.02)
    ends.set()
    assert turns.take(lambda: PASSWORD, SECONDS) == PASSWORD
    assert rounds == [True], "who was turned away is not hashed for"


def test_whom_a_busy_machine_keeps_waiting_is_served_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored, ends = passwords.hashed(PASSWORD, known=True), threading.Event()
    monkeypatch.setattr(passwords, "PATIENCE", 0.02)
    with ThreadPoolExecutor(1) as pool:
        starved = pool.submit(passwords._OF_STRANGERS.take, lambda: ends.wait(SECONDS), SECONDS)
        try:
            assert passwords.verifies(stored, PASSWORD)
            assert not starved.done()
        finally:
            ends.set()
