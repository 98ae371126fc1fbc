"""What was answered is on disk once, in the transaction that proves the right to write it."""

from __future__ import annotations

import threading
import tracemalloc
from typing import Any

import pytest
from sqlalchemy import select
from tests.audits.world import ACCOUNT, REGION, Clock, Cloud
from tests.waiting import SECONDS

from cloudsealed.audits.model import LeaseLostError
from cloudsealed.audits.records import ledger
from cloudsealed.audits.records.ledger import Ledger, RecordedCalls, Recorder, StoredCalls
from cloudsealed.collectors.model import CallRequest, Place, Unit, unit_of
from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import calls, objects
from cloudsealed.vocabulary import CallOutcome

LIST = CallRequest(unit_of(Place(ACCOUNT, REGION), "sqs", "ListQueues", {"MaxResults": 1000}))
DENIED = (CallOutcome.DENIED, "AccessDenied")


def rows(database: Database, table: Any) -> int:
    with database.read() as connection:
        return len(connection.all(select(table.c.tenant_id)))


def test_an_answer_is_read_back_as_it_was_given(begin: Any, cloud: Cloud, clock: Clock) -> None:
    audit = begin()
    cloud.queues["one"] = {"VisibilityTimeout": "30"}
    with Recorder(audit.take(), audit.id) as recorder:
        given = RecordedCalls(audit.ledger, cloud, recorder).call(LIST)
    assert StoredCalls(audit.ledger, audit.audit.clock).call(LIST) == given
    assert given.document == {"QueueUrls": [f"https://sqs/{ACCOUNT}/one"]}


@pytest.mark.parametrize("outcome", [o for o in CallOutcome if not o.answered])
def test_a_call_that_was_not_answered_is_a_row_too(
    begin: Any, cloud: Cloud, outcome: CallOutcome
) -> None:
    audit = begin()
    cloud.faults["ListQueues"] = (outcome, "Code")
    with Recorder(audit.take(), audit.id) as recorder:
        RecordedCalls(audit.ledger, cloud, recorder).call(LIST)
    found = audit.ledger.find(LIST.unit)
    assert (found.outcome, found.error_code, found.document) == (outcome, "Code", None)
    assert audit.ledger.count() == {**dict.fromkeys(CallOutcome, 0), outcome: 1}


def test_a_unit_that_is_there_is_not_asked_for_again(begin: Any, cloud: Cloud) -> None:
    audit = begin()
    cloud.queues = {"one": {"A": "1"}, "two": {"A": "2"}}
    audit.collect(cloud)
    first = len(cloud.asked)
    assert first == len(set(cloud.asked)) == 4
    audit.collect(cloud)
    assert len(cloud.asked) == first


def test_a_failed_call_is_not_asked_for_again_either(begin: Any, cloud: Cloud) -> None:
    audit = begin()
    cloud.faults["ListQueues"] = DENIED
    audit.collect(cloud)
    cloud.faults.clear()
    audit.collect(cloud)
    assert len(cloud.asked) == 1


def test_equal_answers_are_stored_once(database: Database, begin: Any, cloud: Cloud) -> None:
    audit = begin()
    cloud.queues = {"one": {"A": "same"}, "two": {"A": "same"}}
    audit.collect(cloud)
    assert rows(database, calls) == 4
    assert rows(database, objects) == 3  # the list, the attributes, and no tags


def test_another_audit_has_a_ledger_of_its_own(begin: Any, cloud: Cloud) -> None:
    begin().collect(cloud)
    audit = begin()
    assert audit.ledger.find(LIST.unit) is None
    audit.collect(cloud)
    assert len(cloud.asked) == 2


def test_a_write_of_one_that_lost_its_lease_leaves_neither_unit_nor_answer(
    database: Database, begin: Any, cloud: Cloud, clock: Clock
) -> None:
    audit = begin()
    cloud.queues["one"] = {"A": "1"}
    stale = audit.take("first")
    clock.move(seconds=16)
    audit.take("second")
    with pytest.raises(LeaseLostError):
        audit.collect(cloud, stale)
    assert rows(database, calls) == rows(database, objects) == 0


