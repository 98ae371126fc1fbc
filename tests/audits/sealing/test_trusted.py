"""What is over ends by a moment that a provider's clock bears out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.audits.world import TENANT, Clock, Cloud, Pass

from cloudsealed.audits.sealing.retention import expire_evidence
from cloudsealed.audits.sealing.trusted import UNWITNESSED, TrustedTime
from cloudsealed.kit.clock import rfc3339
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import AuditKind, AuditStatus


@pytest.fixture
def time(database: Database, clock: Clock) -> TrustedTime:
    return TrustedTime(database, clock)


def heard(begin: Any, clock: Clock, seconds: int | None, **changes: Any) -> Pass:
    """Begin an audit whose provider's clock was so many seconds ahead of ours."""
    started = rfc3339(clock() + timedelta(seconds=seconds or 0))
    audit: Pass = begin(clock_skew_seconds=seconds, clock=started, **changes)
    audit.take().set(started_at=started)
    return audit


def test_without_an_answer_of_a_provider_there_is_only_our_own_clock(
    begin: Any, clock: Clock, time: TrustedTime, tenant: str
) -> None:
    assert time.now(TENANT) == time.certain(TENANT) == clock()
    heard(begin, clock, None)
    heard(begin, clock, 0, kind=AuditKind.IMPORT)
    clock.move(days=60)
    assert time.now(TENANT) == time.certain(TENANT) == clock()


def test_what_cannot_be_undone_waits_for_an_audit_and_not_for_ever(
    begin: Any, clock: Clock, time: TrustedTime
) -> None:
    heard(begin, clock, 0)
    last = clock()
    clock.move(days=60)
    assert (time.now(TENANT), time.certain(TENANT)) == (clock(), last)
    heard(begin, clock, 0)
    assert time.certain(TENANT) == clock()
    clock.move(days=200)
    assert time.certain(TENANT) == clock() - UNWITNESSED


def test_a_clock_is_put_back_by_what_the_last_audit_heard_and_never_put_forward(
    begin: Any, clock: Clock, time: TrustedTime
) -> None:
    right = clock()
    clock.move(days=60)
    heard(begin, clock, -60 * 86_400)
    assert time.now(TENANT) == time.certain(TENANT) == right
    clock.move(days=-90)
    heard(begin, clock, 30 * 86_400 + 60)
    assert time.now(TENANT) == time.certain(TENANT) == clock()


def test_the_last_audit_is_the_last_by_the_providers_clock(
    begin: Any, clock: Clock, time: TrustedTime
) -> None:
    heard(begin, clock, 0, id="aud_Z")
    clock.move(days=1)
    heard(begin, clock, -3_600, id="aud_A")
    assert time.now(TENANT) == clock() - timedelta(hours=1)


def test_a_clock_that_ran_ahead_deletes_no_evidence(
    begin: Any, cloud: Cloud, clock: Clock, check: Any, database: Database
) -> None:
    def expired() -> int:
        return expire_evidence(database, clock, tenant=TENANT, days=400)

    cloud.queues = {"a": {"A": "1"}}
    old = heard(begin, clock, 0)
    old.collect(cloud)
    old.judge(check("true"))
    old.take().set(status=AuditStatus.COMPLETED, finished_at=rfc3339(clock()))
    clock.move(days=390)
    heard(begin, clock, 0)
    clock.move(days=60)
    assert expired() == 0
    heard(begin, clock, -60 * 86_400)
    assert expired() == 0
    clock.move(days=-60 + 11)
    assert expired() == 0
    heard(begin, clock, 0)
    assert expired() == 1
