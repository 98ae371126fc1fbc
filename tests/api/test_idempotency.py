from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudsealed.api.errors import (
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    InvalidRequestError,
)
from cloudsealed.api.idempotency import Claim, Idempotency, Kept
from cloudsealed.auth.model import Caller
from cloudsealed.vocabulary import Role

ANN = Caller("ten_1", "usr_ann", "tok_1", Role.ADMIN, frozenset(), "~")
BOB = Caller("ten_1", "usr_bob", "tok_2", Role.ADMIN, frozenset(), "~")
KEPT = Kept(201, {"location": "/v1/x"}, b'{"id": "x"}')


class _Keys:
    def __init__(self, database: Any) -> None:
        self.now = datetime(2026, 1, 31, tzinfo=UTC)
        self.keys = Idempotency(database, lambda: self.now)

    def claim(self, caller: Caller = ANN, path: str = "/v1/x", **given: Any) -> Claim:
        asked = {"key": "k", "query": "", "body": {"a": 1}} | given
        return self.keys.claim(caller=caller, path=path, **asked)


@pytest.fixture
def held(services: Any) -> _Keys:
    return _Keys(services.database)


def test_the_first_answer_is_kept_for_a_day(held: _Keys) -> None:
    held.keys.keep(held.claim(), KEPT)
    held.now += timedelta(hours=24)
    assert held.claim().kept == KEPT
    held.now += timedelta(seconds=1)
    assert held.claim().kept is None


def test_a_request_that_runs_is_in_progress_until_it_is_given_up(held: _Keys) -> None:
    claim = held.claim()
    with pytest.raises(IdempotencyInProgressError):
        held.claim()
    held.keys.release(claim)
    assert held.claim().kept is None


def test_a_claim_of_a_process_that_is_gone_ends(held: _Keys) -> None:
    held.claim()
    held.now += timedelta(minutes=5, seconds=1)
    assert held.claim().kept is None


def test_another_body_or_query_is_refused_another_user_or_path_is_not(held: _Keys) -> None:
    held.keys.keep(held.claim(), KEPT)
    for other in ({"body": {"a": 2}}, {"query": "x=1"}):
        with pytest.raises(IdempotencyKeyReusedError):
            held.claim(**other)
    assert held.claim(body={"a": 1}).kept == KEPT
    assert held.claim(BOB).kept is None
    assert held.claim(path="/v1/y").kept is None


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_a_key_is_visible_ascii(held: _Keys, key: str) -> None:
    with pytest.raises(InvalidRequestError):
        held.claim(key=key)


def test_keys_older_than_a_day_are_purged(held: _Keys, services: Any) -> None:
    held.claim()
    held.keys.purge()
    with services.database.read() as connection:
        assert connection._raw.execute("SELECT count(*) FROM idempotency").fetchone() == (1,)
    held.now += timedelta(hours=25)
    held.keys.purge()
    with services.database.read() as connection:
        assert connection._raw.execute("SELECT count(*) FROM idempotency").fetchone() == (0,)
