"""Nothing that an audit's thread waits for or meets holds the audit."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest
from tests.audits.world import ACCOUNT, REGION, TENANT, Clock, Cloud
from tests.waiting import SECONDS, until

from cloudsealed.audits.model import AuditStalledError, CanceledError, LeaseLostError
from cloudsealed.audits.records import ledger
from cloudsealed.audits.records.ledger import RecordedCalls, Recorder
from cloudsealed.audits.shard_store import LEASE_SECONDS
from cloudsealed.audits.steps import supervision
from cloudsealed.audits.steps.supervision import supervised
from cloudsealed.collectors.model import Answer, CallRequest, Place, unit_of
from cloudsealed.vocabulary import AuditStatus, CallOutcome

LIST = CallRequest(unit_of(Place(ACCOUNT, REGION), "sqs", "ListQueues", {"MaxResults": 1000}))


def test_what_the_work_raises_is_raised(begin: Any) -> None:
    def work() -> None:
        raise RecursionError("too deep")

    with pytest.raises(RecursionError, match="too deep"):
        supervised(begin().take(), work)


def test_canceling_ends_work_that_hangs_and_what_it_writes_later_is_refused(begin: Any) -> None:
    audit, hangs, wrote = begin(), threading.Event(), threading.Event()
    lease, refused = audit.take(), []

    def work() -> None:
        audit.shards.cancel(tenant=TENANT, ident=audit.id)
        hangs.wait(SECONDS)
        try:
            lease.set(status=AuditStatus.SEALING)
        except Exception as error:
            refused.append(error)
        wrote.set()

    with pytest.raises(CanceledError):
        supervised(lease, work)
    assert not wrote.is_set(), "it waited for the work"
    hangs.set()
    assert wrote.wait(SECONDS)
    assert len(refused) == 1
    assert audit.store.get(tenant=TENANT, ident=audit.id).status is AuditStatus.CANCELED


def test_a_lease_taken_anew_refuses_its_former_self_in_every_process(
    begin: Any, clock: Clock
) -> None:
    audit = begin()
    former = audit.take("worker")
    former.anew()
    with pytest.raises(LeaseLostError):
        former.set(status=AuditStatus.SEALING)


def test_work_without_a_sign_of_life_is_ended(begin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "STALLED_SECONDS", 1.0)
    ends = threading.Event()
    with pytest.raises(AuditStalledError):
        supervised(begin().take(), lambda: ends.wait() and None)
    ends.set()


def test_the_lease_of_work_that_ended_is_renewed_no_longer(begin: Any, clock: Clock) -> None:
    audit = begin()
    supervised(audit.take("first"), lambda: None)
    clock.move(seconds=LEASE_SECONDS + 1)
    assert audit.shards.abandoned() == [(TENANT, audit.id)]
    assert [each.name for each in threading.enumerate() if each.name in ("audit", "lease")] == []


def test_work_that_ended_its_shards_while_they_were_to_be_renewed_has_lost_nothing(
    begin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "RENEW_SECONDS", 0)
    lease, ended = begin().take(), threading.Event()

    def is_told() -> bool:
        with suppress(LeaseLostError):
            lease.check()
            return False
        return True

    def work() -> None:
        with lease.closing():
            pass
        until(is_told, "the lease could not be renewed")
        ended.set()

    supervised(lease, work)
    assert ended.is_set()


DEEP: list[Any] = []
for _ in range(300):
    DEEP = [DEEP]


@pytest.mark.parametrize("value", [2**64, "\ud800", DEEP], ids=["integer", "surrogate", "deep"])
def test_an_answer_that_cannot_be_stored_is_one_failed_call(
    begin: Any, clock: Clock, value: Any
) -> None:
    class Odd:
        def call(self, _request: CallRequest) -> Answer:
            return Answer(CallOutcome.OK, {"QueueUrls": [value]}, clock())

    audit = begin()
    with Recorder(audit.take(), audit.id) as recorder:
        heard = RecordedCalls(audit.ledger, Odd(), recorder).call(LIST)
    assert (heard.outcome, heard.error_code) == (CallOutcome.FAILED, "NotStorable")
    assert audit.ledger.find(LIST.unit) == heard


def test_what_comes_with_an_answer_is_stored_on_every_database(begin: Any, clock: Clock) -> None:
    class Odd:
        def call(self, _request: CallRequest) -> Answer:
            return Answer(
                CallOutcome.FAILED, None, clock(), error_code="a\0b", request_id="\ud800c"
            )

    audit = begin()
    with Recorder(audit.take(), audit.id) as recorder:
        RecordedCalls(audit.ledger, Odd(), recorder).call(LIST)
    found = audit.ledger.find(LIST.unit)
    assert (found.error_code, found.request_id) == ("ab", "?c")


def test_parameters_too_long_for_a_key_are_one_failed_call(begin: Any, cloud: Cloud) -> None:
    audit = begin()
    cloud.queues = {"q" * 9_000: {"A": "1"}, "short": {"A": "1"}}
    audit.collect(cloud)
    assert sum(audit.ledger.count().values()) == 1 + 2


def test_a_writer_that_dies_ends_the_collection_with_its_error_at_once(
    begin: Any, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_recorder: Recorder, _batch: Any) -> None:
        raise OverflowError("the disk speaks in tongues")

    monkeypatch.setattr(ledger, "_BATCH", 1)
    monkeypatch.setattr(Recorder, "_write", dies)
    audit = begin()
    cloud.queues = {f"q{number}": {"A": "1"} for number in range(500)}
    with pytest.raises(OverflowError, match="tongues"):
        audit.collect(cloud)
    assert len(cloud.asked) < 500, "the rest was asked for all the same"


def test_a_lease_of_a_clock_that_ran_ahead_does_not_hold_an_audit(begin: Any, clock: Clock) -> None:
    audit = begin()
    clock.move(days=60)
    audit.take("first")
    clock.move(days=-60)
    assert audit.shards.abandoned() == [(TENANT, audit.id)]
    assert audit.shards.take(tenant=TENANT, ident=audit.id, owner="second") is not None
