"""Collection asks for what the ledger lacks, and stops when it is told to."""

from __future__ import annotations

import threading
from typing import Any

import orjson
import pytest
from tests.audits.world import TENANT, Clock, Cloud

from cloudsealed.audits.derive import tasks_of
from cloudsealed.audits.model import CanceledError, LeaseLostError, Scope, Target
from cloudsealed.collectors.model import Unit
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
            canceled.wait(20)

    cloud.before = hold
    lease = audit.take()

    def tick(_ended: int) -> None:
        if asked.is_set():
            audit.store.ask_cancel(tenant=TENANT, ident=audit.id)
            try:
                lease.renew()
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
            stolen_by_now.wait(30)
            return
        taken = None
        while taken is None:  # what is written meanwhile renews the lease
            clock.move(seconds=20)
            taken = audit.store.take(tenant=TENANT, ident=audit.id, owner="second")
        stolen_by_now.set()

    cloud.before = stolen
    with pytest.raises(LeaseLostError):
        audit.collect(cloud, lease, lambda _ended: lease.renew())
    assert sum(audit.ledger.count().values()) < 100


def test_a_service_in_scope_is_all_of_it_whatever_the_sdk_calls_its_parts() -> None:
    target = Target("con_a", "123456789012", "aws", ("eu-west-1",))
    types = {task.row.type for task in tasks_of([target], Scope(services=("s3",)))}
    assert types == {"aws.s3.bucket", "aws.s3.account"}


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
