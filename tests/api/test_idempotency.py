"""What an Idempotency-Key stands for: kept with the work, in flight once, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.waiting import SECONDS

from cloudsealed.api.errors import (
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    InvalidRequestError,
)
from cloudsealed.api.idempotency import AnsweredError, Claim, Idempotency, Kept
from cloudsealed.auth.model import Caller
from cloudsealed.storage.database import Database
from cloudsealed.storage.flights import Flights, open_flights
from cloudsealed.storage.schema import idempotency as table
from cloudsealed.vocabulary import Role

ANN = Caller("ten_1", "usr_ann", "tok_1", Role.ADMIN, frozenset(), "~")
BOB = Caller("ten_1", "usr_bob", "tok_2", Role.ADMIN, frozenset(), "~")
KEPT = Kept(201, {"location": "/v1/x"}, b'{"id": "x"}')


class _Keys:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = datetime(2026, 1, 31, tzinfo=UTC)
        self.flights = open_flights(database)
        self.keys = self.over(self.flights)

    def over(self, flights: Flights) -> Idempotency:
        return Idempotency(self.database, flights, lambda: self.now)

    def claim(self, caller: Caller = ANN, path: str = "/v1/x", **given: Any) -> Claim:
        asked = {"key": "k", "query": "", "body": {"a": 1}} | given
        return self.keys.read(caller=caller, path=path, **asked)

    @contextmanager
    def work(self, caller: Caller = ANN, path: str = "/v1/x", **given: Any) -> Iterator[None]:
        """Do the work of a key within the block, and keep its answer."""
        claim = self.claim(caller, path, **given)
        with (
            self.keys.flight(claim),
            self.database.unit(lambda connection: self.keys.begin(connection, claim)),
            self.database.write() as connection,
        ):
            yield
            self.keys.keep(connection, claim, KEPT)

    def answered(self, *caller: Any, **given: Any) -> Kept | None:
        """Return the answer that is kept; None when the work was done now."""
        try:
            with self.work(*caller, **given):
                return None
        except AnsweredError as answered:
            return answered.kept


@pytest.fixture
def held(database: Database) -> Iterator[_Keys]:
    made = _Keys(database)
    yield made
    made.flights.close()


def rows(database: Database) -> int:
    with database.read() as connection:
        return int(connection.all(select(func.count()).select_from(table))[0][0])


def test_the_first_answer_is_kept_for_a_day(held: _Keys) -> None:
    assert held.answered() is None
    held.now += timedelta(hours=24)
    assert held.answered() == KEPT
    held.now += timedelta(seconds=1)
    assert held.answered() is None
    assert held.answered() == KEPT


def test_a_request_that_runs_is_in_progress_until_it_ends(held: _Keys) -> None:
    with held.work(), pytest.raises(IdempotencyInProgressError), held.keys.flight(held.claim()):
        pass
    assert held.answered() == KEPT


def test_work_that_fails_leaves_its_key_free(held: _Keys) -> None:
    with pytest.raises(LookupError), held.work():
        raise LookupError
    assert rows(held.database) == 0
    assert held.answered() is None


def test_a_claim_that_an_older_version_left_is_no_claim(held: _Keys) -> None:
    claim = held.claim()
    with held.database.write() as connection:
        held.keys.begin(connection, claim)
    assert held.answered() is None


def test_of_two_that_nothing_keeps_apart_one_works_and_the_other_gets_its_answer(
    held: _Keys,
) -> None:
    """As two processes whose flights know nothing of each other."""
    others = held.over(Flights(None))
    claim = held.claim()

    def other() -> Kept | None:
        try:
            with (
                others.flight(claim),
                held.database.unit(lambda connection: others.begin(connection, claim)),
                held.database.write(),
            ):
                return None
        except AnsweredError as answered:
            return answered.kept

    with ThreadPoolExecutor(1) as pool:
        with held.work():
            waiting = pool.submit(other)
        assert waiting.result(SECONDS) == KEPT


def test_a_refusal_is_kept_alone(held: _Keys) -> None:
    refusal = Kept(409, {}, b'{"error": {}}')
    held.keys.keep_alone(held.claim(), refusal)
    assert held.answered() == refusal


def test_another_body_or_query_is_refused_another_user_or_path_is_not(held: _Keys) -> None:
    assert held.answered() is None
    for other in ({"body": {"a": 2}}, {"query": "x=1"}):
        with pytest.raises(IdempotencyKeyReusedError):
            held.answered(**other)
    assert held.answered(body={"a": 1}) == KEPT
    assert held.answered(BOB) is None
    assert held.answered(path="/v1/y") is None


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_a_key_is_visible_ascii(held: _Keys, key: str) -> None:
    with pytest.raises(InvalidRequestError):
        held.claim(key=key)


def test_keys_older_than_a_day_are_purged(held: _Keys) -> None:
    held.answered()
    held.keys.purge()
    assert rows(held.database) == 1
    held.now += timedelta(hours=25)
    held.keys.purge()
    assert rows(held.database) == 0
