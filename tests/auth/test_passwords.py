from __future__ import annotations

import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
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

    monkeypatch.setattr(passwords, "PATIENCE", SECONDS)
    passwords._STRANGERS.submit(go_on.wait, SECONDS)  # whose turn it is takes long
    with ThreadPoolExecutor(40) as pool:
        assert sum(pool.map(ask, range(40))) == passwords.MOST_AT_ONCE
    assert go_on.is_set()
    assert all(1 <= wait <= passwords.LONGEST_RETRY for wait in waits)
    assert passwords.verifies(stored, PASSWORD)


def test_a_hash_costs_what_rfc_9106_recommends_and_as_much_where_there_is_none(
    dear_passwords: None,
) -> None:
    stored, nobodys = passwords.hashed(PASSWORD), passwords.HASHER.nobodys()
    forms = [re.sub(r"[^$]+$", str(len(text)), text) for text in (stored, nobodys)]
    assert forms[0].startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert [form.rpartition("$")[2] for form in forms] == [str(len(stored))] * 2
    assert not passwords.is_outdated(nobodys)
    assert passwords.is_outdated(passwords.Hasher(1, 64).nobodys())
    assert not passwords.verifies(None, PASSWORD)
    with pytest.raises(InvalidKey):  # it was hashed and compared
        Argon2id.verify_phc_encoded(PASSWORD.encode(), nobodys)


def test_what_an_earlier_version_stored_still_logs_in() -> None:
    """The text is of the reference implementation, by way of argon2-cffi 25.1."""
    stored = (
        "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA"
        "$TUhCoV6YH8thtZpQqRp0JvQQ5ZYgiLA0LYApKDG6qtM"
    )
    assert passwords.verifies(stored, PASSWORD)
    assert not passwords.verifies(stored, PASSWORD + "!")
    assert not passwords.verifies("no hash", PASSWORD)


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


def test_nobody_waits_for_ever_for_a_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    stored, ends = passwords.hashed(PASSWORD, known=True), threading.Event()
    monkeypatch.setattr(passwords, "LONGEST_WAIT", 0.02)
    hangs = passwords._KNOWN.submit(ends.wait, SECONDS)
    try:
        for _ in range(2 * passwords.MOST_AT_ONCE):
            with pytest.raises(passwords.TooManyLoginAttemptsError):
                passwords.verifies(stored, PASSWORD, known=True)
        assert not hangs.done()
    finally:
        ends.set()
    monkeypatch.setattr(passwords, "LONGEST_WAIT", SECONDS)
    assert passwords.verifies(stored, PASSWORD, known=True)


def test_whom_a_busy_machine_keeps_waiting_is_served_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored, ends = passwords.hashed(PASSWORD, known=True), threading.Event()
    monkeypatch.setattr(passwords, "PATIENCE", 0.02)
    starved = passwords._STRANGERS.submit(ends.wait, SECONDS)
    try:
        assert passwords.verifies(stored, PASSWORD)
        assert not starved.done()
    finally:
        ends.set()
