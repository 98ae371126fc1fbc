"""How calls end, over HTTP: what a session, an organisation and a region refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from tests.e2e.installation import FAR_REGION, HOME_REGION, standing

from cloudsealed.audits.records.tally import tally

SERVICES = ["sns", "sqs", "dynamodb"]


@contextmanager
def faults(audited: Any, *rules: Mapping[str, Any]) -> Iterator[None]:
    audited.emulator.faults(*rules)
    try:
        yield
    finally:
        audited.emulator.faults()


def test_a_session_that_ends_stops_the_audit_which_goes_on_when_it_is_renewed(audited: Any) -> None:
    installation = audited.installation
    services, tenant = installation.services, installation.tenant
    scope = {"regions": [HOME_REGION, FAR_REGION], "services": SERVICES}
    body = {"connection_ids": [installation.connection], "scope": scope}
    ident = orjson.loads(services.audits.create(tenant=tenant, body=body, queue=False))["id"]
    before = standing(installation.findings())
    audited.emulator.reset()

    def report(phase: str, counts: Mapping[str, Any]) -> None:
        if phase == "collecting" and counts["calls"] > 5:
            audited.emulator.faults({"service": "*", "kind": "expired_token"})

    with faults(audited, {"service": "dynamodb", "kind": "expired_token"}):
        stopped = installation.run(ident, report=report)
    assert (stopped["status"], stopped["error"]["code"]) == ("failed", "cloud_session_expired")
    assert standing(installation.findings()) == before
    coverage = installation.coverage(stopped)
    assert (coverage["gaps"], coverage["iam_statement"]) == ([], None)
    kept = sum(call.count for call in recorded(installation, ident))

    request = {"tenant": tenant, "connection_ids": (installation.connection,), "scope": scope}
    [found] = services.audits.interrupted(**request)
    assert (found.id, services.audits.go_on(tenant=tenant, audit=found)) == (ident, True)
    audited.emulator.reset()
    resumed = installation.run(ident)
    asked = audited.emulator.calls()["total"]
    assert (resumed["status"], resumed["error"], resumed["coverage"]) == ("completed", None, 1.0)
    left = sum(resumed["calls"].values()) - kept + 1  # and whose account it is
    in_flight = services.settings.collect_workers  # what the cloud still heard when it stopped
    assert left <= asked <= left + in_flight
    assert services.audits.interrupted(**request) == []
    whole = installation.audit(services=SERVICES)
    assert resumed["verdict_digest"] == whole["verdict_digest"]


def recorded(installation: Any, ident: str) -> Any:
    return tally(installation.services.database, tenant=installation.tenant, audit_id=ident)


def test_a_region_that_denies_everything_is_named_once_beside_the_scores(audited: Any) -> None:
    installation = audited.installation
    before = standing(installation.findings())
    with faults(audited, {"service": "*", "region": FAR_REGION, "kind": "access_denied"}):
        audit = installation.audit(services=SERVICES)
    coverage = installation.coverage(audit)
    [gap] = coverage["gaps"]
    assert (gap["service"], gap["operation"], gap["outcome"]) == ("*", "*", "region_denied")
    assert gap["places"] == [f"123456789012/{FAR_REGION}"]
    assert coverage["iam_statement"] is None
    assert (audit["calls"]["denied"], audit["calls"]["region_denied"]) == (0, gap["calls"])
    assert (audit["coverage"], audit["verdicts"]["unread"]) == (1.0, 0)
    assert audit["verdicts"]["forbidden"] > 0
    assert audit["dimensions"]["security"]["score"] is not None
    assert standing(installation.findings()) == before
    again = installation.reanalyze(audit["id"])
    assert again["verdict_digest"] == audit["verdict_digest"]
    assert installation.coverage(again)["gaps"] == coverage["gaps"]


def test_what_an_organisation_denies_asks_for_no_permission(audited: Any) -> None:
    installation = audited.installation
    with faults(
        audited,
        {"service": "sns", "kind": "denied_by_organization"},
        {"service": "sqs", "operation": "GetQueueAttributes", "kind": "access_denied"},
    ):
        audit = installation.audit(services=SERVICES)
    coverage = installation.coverage(audit)
    assert {(gap["service"], gap["outcome"], gap["curable"]) for gap in coverage["gaps"]} == {
        ("sns", "denied_by_organization", False),
        ("sqs", "denied", True),
    }
    assert coverage["iam_statement"]["Action"] == ["sqs:GetQueueAttributes"]
    assert audit["verdicts"]["forbidden"] > 0


@pytest.mark.parametrize("kind", ["unrecognized", "unsupported"])
def test_a_region_without_a_service_has_no_gap_and_resolves_nothing(
    audited: Any, kind: str
) -> None:
    installation = audited.installation
    before = standing(installation.findings())
    with faults(audited, {"service": "*", "region": FAR_REGION, "kind": kind}):
        audit = installation.audit(services=SERVICES)
    coverage = installation.coverage(audit)
    assert coverage["gaps"] == []
    away = [f"123456789012/{FAR_REGION}"] if kind == "unrecognized" else []
    assert coverage["regions_not_enabled"] == away
    assert audit["calls"]["unsupported"] > 0
    assert audit["coverage"] == 1.0
    assert standing(installation.findings()) == before


def test_a_broken_answer_that_no_verdict_needs_is_a_gap_too(audited: Any) -> None:
    installation = audited.installation
    with faults(audited, {"service": "ec2", "operation": "DescribeRegions", "kind": "html"}):
        audit = installation.audit(installation.impatient, services=["sqs"])
    [gap] = installation.coverage(audit)["gaps"]
    assert (gap["operation"], gap["outcome"], gap["verdicts"]) == ("DescribeRegions", "failed", 0)
    assert gap["calls"] == audit["calls"]["failed"] > 0
