"""OCSF, judged by OCSF's own schema of the class Compliance Finding with the profile Cloud."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from cloudsealed.reports import ocsf
from cloudsealed.reports.kinds import compliance
from cloudsealed.reports.model import ReportSource

schemas = pytest.importorskip("ocsf_json_schema", reason="ocsf-json-schema is not installed")
jsonschema_rs = pytest.importorskip("jsonschema_rs", reason="jsonschema-rs is not installed")


@pytest.fixture(name="judge", scope="module")
def judge_fixture() -> Any:
    embedded = schemas.OcsfJsonSchemaEmbedded(schemas.get_ocsf_schema(ocsf.VERSION))
    schema = embedded.get_class_schema("compliance_finding", ["cloud"])
    return jsonschema_rs.validator_for(schema)


def events(source: ReportSource) -> list[dict[str, Any]]:
    lines = b"".join(compliance.build(source).files["ocsf"]).splitlines()
    return [orjson.loads(line) for line in lines]


@pytest.fixture(name="observed")
def observed_fixture(
    make_observation: Any, make_policy: Any, make_source: Any, make_framework: Any
) -> ReportSource:
    both = [{"framework": "cis-aws-5.0", "control": name} for name in ("5.3", "1.4")]
    triage = {
        "state": "accepted_risk",
        "note": None,
        "updated_at": "2026-10-05T09:00:00.000Z",
        "updated_by": "Ada",
        "expires_at": None,
    }
    observations = [
        make_observation(1, controls=both),
        make_observation(2, "pass"),
        make_observation(3, "unknown"),
        make_observation(4, "not_applicable"),
        make_observation(5, severity="low", triage=triage),
        make_observation(6, status="resolved"),
    ]
    key = "aws-ec2-sg-ssh-open"
    found: ReportSource = make_source(
        framework=make_framework(), observations=observations, policies={key: make_policy(key)}
    )
    return found


def test_every_event_is_valid(observed: ReportSource, judge: Any) -> None:
    for event in events(observed):
        judge.validate(event)


def test_a_verdict_is_an_event_for_each_control_that_its_policy_serves(
    observed: ReportSource,
) -> None:
    found = events(observed)
    about = [(e["compliance"]["control"], e["compliance"]["status"]) for e in found]
    assert about[:5] == [
        ("5.3", "Fail"),
        ("1.4", "Fail"),
        ("5.3", "Pass"),
        ("5.3", "Unknown"),
        ("5.3", "Not applicable"),
    ]
    assert len({event["metadata"]["uid"] for event in found}) == len(found)


def test_a_control_that_nobody_judged_is_an_event_without_a_resource(
    observed: ReportSource,
) -> None:
    left = [event for event in events(observed) if "resources" not in event]
    assert [(e["compliance"]["control"], e["compliance"]["status"]) for e in left] == [
        ("1.1", "Manual"),
        ("4.16", "Not assessed"),
    ]


def test_an_event_says_what_where_how_bad_and_what_shows_it(observed: ReportSource) -> None:
    event = events(observed)[0]
    assert event["time"] == 1_795_165_260_000
    assert (event["severity_id"], event["status"]) == (5, "New")
    assert event["compliance"]["standards"] == ["CIS AWS Foundations 5.0"]
    assert event["compliance"]["requirements"] == ["No SSH from the internet"]
    assert event["compliance"]["checks"][0]["uid"] == "aws-ec2-sg-ssh-open"
    assert event["cloud"]["account"]["uid"] == "123456789012"
    assert event["resources"][0]["cloud_partition"] == "aws"
    assert event["finding_info"]["first_seen_time"] == 1_790_928_000_000
    assert event["remediation"]["desc"] == "Repair it."
    assert event["evidences"][0]["data"]["value"] == "0.0.0.0/0"
    assert len(event["unmapped"]["snapshot_sha256"]) == 64
    assert event["unmapped"]["seal_root_sha256"] == "a1" * 32


def test_what_was_accepted_or_is_over_says_so_and_what_passed_has_no_state(
    observed: ReportSource,
) -> None:
    found = [e for e in events(observed) if e["compliance"]["control"] == "5.3"]
    assert [e.get("status") for e in found] == ["New", None, None, None, "Suppressed", "Resolved"]
    assert [e["severity"] for e in found] == [
        "Critical",
        "Informational",
        "Unknown",
        "Informational",
        "Low",
        "Critical",
    ]


def test_hostile_names_are_valid_and_stay_as_they_are(
    hostile_names: Any, make_observation: Any, make_source: Any, make_framework: Any, judge: Any
) -> None:
    names = (*hostile_names, "two\nlines", "\u2028", "", "x" * 5_000)
    observations = [make_observation(n, name=name, title=name) for n, name in enumerate(names)]
    pieces = compliance.build(make_source(framework=make_framework(), observations=observations))
    lines = b"".join(pieces.files["ocsf"]).split(b"\n")[:-1]
    found = [orjson.loads(line) for line in lines]
    for event in found:
        judge.validate(event)
    shown = [e["resources"][0].get("name", "") for e in found if "resources" in e]
    assert shown == list(names)


def test_the_schema_refuses_what_is_not_ocsf(observed: ReportSource, judge: Any) -> None:
    event = events(observed)[0]
    for broken in (
        {**event, "severity_id": 42},
        {name: value for name, value in event.items() if name != "finding_info"},
        {**event, "colour": "red"},
    ):
        assert not judge.is_valid(broken)


def test_what_yields_to_another_finding_fails_and_is_suppressed_and_is_no_exception(
    make_observation: Any, make_source: Any, make_framework: Any, judge: Any
) -> None:
    yields = make_observation(1, status="suppressed")
    yields["finding"]["yields_to"] = "fnd_01M8KRVZZ7V49GFG8TEZ0XQVS4"
    source = make_source(framework=make_framework(), observations=[yields])
    event = next(event for event in events(source) if "resources" in event)
    judge.validate(event)
    assert (event["compliance"]["status"], event["status"]) == ("Fail", "Suppressed")
    assert "exception" not in event["unmapped"]
    assert compliance.build(source).document["exceptions"]["total"] == 0
