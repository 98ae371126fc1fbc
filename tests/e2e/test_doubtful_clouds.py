"""Lists that are suddenly empty, and clocks that are wrong: neither rewrites an estate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.e2e.installation import Document, Installation

from cloudsealed.audits.steps.run import Runner
from cloudsealed.collectors.aws.client import AwsCaller
from cloudsealed.collectors.model import AGAIN, Answer, CallRequest
from cloudsealed.kit.clock import parse_rfc3339, utc_now
from cloudsealed.testing.emulator import Emulator
from cloudsealed.vocabulary import CallOutcome

SQS = {"services": ["sqs"], "regions": ["eu-west-1"]}
QUEUES = 24


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    """A cloud of two dozen queues that are not encrypted, which stay as they are."""
    with Emulator() as emulator:
        client = boto3.client(
            "sqs",
            region_name="eu-west-1",
            endpoint_url=emulator.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        for number in range(QUEUES):
            client.create_queue(
                QueueName=f"q{number}", Attributes={"SqsManagedSseEnabled": "false"}
            )
        yield emulator


@dataclass
class Lying:
    """A Caller whose lists of queues are answered by `lies`, first asked or asked again."""

    real: AwsCaller
    lies: Callable[[bool, Answer], Answer]

    def call(self, request: CallRequest) -> Answer:
        answer = self.real.call(request)
        if request.unit.operation != "ListQueues":
            return answer
        return self.lies(request.unit.page >= AGAIN, answer)

    def close(self) -> None:
        self.real.close()


def lied_to(installation: Installation, lies: Callable[[bool, Answer], Answer]) -> Runner:
    services = installation.services

    class LiedTo(Runner):
        def _caller(self, *given: Any, **named: Any) -> Any:
            return Lying(super()._caller(*given, **named), lies)

    return LiedTo(
        database=services.database,
        connections=services.connections,
        keys=services.keys,
        policies=services.policies,
        settings=services.settings,
        clock=services.clock,
    )


def none(answer: Answer) -> Answer:
    return replace(answer, outcome=CallOutcome.EMPTY, document={})


def failed(answer: Answer) -> Answer:
    return replace(answer, outcome=CallOutcome.FAILED, document=None, error_code="503")


def open_now(installation: Installation) -> int:
    return len(installation.findings(status="open"))


@pytest.fixture
def known(install: Any, cloud: Emulator, tmp_path: Path) -> Installation:
    """An installation that knows the queues and what is wrong with them."""
    installation: Installation = install(tmp_path, cloud)
    installation.audit(**SQS)
    assert open_now(installation) >= QUEUES
    return installation


def test_a_list_that_was_empty_for_a_moment_resolves_nothing(known: Installation) -> None:
    before = open_now(known)
    runner = lied_to(known, lambda again, answer: answer if again else none(answer))
    audit = known.audit(runner, **SQS)
    assert (audit["status"], audit["remarks"]) == ("completed", [])
    assert open_now(known) == before
    assert known.reanalyze(audit["id"])["verdict_digest"] == audit["verdict_digest"]


def test_a_list_that_stays_empty_counts_and_the_audit_says_so(
    known: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    audit = known.audit(lied_to(known, lambda _again, answer: none(answer)), **SQS)
    [remark] = audit["remarks"]
    assert (remark["kind"], remark["resource_type"]) == ("list_shrank", "aws.sqs.queue")
    assert (remark["known"], remark["missing"]) == (QUEUES, QUEUES)
    assert "24 of 24 known resources of aws.sqs.queue" in caplog.text
    assert open_now(known) == 0
    again = known.reanalyze(audit["id"])
    assert (again["verdict_digest"], again["remarks"]) == (audit["verdict_digest"], [remark])


def test_a_list_that_cannot_be_confirmed_resolves_nothing(known: Installation) -> None:
    before = open_now(known)
    runner = lied_to(known, lambda again, answer: failed(answer) if again else none(answer))
    audit = known.audit(runner, **SQS)
    assert audit["status"] == "completed"
    assert open_now(known) == before


def ahead(days: int) -> Callable[[], datetime]:
    return lambda: utc_now() + timedelta(days=days)


@pytest.mark.parametrize("days", [60, -60])
def test_a_clock_that_is_wrong_is_said_and_the_audit_s_moments_are_right(
    install: Any, cloud: Emulator, tmp_path: Path, days: int
) -> None:
    wrong: Installation = install(tmp_path, cloud, clock=ahead(days))
    audit: Document = wrong.audit(**SQS)
    assert abs(audit["clock_skew_seconds"] + days * 86_400) < 30
    for at in (audit["started_at"], audit["finished_at"]):
        assert abs(parse_rfc3339(at) - utc_now()) < timedelta(minutes=2)
    for finding in wrong.findings().values():
        assert abs(parse_rfc3339(finding["last_seen_at"]) - utc_now()) < timedelta(minutes=2)
    wrong.close()
    right: Installation = install(tmp_path, cloud)
    second = right.audit(lied_to(right, lambda _again, answer: none(answer)), **SQS)
    assert abs(second["clock_skew_seconds"]) < 30
    assert open_now(right) == 0
