"""A call that nothing reads is left out, one that anything reads is made, and both can be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from tests.e2e.installation import Document, Installation

from cloudsealed import working
from cloudsealed.audits.steps.run import Runner
from cloudsealed.kit.clock import utc_now
from cloudsealed.testing.emulator import Emulator

CALL = ("ec2", "DescribeSnapshotAttribute")
READING = {
    "key": "snapshot-shared-with-nobody",
    "title": "Snapshot is shared with nobody",
    "dimension": "compliance",
    "severity": "low",
    "resource_types": ["aws.ec2.snapshot"],
    "fail_when": "!resource.CreateVolumePermissions.exists(p, has(p.UserId))",
}


class Own:
    """An installation whose audits look at EC2 alone."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.services, self.tenant = installation.services, installation.tenant

    def audit(self, *left_out: str) -> Document:
        services = self.services
        runner = Runner(
            database=services.database,
            connections=services.connections,
            policies=services.policies,
            keys=services.keys,
            clock=utc_now,
            settings=replace(services.settings, calls_left_out=left_out),
        )
        return self.installation.audit(runner, services=["ec2"], regions=["eu-west-1"])

    def calls(self, audit: Document) -> set[tuple[str, str]]:
        page = self.services.audits.calls(tenant=self.tenant, ident=audit["id"], limit=200)
        calls = [orjson.loads(item) for item in page.items]
        return {(call["service"], call["operation"]) for call in calls}

    def verdicts(self, audit: Document) -> list[tuple[str, list[str]]]:
        found = self.services.audits.observations(
            tenant=self.tenant, ident=audit["id"], policies=[READING["key"]]
        )
        return [(each["outcome"], [why["kind"] for why in each["reasons"]]) for each in found]

    def unread(self, audit: Document) -> int:
        """How many verdicts there are, each unknown since the call was not asked."""
        verdicts = self.verdicts(audit)
        assert verdicts == [("unknown", ["not_asked"])] * len(verdicts)
        return len(verdicts)

    def simulated(self, audit: Document) -> Document:
        body = {"policy": READING, "audit_ids": [audit["id"]]}
        made = orjson.loads(self.services.simulations.create(tenant=self.tenant, body=body))
        worker = working.worker(self.services)
        while worker.run_once("simulation"):
            pass
        found = self.services.simulations.get(tenant=self.tenant, ident=made["id"])
        counts: Document = orjson.loads(found)["results"][0]["counts"]
        return counts


@pytest.fixture(scope="module")
def own(whole_estate: Emulator, install: Any, tmp_path_factory: pytest.TempPathFactory) -> Own:
    return Own(install(tmp_path_factory.mktemp("counting"), whole_estate))


@pytest.fixture(scope="module")
def first(own: Own) -> Document:
    """An audit before anything read what `CALL` says."""
    return own.audit()


def test_what_nothing_reads_is_not_asked_and_its_absence_is_no_verdict(
    own: Own, first: Document
) -> None:
    assert CALL not in own.calls(first)
    assert (first["status"], first["coverage"]) == ("completed", 1.0)
    unknown = own.simulated(first)["unknown"]
    assert unknown > 1
    policy = orjson.loads(own.services.policies.create(tenant=own.tenant, body=READING))
    try:
        again = own.installation.reanalyze(first["id"])
        assert own.unread(again) == unknown
        coverage = own.services.audits.coverage(tenant=own.tenant, ident=again["id"])
        assert coverage["not_asked"] == [
            {
                "service": CALL[0],
                "operation": CALL[1],
                "verdicts": unknown,
                "policies": [READING["key"]],
            }
        ]
        assert (coverage["gaps"], coverage["policy_errors"]) == ([], [])
        assert coverage["iam_statement"] is None
    finally:
        own.services.policies.delete(tenant=own.tenant, ident=policy["id"])


def test_what_a_disabled_policy_reads_is_there_when_it_is_switched_on(
    own: Own, first: Document
) -> None:
    body = {**READING, "enabled": False}
    policy = orjson.loads(own.services.policies.create(tenant=own.tenant, body=body))
    try:
        audit = own.audit()
        assert CALL in own.calls(audit)
        own.services.policies.update(tenant=own.tenant, ident=policy["id"], body={"enabled": True})
        verdicts = own.verdicts(own.installation.reanalyze(audit["id"]))
        assert {outcome for outcome, _ in verdicts} == {"fail"}
        assert all(reasons == [] for _, reasons in verdicts)
    finally:
        own.services.policies.delete(tenant=own.tenant, ident=policy["id"])


def test_a_setting_leaves_a_call_out_whatever_reads_it(own: Own, first: Document) -> None:
    policy = orjson.loads(own.services.policies.create(tenant=own.tenant, body=READING))
    try:
        audit = own.audit(":".join(CALL))
        assert CALL not in own.calls(audit)
        assert own.unread(audit) == own.unread(own.installation.reanalyze(audit["id"])) > 1
    finally:
        own.services.policies.delete(tenant=own.tenant, ident=policy["id"])


def test_a_reanalysis_of_what_was_left_out_concludes_the_same(own: Own, first: Document) -> None:
    same = own.installation.reanalyze(first["id"])
    assert same["verdict_digest"] == first["verdict_digest"]
