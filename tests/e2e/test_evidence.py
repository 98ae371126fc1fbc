"""Compliance evidence of a real audit: valid by others' schemas, and true to the sealed answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from tests.e2e.installation import Document, Installation

from cloudsealed import working
from cloudsealed.audits.records.ledger import Ledger
from cloudsealed.reports.store import JOB
from cloudsealed.storage import objects
from cloudsealed.vocabulary import Role


@dataclass(frozen=True)
class Evidence:
    """The files of one report, by format."""

    files: dict[str, bytes]

    @property
    def document(self) -> Document:
        return dict(orjson.loads(self.files["json"]))

    @property
    def events(self) -> list[Document]:
        return [orjson.loads(line) for line in self.files["ocsf"].splitlines()]


def evidence(installation: Installation, audit: Document, framework: str) -> Evidence:
    reports, tenant = installation.services.reports, installation.tenant
    body = {"kind": "compliance_evidence", "audit_id": audit["id"], "framework": framework}
    ident = orjson.loads(reports.create(tenant=tenant, body=body))["id"]
    assert working.worker(installation.services).run_once(JOB)
    report = orjson.loads(reports.get(tenant=tenant, ident=ident))
    assert (report["status"], report["error"]) == ("ready", None)
    names = [item["format"] for item in report["formats"]]
    assert names == ["pdf", "json", "oscal", "ocsf"]
    files = {n: b"".join(reports.file(tenant=tenant, ident=ident, format=n).content) for n in names}
    return Evidence(files)


OF_AWS = ("hipaa",)
"""It has controls that policies judge, many for people, and some that the provider shares."""


@pytest.fixture(scope="module", params=OF_AWS)
def made(audited: Any, request: pytest.FixtureRequest) -> Evidence:
    return evidence(audited.installation, audited.audits[0], request.param)


def test_every_event_is_valid_by_the_schema_of_ocsf(made: Evidence) -> None:
    schemas = pytest.importorskip("ocsf_json_schema", reason="ocsf-json-schema is not installed")
    jsonschema_rs = pytest.importorskip("jsonschema_rs", reason="jsonschema-rs is not installed")
    embedded = schemas.OcsfJsonSchemaEmbedded(schemas.get_ocsf_schema("1.6.0"))
    judge = jsonschema_rs.validator_for(embedded.get_class_schema("compliance_finding", ["cloud"]))
    for event in made.events:
        judge.validate(event)


def oscal(made: Evidence) -> Any:
    trestle = pytest.importorskip(
        "trestle.oscal.assessment_results", reason="trestle is not installed"
    )
    return trestle.Model.model_validate(orjson.loads(made.files["oscal"])).assessment_results


def test_the_assessment_results_are_valid_by_the_models_of_oscal(made: Evidence) -> None:
    assert oscal(made).results[0].findings


def test_evidence_of_what_was_not_audited_is_valid_and_says_that_nothing_was_judged(
    audited: Any,
) -> None:
    made = evidence(audited.installation, audited.audits[0], "pss-baseline")
    assert {c["status"] for c in made.document["controls"]} == {"not_assessed"}
    (result,) = oscal(made).results
    assert result.findings is None
    assert "nothing was judged" in result.reviewed_controls.remarks


def test_every_format_holds_every_verdict_of_the_frameworks_policies(made: Evidence) -> None:
    document = made.document
    seen = [(o["policy"]["key"], o["fingerprint"]) for o in document["observations"]]
    assert len(set(seen)) == len(seen)
    counted = sum(sum(p["counts"].values()) for p in document["policies"].values())
    assert len(seen) == counted > 100
    (result,) = orjson.loads(made.files["oscal"])["assessment-results"]["results"]
    assert sum(len(o["subjects"]) for o in result["observations"]) == counted
    judged = sum(len(o["controls"]) for o in document["observations"])
    assert sum("resources" in event for event in made.events) == judged


def test_every_answer_it_names_is_stored_under_its_digest_and_was_called_then(
    made: Evidence, audited: Any
) -> None:
    installation = audited.installation
    database, tenant = installation.services.database, installation.tenant
    ledger = Ledger(database, tenant=tenant, audit_id=audited.audits[0]["id"])
    called = {
        (e["service"], e["operation"], e["region"], e["called_at"], e["digest"])
        for e in ledger.entries()
    }
    named: set[str] = set()
    for observation in made.document["observations"]:
        # That no region is idle, no single answer says.
        idle = observation["policy"]["key"].startswith("aws-idle-regions-")
        assert observation["answers"] or (idle and observation["outcome"] == "not_applicable")
        for answer in observation["answers"]:
            names = ("service", "operation", "region", "called_at", "sha256")
            assert tuple(answer[name] for name in names) in called
            named |= {answer["sha256"]} - {None}
        named.add(observation["snapshot"])
    with database.read() as connection:
        assert set(objects.get_many(connection, tenant, named)) == named


def test_the_same_audit_gives_the_same_bytes(made: Evidence, audited: Any) -> None:
    key = made.document["framework"]["key"]
    assert evidence(audited.installation, audited.audits[0], key).files == made.files


def test_a_reanalysis_has_the_same_verdicts_and_answers(made: Evidence, audited: Any) -> None:
    key = made.document["framework"]["key"]
    again = evidence(audited.installation, audited.audits[2], key).document
    ignored = ("finding",)
    before, after = (
        [{n: v for n, v in o.items() if n not in ignored} for o in each["observations"]]
        for each in (made.document, again)
    )
    assert after == before


@pytest.fixture
def accepted(audited: Any) -> Iterator[Document]:
    """A finding that a person accepted, until the test is over."""
    services, tenant = audited.installation.services, audited.installation.tenant
    finding = audited.installation.finding("aws-s3-bucket-plain-http", "larkspur-public-assets")
    user = services.users.create(
        tenant=tenant, email="ada@example.com", role=Role.ADMIN, name="Ada Auditor"
    )
    triage = {"state": "accepted_risk", "note": "Public by design"}
    change = {"tenant": tenant, "ident": finding["id"], "user_id": user.id}
    services.findings.triage(**change, body={"triage": triage})
    yield finding
    services.findings.triage(**change, body={"triage": None})


def test_an_accepted_finding_is_an_exception_by_the_name_of_who_accepted_it(
    audited: Any, accepted: Document
) -> None:
    found = evidence(audited.installation, audited.audits[0], "cis-aws-5.0")
    (shown,) = found.document["exceptions"]["shown"]
    assert (shown["finding_id"], shown["by"]) == (accepted["id"], "Ada Auditor")
    assert shown["reason"] == "Public by design"
    control = next(c for c in found.document["controls"] if c["id"] == shown["controls"][0])
    assert control["status"] == "failing"
    suppressed = [event for event in found.events if event.get("status") == "Suppressed"]
    ids = {event["finding_info"]["uid_alt"] for event in suppressed}
    assert accepted["id"] in ids
    findings = audited.installation.findings()
    assert all(findings[ident]["yields_to"] for ident in ids - {accepted["id"]})
