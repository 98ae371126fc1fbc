"""OSCAL, judged by the models that NIST's schema was turned into by compliance-trestle."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from cloudsealed.reports import oscal
from cloudsealed.reports.kinds import compliance
from cloudsealed.reports.model import ReportSource

models = pytest.importorskip("trestle.oscal.assessment_results", reason="trestle is not installed")


def results(source: ReportSource) -> dict[str, Any]:
    document = orjson.loads(b"".join(compliance.build(source).files["oscal"]))
    models.Model.model_validate(document)
    found: dict[str, Any] = document["assessment-results"]
    return found


@pytest.fixture(name="assessed")
def assessed_fixture(
    make_observation: Any, make_policy: Any, make_source: Any, make_framework: Any
) -> dict[str, Any]:
    triage = {
        "state": "false_positive",
        "note": "It *is* closed",
        "updated_at": "2026-10-05T09:00:00.000Z",
        "updated_by": "Ada",
        "expires_at": None,
    }
    observations = [
        make_observation(1),
        make_observation(2, "pass"),
        make_observation(3, region="us-east-1"),
        make_observation(4, policy="aws-s3-x", severity="low", triage=triage),
    ]
    policies = {key: make_policy(key) for key in ("aws-ec2-sg-ssh-open", "aws-s3-x")}
    framework = make_framework()
    framework["controls"][4]["policies"] = list(policies)
    return results(make_source(framework=framework, observations=observations, policies=policies))


def test_a_control_is_satisfied_not_satisfied_or_left_out_of_the_review(
    assessed: dict[str, Any],
) -> None:
    (result,) = assessed["results"]
    states = {f["target"]["target-id"]: f["target"]["status"] for f in result["findings"]}
    assert {ident: (s["state"], s["reason"]) for ident, s in states.items()} == {
        "_1.4": ("satisfied", "pass"),
        "_2.2": ("not-satisfied", "other"),
        "_5.3": ("not-satisfied", "fail"),
    }
    (selection,) = result["reviewed-controls"]["control-selections"]
    assert [c["control-id"] for c in selection["exclude-controls"]] == ["_1.1", "_4.16"]
    assert "a person has to attest it" in result["reviewed-controls"]["remarks"]


def test_an_observation_is_a_policy_in_a_place_with_its_resources_as_subjects(
    assessed: dict[str, Any],
) -> None:
    (result,) = assessed["results"]
    first = result["observations"][0]
    assert len(result["observations"]) == 3
    assert first["collected"] == "2026-11-20T09:01:00.000Z"
    items = {item["uuid"] for item in result["local-definitions"]["inventory-items"]}
    assert {s["subject-uuid"] for o in result["observations"] for s in o["subjects"]} == items
    props = {p["name"]: p for p in first["subjects"][0]["props"]}
    assert (props["result"]["value"], props["severity"]["value"]) == ("fail", "critical")
    assert len(props["answer-sha256"]["value"]) == len(props["snapshot-sha256"]["value"]) == 64
    assert props["answer-sha256"]["class"] == "ec2.DescribeSecurityGroups"


def test_what_refers_to_something_refers_to_what_is_there(assessed: dict[str, Any]) -> None:
    (result,) = assessed["results"]
    observed = {o["uuid"] for o in result["observations"]}
    risks = {r["uuid"] for r in result["risks"]}
    resources = {r["uuid"] for r in assessed["back-matter"]["resources"]}
    failing = next(f for f in result["findings"] if f["target"]["target-id"] == "_5.3")
    assert {o["observation-uuid"] for o in failing["related-observations"]} == observed
    assert {r["risk-uuid"] for r in failing["related-risks"]} == risks
    assert assessed["import-ap"]["href"].removeprefix("#") in resources
    tool = result["local-definitions"]["components"][0]["uuid"]
    assert first_actor(result["observations"][0]) == tool


def first_actor(observation: dict[str, Any]) -> Any:
    return observation["origins"][0]["actors"][0]["actor-uuid"]


def test_a_risk_that_was_accepted_wholly_is_an_approved_deviation(assessed: dict[str, Any]) -> None:
    (result,) = assessed["results"]
    states = {r["props"][0]["value"]: r["status"] for r in result["risks"]}
    assert states == {"aws-ec2-sg-ssh-open": "open", "aws-s3-x": "deviation-approved"}
    accepted = result["observations"][-1]["subjects"][0]["remarks"]
    assert "by Ada on 2026-10-05 until further notice: It \\*is\\* closed" in accepted


def test_the_seal_is_in_the_back_matter_with_its_digest(
    make_framework: Any, make_source: Any
) -> None:
    seal = {"root": "a1" * 32, "sequence": 7, "key_id": "k", "digest": "b2" * 32}
    found = results(make_source(framework=make_framework(), seal=seal))
    sealed = next(r for r in found["back-matter"]["resources"] if r["title"].startswith("Seal"))
    (link,) = sealed["rlinks"]
    assert link["hashes"] == [{"algorithm": "SHA-256", "value": "b2" * 32}]
    assert link["href"].endswith("/seal")


def test_an_empty_framework_and_an_audit_without_seal_are_whole(
    make_framework: Any, make_source: Any
) -> None:
    empty = {**make_framework(), "controls": []}
    audit = {"coverage": None, "verdict_digest": None}
    (result,) = results(make_source(framework=empty, seal=None, audit=audit))["results"]
    assert not {"findings", "observations", "risks"} & result.keys()


def test_hostile_names_are_values_that_no_reader_takes_for_markup(
    hostile_names: Any,
    make_observation: Any,
    make_policy: Any,
    make_source: Any,
    make_framework: Any,
) -> None:
    names = (*hostile_names, " ends in a blank ", "two\nlines", "\u2028", " ", "x" * 5_000)
    framework = make_framework()
    for control, name in zip(framework["controls"], names, strict=False):
        control["title"] = name
    observations = [
        make_observation(n, name=name, title=name, region=f"r-{n}") for n, name in enumerate(names)
    ]
    policies = {"aws-ec2-sg-ssh-open": make_policy("aws-ec2-sg-ssh-open", title=names[2])}
    found = results(
        make_source(
            framework=framework, observations=observations, policies=policies, tenant=names[3]
        )
    )
    (result,) = found["results"]
    titles = [o["title"] for o in result["observations"]]
    assert titles[0].startswith("\\<script\\>")
    items = result["local-definitions"]["inventory-items"]
    values = {p["value"] for item in items for p in item["props"] if p["name"] == "name"}
    assert {"ends in a blank", "two[U+000A]lines", "a[U+202E]b", names[0]} <= values


def test_the_models_refuse_what_is_not_oscal(make_framework: Any, make_source: Any) -> None:
    pieces = compliance.build(make_source(framework=make_framework())).files["oscal"]
    found = orjson.loads(b"".join(pieces))
    found["assessment-results"]["results"][0]["start"] = "yesterday"
    with pytest.raises(ValueError, match="start"):
        models.Model.model_validate(found)


@pytest.mark.parametrize(
    ("value", "shown"), [(" a ", "a"), ("a\nb", "a[U+000A]b"), ("", "[U+0020]"), ("  ", "[U+0020]")]
)
def test_a_value_is_one_line_without_blanks_around_it(value: str, shown: str) -> None:
    assert oscal.line(value) == shown