def test_whoever_calls_hears_what_stopped_the_writing(
    begin: Any, cloud: Cloud, clock: Clock
) -> None:
    audit = begin()
    stale = audit.take("first")
    clock.move(seconds=16)
    audit.take("second")
    with Recorder(stale, audit.id) as recorder:
        caller = RecordedCalls(audit.ledger, cloud, recorder)
        caller.call(LIST)  # handed over; it is refused when it is written
    with pytest.raises(LeaseLostError):
        recorder.stop_if_asked()
    other = CallRequest(unit_of(Place(ACCOUNT, REGION), "sqs", "ListQueues", {"MaxResults": 1}))
    with pytest.raises(LeaseLostError):
        caller.call(other)
    assert [unit for unit in cloud.asked if unit == other.unit] == []


def test_an_answer_that_waits_to_be_written_is_there_already(begin: Any, cloud: Cloud) -> None:
    audit = begin()
    recorder = Recorder(audit.take(), audit.id)  # not entered: nothing is written
    caller = RecordedCalls(audit.ledger, cloud, recorder)
    assert caller.call(LIST) == caller.call(LIST)
    assert len(cloud.asked) == 1
    assert audit.ledger.find(LIST.unit) is None


def test_what_a_ledger_lacks_is_a_call_that_failed_and_nobody_is_asked(begin: Any) -> None:
    audit = begin()
    answer = StoredCalls(audit.ledger, audit.audit.clock).call(LIST)
    assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, "NotRecorded")
    assert answer.document is None


def test_a_tenant_sees_no_other_s_calls(database: Database, begin: Any, cloud: Cloud) -> None:
    audit = begin()
    audit.collect(cloud)
    assert audit.ledger.find(LIST.unit) is not None
    assert Ledger(database, tenant="ten_b", audit_id=audit.id).find(LIST.unit) is None


def test_two_that_ask_for_one_unit_at_once_share_one_call(begin: Any, cloud: Cloud) -> None:
    audit = begin()
    both_wait, answers = threading.Event(), []

    def hold(_unit: Unit) -> None:  # the second has every chance to ask before the first is done
        both_wait.wait(0.2)
        cloud.queues[f"q{len(cloud.asked)}"] = {}  # and would hear something else

    cloud.before = hold
    with Recorder(audit.take(), audit.id) as recorder:
        caller = RecordedCalls(audit.ledger, cloud, recorder)
        threads = [
            threading.Thread(target=lambda: answers.append(caller.call(LIST))) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
    assert len(cloud.asked) == 1
    assert answers == [audit.ledger.find(LIST.unit)] * 2


def copied(database: Database, audit: Any, count: int, parameters: str = "") -> None:
    """Fill an audit's ledger with copies of its first call."""
    names = [column.name for column in calls.c]
    with database.write() as connection:
        first = dict(zip(names, connection.first(select(calls)) or (), strict=True))
        rows = [
            {**first, "page": number % 7, "parameters": f'{{"a":"{parameters}{number:06}"}}'}
            for number in range(count)
        ]
        connection.many(calls.insert(), rows)


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 8, 1000])
def test_a_ledger_read_in_parts_is_the_same_in_the_same_order(
    database: Database, begin: Any, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    audit = begin()
    cloud.queues = {f"q{number}": {"A": str(number)} for number in range(5)}
    audit.collect(cloud)
    whole = list(audit.ledger.entries())
    assert len(whole) == 7
    monkeypatch.setattr(ledger, "_READ_AT_ONCE", at_once)
    assert list(audit.ledger.entries()) == whole


@pytest.mark.parametrize("storage_settings", ["sqlite"], indirect=True)
def test_reading_a_large_ledger_takes_no_more_memory_than_a_small_one(
    database: Database, begin: Any, cloud: Cloud
) -> None:
    audit = begin()
    audit.collect(cloud)
    copied(database, audit, 20_000, parameters="x" * 1_500)
    tracemalloc.start()
    try:
        assert sum(1 for _ in audit.ledger.entries()) == 20_001
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024
