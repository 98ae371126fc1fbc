"""A ceiling of calls holds over processes, counted where the calls arrive."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.program import Talker, program
from tests.waiting import until

from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database
from cloudsealed.storage.flights import CALLS as CALLS_FILE
from cloudsealed.storage.flights import open_flights
from cloudsealed.testing.emulator import Emulator

CEILING = 4
CALLS = 6  # of each process
_CALLER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from cloudsealed.collectors.aws.access import AwsAccess, AwsSession
from cloudsealed.collectors.aws.client import AwsCaller
from cloudsealed.collectors.calling.places import Places
from cloudsealed.collectors.model import CallRequest, Place, unit_of
from cloudsealed.settings import Settings
from cloudsealed.storage.flights import CALLS, open_flights
from cloudsealed.storage.open import open_database

folder, url, ceiling, calls = sys.argv[1:]
database = open_database(Settings(data_dir=Path(folder), database_url=url))
places = Places(open_flights(database, CALLS), turn=1.0)
session = AwsSession(AwsAccess())
caller = AwsCaller(session, b"k", ceilings={"sqs": float(ceiling)}, places=places)
place = Place("123456789012", "eu-west-1")

def call(page):
    unit = unit_of(place, "sqs", "ListQueues", {}, page)
    return caller.call(CallRequest(unit, items="QueueUrls", omits_empty=True)).outcome

for _line in sys.stdin:
    with ThreadPoolExecutor(8) as pool:
        print(*[str(outcome) for outcome in pool.map(call, range(int(calls)))], flush=True)
"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    """A cloud that nobody else calls."""
    with Emulator() as emulator:
        yield emulator


def _caller(settings: Settings, cloud: Emulator, calls: int) -> Any:
    environment = {**os.environ, **cloud.environment()}
    place = str(settings.data_dir), settings.database_url
    return program().talk(*place, str(CEILING), str(calls), code=_CALLER, environment=environment)


def _most(cloud: Emulator) -> int:
    return max(lane["most"] for lane in cloud.calls()["busiest"] if lane["service"] == "sqs")


def test_two_processes_keep_under_one_ceiling_and_both_come_to_their_end(
    storage_settings: Settings, cloud: Emulator
) -> None:
    cloud.reset()
    with ExitStack() as stack:
        callers: list[Talker] = [
            stack.enter_context(_caller(storage_settings, cloud, CALLS)) for _ in range(2)
        ]
        for caller in callers:
            caller.tell("go")
        said = [caller.said().split() for caller in callers]
    assert [len(outcomes) for outcomes in said] == [CALLS, CALLS]
    assert {outcome for outcomes in said for outcome in outcomes} == {"empty"}
    assert cloud.calls()["total"] == 2 * CALLS
    assert _most(cloud) <= CEILING


def test_a_killed_process_leaves_its_places_to_the_other(
    storage_settings: Settings, database: Database, cloud: Emulator
) -> None:
    cloud.reset()
    names = open_flights(database, CALLS_FILE)

    def waits() -> bool:
        is_free = names.take("line/123456789012/eu-west-1/sqs")
        if is_free:
            names.end("line/123456789012/eu-west-1/sqs")
        return not is_free

    with ExitStack() as stack:
        stack.callback(names.close)
        killed = stack.enter_context(_caller(storage_settings, cloud, 1000))
        other = stack.enter_context(_caller(storage_settings, cloud, 2))
        killed.tell("go")
        until(lambda: cloud.calls()["total"] > 0, "a call")
        other.tell("go")
        until(waits, "the other waits")
        os.kill(killed.process.pid, signal.SIGKILL)
        assert len(other.said().split()) == 2
    assert _most(cloud) <= CEILING
