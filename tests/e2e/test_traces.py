"""A request is followed to its audit, and that to each call; a collector harms neither."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from tests.collector import Seen, collector
from tests.e2e.test_canaries import NEEDLES
from tests.program import program
from tests.served import Served, served
from tests.servers import free_port

from cloudsealed.testing.emulator import Emulator

SCOPE = {"regions": ["eu-west-1"], "services": ["lambda", "sqs"]}
SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
CALL = {
    "rpc.system",
    "rpc.service",
    "rpc.method",
    "cloud.region",
    "cloudsealed.tenant",
    "cloudsealed.job",
    "cloudsealed.subject",
    "cloudsealed.outcome",
    "cloudsealed.attempts",
}


def audited(running: Served) -> str:
    """Audit the estate by the API; return the audit's id once it has completed."""
    ident = running.audit(running.connect("first").json()["id"], **SCOPE)
    assert running.ended(ident)["status"] == "completed"
    return ident


def is_below(span: Seen, above: Seen, spans: list[Seen]) -> bool:
    """Say whether a span stands below another, at any depth."""
    by_id = {each.id: each for each in spans if each.trace == span.trace}
    at: Seen | None = span
    while at is not None and at.id != above.id:
        at = by_id.get(at.parent)
    return at is not None


def test_a_request_is_followed_to_its_audit_and_to_each_call(
    tmp_path: Path, estate: Emulator
) -> None:
    environment = estate.environment()
    with collector() as there:
        environment |= there.environment
        with served(tmp_path / "data", tmp_path / "log", environment) as running:
            ident = audited(running)
            token = running.made["token"].encode()
            there.find(lambda s: s.name == "seal", "the audit's last step")
    spans = there.spans
    asked = next(each for each in spans if each.name == "POST /v1/audits")
    jobs = [each for each in spans if each.kind == CONSUMER and each.name == "audit"]
    queued = {(each.trace, each.id): each for each in spans if each.name == "audit queued"}
    assert (asked.kind, asked.facts["http.response.status_code"]) == (SERVER, 202)
    first = queued[asked.links[0]]
    assert (len(asked.links), first.links) == (1, ((asked.trace, asked.id),))
    for job in jobs:
        assert job.facts["cloudsealed.subject"] == ident
        assert job.facts["cloudsealed.outcome"] == "done"
        assert queued[job.trace, job.parent].facts["cloudsealed.subject"] == ident
    steps = {each.name for each in spans if any(each.parent == job.id for job in jobs)}
    assert steps >= {"plan", "collect", "judge", "reconcile"}
    calls = [each for each in spans if each.kind == CLIENT]
    assert {each.facts["rpc.service"] for each in calls} >= {"lambda", "sqs"}
    assert all(any(is_below(each, job, spans) for job in jobs) for each in calls)
    assert {name for each in calls for name in each.facts} <= {*CALL, "error.type"}
    assert len(calls) == _calls(running, ident, tmp_path)
    sent = b"".join(there.bodies)
    assert token not in sent
    assert [needle for needle in NEEDLES if needle in sent] == []
    assert ident.encode() in sent
    assert not any(ident in each.name for each in spans)
    assert {each.service for each in spans} == {"cloudsealed"}


def _calls(running: Served, ident: str, folder: Path) -> int:
    """Return how many calls an audit's ledger has, as the command line says without a server."""
    said = program().run(
        "audits", "calls", ident, "--json", folder=folder, environment=running.environment
    )
    return len(orjson.loads(said.stdout)["data"])


@pytest.mark.parametrize("hangs", [True, False], ids=["hangs", "is away"])
def test_a_collector_that_does_not_answer_changes_no_request_and_no_audit(
    tmp_path: Path, estate: Emulator, hangs: bool
) -> None:
    with collector() as there:
        there.hang()
        environment = estate.environment() | there.environment
        if not hangs:
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{free_port()}"
        with served(tmp_path / "data", tmp_path / "log", environment) as running:
            audited(running)
            assert running.ready()["status"] == "ready"
            running.stop()
        assert there.spans == []
        assert (there.taken > 0) == hangs
    assert running.complaints() == []


def test_an_audit_of_the_command_line_is_traced_too(tmp_path: Path, estate: Emulator) -> None:
    with collector() as there:
        environment = {
            **estate.environment(),
            **there.environment,
            "CLOUDSEALED_DATA_DIR": str(tmp_path / "data"),
        }
        words = ("audit", "aws", "--regions", "eu-west-1", "--services", "sqs", "--quiet")
        done = program().run(*words, folder=tmp_path, environment=environment)
        assert done.returncode == 0, done.stderr
    [audit] = [each for each in there.spans if each.name == "audit"]
    calls = [each for each in there.spans if each.kind == CLIENT]
    assert calls
    assert all(is_below(each, audit, there.spans) for each in calls)
