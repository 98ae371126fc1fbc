"""Collection asks for what the ledger lacks, and stops when it is told to."""

from __future__ import annotations

import io
import logging
import threading
from typing import Any

import orjson
import pytest
from tests.audits.world import TENANT, Clock, Cloud
from tests.waiting import SECONDS

from cloudsealed.audits.model import CanceledError, LeaseLostError, Scope, Target
from cloudsealed.audits.records.ledger import Recorder
from cloudsealed.audits.steps.plan import tasks_of
from cloudsealed.audits.steps.supervision import supervised
from cloudsealed.collectors.model import Unit
from cloudsealed.kit.logs import JsonFormatter, LogHandler, about
from cloudsealed.vocabulary import CallOutcome


def test_a_run_that_stopped_half_way_goes_on_with_what_is_missing(
    begin: Any, cloud: Cloud, clock: Clock
) -> None:
    audit = begin()
    cloud.queues = {f"q{number}": {"A": str(number)} for number in range(20)}

    def power_cut(_unit: Unit) -> None:
        if len(cloud.asked) >= 15:
            raise RuntimeError("power cut")

    cloud.before = power_cut
    with pytest.raises(RuntimeError, match="power cut"):
        audit.collect(cloud)
    done = {unit for unit in cloud.asked if audit.ledger.find(unit)}
    assert done  # what was not yet on disk is asked for again
    cloud.before, cloud.asked = lambda _unit: None, []
    clock.move(seconds=20)
    audit.collect(cloud, audit.take("another"))
    assert set(cloud.asked).isdisjoint(done)
    assert len(cloud.asked) + len(done) == 22


def test_canceling_ends_the_collection_without_the_calls_that_were_to_come(
    begin: Any, cloud: Cloud
) -> None:
    audit = begin()
    cloud.queues = {f"q{number}": {"A": "1"} for number in range(500)}
    asked, canceled = threading.Event(), threading.Event()

    def hold(unit: Unit) -> None:
        if unit.operation == "GetQueueAttributes":
            asked.set()
            canceled.wait(SECONDS)

    cloud.before = hold
    lease = audit.take()

    def tick(_ended: int) -> None:
        if asked.is_set():
            audit.shards.cancel(tenant=TENANT, ident=audit.id)
            try:
                lease.look()
            finally:
                threading.Timer(0.2, canceled.set).start()

    with pytest.raises(CanceledError):
        audit.collect(cloud, lease, tick)
    assert len(cloud.asked) < 20  # of 502: those that were in flight


def test_losing_the_lease_ends_the_collection(begin: Any, cloud: Cloud, clock: Clock) -> None:
    audit = begin()
    cloud.queues = {f"q{number}": {"A": "1"} for number in range(500)}
    lease = audit.take("first")
    thief, stolen_by_now = threading.Lock(), threading.Event()

    def stolen(_unit: Unit) -> None:
        if len(cloud.asked) < 10:
            return
        if not thief.acquire(blocking=False):
            stolen_by_now.wait(SECONDS)
            return
        taken = None
        while taken is None:  # what is written meanwhile renews the lease
            clock.move(seconds=20)
            taken = audit.shards.take(tenant=TENANT, ident=audit.id, owner="second")
        stolen_by_now.set()

    cloud.before = stolen
    with pytest.raises(LeaseLostError):
        audit.collect(cloud, lease, lambda _ended: lease.renew())
    assert sum(audit.ledger.count().values()) < 100


def test_a_service_in_scope_is_all_of_it_whatever_the_sdk_calls_its_parts() -> None:
    target = Target("con_a", "123456789012", "aws", ("eu-west-1",))
    types = {task.row.type for task in tasks_of([target], Scope(services=("s3",)))}
    assert types == {"aws.s3.bucket", "aws.s3.account", "aws.s3.access_point"}


def test_what_was_throttled_is_asked_again_when_all_else_has_ended(
    begin: Any, cloud: Cloud
) -> None:
    audit = begin()
    cloud.queues = {f"q{number}": {"A": str(number)} for number in range(20)}
    refused: dict[Unit, int] = {}

    def busy(unit: Unit) -> None:
        refused[unit] = refused.get(unit, 0) + 1
        key = (unit.operation, orjson.loads(unit.parameters).get("QueueUrl", "").rpartition("/")[2])
        cloud.faults[key] = (CallOutcome.THROTTLED, "Throttling")
        if refused[unit] > 1:
            del cloud.faults[key]

    cloud.before = busy
    ended: list[int] = []
    audit.collect(cloud, tick=ended.append)
    assert audit.ledger.count()[CallOutcome.THROTTLED] == 0
    assert sum(ended) == len(audit.tasks)


def test_it_tells_how_many_resources_it_has_read_each_once(begin: Any, cloud: Cloud) -> None:
    audit = begin()
    cloud.queues = {f"q{number}": {"A": str(number)} for number in range(20)}
    cloud.faults["GetQueueAttributes", "q1"] = (CallOutcome.THROTTLED, "Throttling")
    told: list[int] = []
    audit.collect(cloud, seen=told.append)  # the walk of queues is made three times
    assert told[-1] == 20
    assert max(told) == 20


def test_what_stays_throttled_is_asked_three_times_and_is_a_row_once(
    begin: Any, cloud: Cloud
) -> None:
    audit = begin()
    cloud.faults["ListQueues"] = (CallOutcome.THROTTLED, "Throttling")
    ended: list[int] = []
    audit.collect(cloud, tick=ended.append)
    assert len(cloud.asked) == 3
    assert audit.ledger.count()[CallOutcome.THROTTLED] == 1
    assert sum(ended) == len(audit.tasks)
    audit.collect(cloud)
    assert len(cloud.asked) == 3  # what the ledger has is not asked for again


def test_what_every_thread_of_an_audit_logs_says_what_it_is_about(
    begin: Any, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, written = logging.getLogger("tests.collect"), io.StringIO()
    handler = LogHandler(written)
    handler.setFormatter(JsonFormatter())
    log.addHandler(handler)
    write = Recorder._write

    def say(*_: Any) -> None:
        log.warning("%s", threading.current_thread().name)

    monkeypatch.setattr(Recorder, "_write", lambda *given: (say(), write(*given)))
    cloud.queues, cloud.before = {"q": {"A": "1"}}, say
    audit = begin()
    lease = audit.take()

    def work() -> None:
        say()
        audit.collect(cloud, lease)

    with about(job="job_1"):
        supervised(lease, work)
    log.removeHandler(handler)
    said = [orjson.loads(line) for line in written.getvalue().splitlines()]
    assert {each["message"].partition("_")[0] for each in said} == {
        "audit",
        "walk",
        "call",
        "ledger",
    }
    assert {each.get("job") for each in said} == {"job_1"}
