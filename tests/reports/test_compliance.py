from __future__ import annotations

import io
import re
from typing import Any

import orjson
import pypdf
import pytest

from cloudsealed.reports.kinds import compliance
from cloudsealed.reports.model import Built, Document, ReportSource
from cloudsealed.reports.render import render_pdf

SSH, ROOT, RDS = "aws-ec2-sg-ssh-open", "aws-iam-root-access-key", "aws-rds-encrypted"


@pytest.fixture(name="five_states")
def five_states_fixture(
    make_observation: Any, make_policy: Any, make_source: Any, make_framework: Any
) -> ReportSource:
    """A framework with a control of each state, and what its policies saw."""
    served = {ROOT: "1.4", RDS: "2.2", SSH: "5.3"}

    def seen(number: int, outcome: str, key: str, **given: Any) -> Any:
        controls = [{"framework": "cis-aws-5.0", "control": served[key]}]
        return make_observation(number, outcome, policy=key, controls=controls, **given)

    accepted = {
        "state": "accepted_risk",
        "note": "A honeypot",
        "assignee": None,
        "updated_by": "Ada Auditor",
        "updated_at": "2026-11-01T00:00:00.000Z",
        "expires_at": "2027-01-01T00:00:00.000Z",
    }
    observations = [
        seen(1, "fail", SSH),
        seen(2, "fail", SSH, triage=accepted),
        seen(3, "pass", SSH),
        seen(4, "not_applicable", SSH),
        seen(5, "pass", ROOT),
        seen(6, "unknown", RDS),
        seen(7, "pass", RDS),
    ]
    policies = {
        SSH: make_policy(SSH, **{"fail": 2, "pass": 1, "not_applicable": 1}),
        ROOT: make_policy(ROOT, **{"pass": 1}),
        RDS: make_policy(RDS, **{"unknown": 1, "pass": 1}),
    }
    found: ReportSource = make_source(
        framework=make_framework(), observations=observations, policies=policies
    )
    return found


def built(source: ReportSource, **filters: tuple[str, ...]) -> Built:
    return compliance.build(source, filters)


def whole(made: Built) -> Document:
    document: Document = orjson.loads(b"".join(made.files["json"]))
    return document


def test_every_control_says_how_it_stands_and_who_may_vouch_for_it(
    five_states: ReportSource,
) -> None:
    document = built(five_states).document
    controls = {control["id"]: control for control in document["controls"]}
    assert document["summary"] == {
        "passing": 1,
        "failing": 1,
        "unknown": 1,
        "manual": 1,
        "not_assessed": 1,
    }
    assert list(controls) == ["1.1", "1.4", "2.2", "4.16", "5.3"]
    vouching = {ident: control["vouched_by"] for ident, control in controls.items()}
    assert vouching == {
        "1.1": "person",
        "1.4": "policies",
        "2.2": "policies",
        "4.16": "person",
        "5.3": "policies",
    }
    assert controls["5.3"]["counts"] == {"fail": 2, "pass": 1, "unknown": 0, "not_applicable": 1}
    assert "person has to attest" in controls["1.1"]["statement"]
    assert "says nothing" in controls["4.16"]["statement"]
    assert document["findings"] == {"open": 2, "resolved": 0, "suppressed": 0}
    assert document["audit"]["verdict_digest"] == "5f" * 32
    assert document["seal"]["root"] == "a1" * 32


def test_a_control_that_its_policies_could_not_judge_says_why(
    make_framework: Any, make_policy: Any, make_source: Any
) -> None:
    framework = make_framework()
    framework["controls"][3]["policies"] = [SSH]
    unused = built(make_source(framework=framework)).document["controls"][3]
    assert "were not part of the audit" in unused["statement"]
    nothing = built(make_source(framework=framework, policies={SSH: make_policy(SSH)})).document
    assert (
        "nothing that the policies of this control apply to"
        in (nothing["controls"][3]["statement"])
    )


def test_a_policy_shows_what_it_saw_with_the_answers_behind_it(five_states: ReportSource) -> None:
    shown = built(five_states).document["policies"][SSH]
    assert (shown["version"], shown["controls"]) == (3, ["5.3"])
    assert len(shown["digest"]) == 64
    failing = shown["samples"]["fail"]
    assert [len(shown["samples"][name]) for name in ("fail", "unknown", "pass")] == [2, 0, 1]
    assert failing[0]["evidence"] == [{"path": "IpPermissions[0]", "value": "0.0.0.0/0"}]
    assert failing[0]["answers"][0]["operation"] == "DescribeSecurityGroups"
    assert len(failing[0]["answers"][0]["sha256"]) == len(failing[0]["snapshot"]) == 64
    unread = built(five_states).document["policies"][RDS]["samples"]["unknown"]
    assert unread[0]["reasons"] == ["rds:DescribeDBInstances denied (eu-west-1)"]


def test_the_sample_is_capped_the_worst_first_then_by_fingerprint_and_the_json_has_everything(
    make_observation: Any, make_source: Any, make_framework: Any, make_policy: Any
) -> None:
    many = [
        make_observation(n, "fail", severity="critical" if n == 300 else "low") for n in range(400)
    ]
    source = make_source(
        framework=make_framework(), observations=many, policies={SSH: make_policy(SSH, fail=400)}
    )
    made = built(source)
    sample = made.document["policies"][SSH]["samples"]["fail"]
    assert len(sample) == compliance.SAMPLED["fail"]
    names = [item["resource"]["name"] for item in sample]
    lowest = sorted((o for o in many if o["severity"] == "low"), key=lambda o: o["fingerprint"])
    assert names == ["web-300", *(o["resource"]["name"] for o in lowest[:9])]
    assert len(whole(made)["observations"]) == 400


def test_what_somebody_accepted_is_an_exception_with_reason_person_and_end(
    five_states: ReportSource,
) -> None:
    exceptions = built(five_states).document["exceptions"]
    assert exceptions["total"] == 1
    (shown,) = exceptions["shown"]
    assert (shown["kind"], shown["by"], shown["reason"]) == (
        "accepted_risk",
        "Ada Auditor",
        "A honeypot",
    )
    assert (shown["until"], shown["over"]) == ("2027-01-01T00:00:00.000Z", False)
    assert (shown["person"], shown["at"]) == ("Ada Auditor", "2026-11-01T00:00:00.000Z")
    assert shown["controls"] == ["5.3"]


def test_what_a_classification_leaves_out_is_an_exception_with_its_reason(
    make_observation: Any, make_source: Any, make_framework: Any
) -> None:
    rule = {"key": "sandboxes", "version": 2}
    spec = {"reason": "Sandboxes are emptied", "expires_at": "2026-11-01T00:00:00.000Z"}
    written = {"written_by": "Ada Auditor", "written_at": "2026-10-02T08:00:00.000Z"}
    said = {**rule, "counts": {}, "spec": spec, **written}
    left_out = make_observation(1, status="suppressed", suppressed=True, classified_by=rule)
    source = make_source(
        framework=make_framework(), observations=[left_out], policies={"sandboxes": said}
    )
    document = built(source).document
    (shown,) = document["exceptions"]["shown"]
    assert (shown["kind"], shown["by"], shown["over"]) == ("classification", "sandboxes", True)
    assert shown["reason"] == "Sandboxes are emptied"
    assert (shown["person"], shown["at"]) == ("Ada Auditor", "2026-10-02T08:00:00.000Z")
    assert document["findings"] == {"open": 0, "resolved": 0, "suppressed": 1}


def exceptions_of(source: ReportSource) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = built(source).document["exceptions"]["shown"]
    return shown


def test_an_exception_has_the_end_of_the_classification_as_it_stands_now(
    make_observation: Any, make_source: Any, make_framework: Any
) -> None:
    judged = {"key": "sandboxes", "version": 1, "counts": {}, "spec": {"expires_at": None}}
    now = {"key": "sandboxes", "version": 2}
    changed = {"reason": "Until the move", "expires_at": "2026-12-31T00:00:00.000Z"}
    versions = {("sandboxes", 2): changed}
    left_out = make_observation(1, status="suppressed")
    left_out["finding"]["classified_by"] = now
    source = make_source(
        framework=make_framework(),
        observations=[left_out],
        policies={"sandboxes": judged},
        classification=lambda key, version: versions.get((key, version), {}),
    )
    (shown,) = exceptions_of(source)
    assert (shown["reason"], shown["until"]) == ("Until the move", "2026-12-31T00:00:00.000Z")


@pytest.mark.parametrize(
    ("accepted_until", "classified_until", "kind"),
    [
        ("2027-01-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z", "accepted_risk"),
        ("2026-12-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z", "classification"),
        ("2026-12-01T00:00:00.000Z", None, "classification"),
        (None, "2027-01-01T00:00:00.000Z", "accepted_risk"),
        (None, None, "accepted_risk"),
    ],
)
def test_of_two_reasons_for_an_exception_the_one_that_lasts_is_shown(
    accepted_until: str | None,
    classified_until: str | None,
    kind: str,
    make_observation: Any,
    make_source: Any,
    make_framework: Any,
) -> None:
    rule = {"key": "sandboxes", "version": 2}
    said = {**rule, "counts": {}, "spec": {"reason": "No", "expires_at": classified_until}}
    triage = {
        "state": "accepted_risk",
        "note": "A honeypot",
        "updated_by": "Ada",
        "updated_at": "2026-11-01T00:00:00.000Z",
        "expires_at": accepted_until,
    }
    both = make_observation(1, status="suppressed", triage=triage)
    both["finding"]["classified_by"] = rule
    source = make_source(
        framework=make_framework(), observations=[both], policies={"sandboxes": said}
    )
    (shown,) = exceptions_of(source)
    lasting = {"accepted_risk": accepted_until, "classification": classified_until}
    assert (shown["kind"], shown["until"], shown["over"]) == (kind, lasting[kind], False)


def test_the_evidence_says_from_where_and_of_when_it_is(
    make_source: Any, make_framework: Any
) -> None:
    collected = {
        "services": ("ec2", "s3"),
        "first_call_at": "2026-11-20T09:00:01.000Z",
        "last_call_at": "2026-11-20T09:11:59.000Z",
    }
    document = built(make_source(framework=make_framework(), collected=collected)).document
    assert document["audit"]["aliases"] == {"210987654321": "acme-sandbox"}
    assert document["collected"]["places"][1] == {
        "account": "210987654321",
        "alias": "acme-sandbox",
        "regions": ["eu-west-1", "us-east-1"],
        "left_out": ["sa-east-1"],
    }
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(document)))
    text = re.sub(r"\s+", "", "\n".join(page.extract_text() for page in reader.pages))
    facts = (
        "from 2026-11-20 09:00:01 UTC to 2026-11-20 09:11:59 UTC",
        "ec2, s3",
        "acme-sandbox (210987654321)",
        "eu-west-1, us-east-1",
        "sa-east-1",
    )
    assert [fact for fact in facts if fact.replace(" ", "") not in text] == []


def test_the_json_is_the_document_and_every_observation(five_states: ReportSource) -> None:
    made = built(five_states)
    document = whole(made)
    assert document.pop("observations") == list(five_states.observations)
    assert document == made.document


def test_filters_narrow_the_observations_and_leave_the_controls(five_states: ReportSource) -> None:
    made = built(five_states, policy=(ROOT,))
    assert [o["policy"]["key"] for o in whole(made)["observations"]] == [ROOT]
    assert made.document["policies"][SSH]["samples"]["fail"] == []
    assert made.document["summary"]["failing"] == 1
    lines = b"".join(made.files["ocsf"]).splitlines()
    judged = [e for e in map(orjson.loads, lines) if "resources" in e]
    assert [event["compliance"]["control"] for event in judged] == ["1.4"]


def test_evidence_without_a_framework_is_refused(make_source: Any) -> None:
    with pytest.raises(ValueError, match="needs a framework"):
        compliance.build(make_source())


@pytest.mark.parametrize("name", ["json", "oscal", "ocsf"])
def test_the_same_audit_gives_the_same_bytes(name: str, five_states: ReportSource) -> None:
    files = [b"".join(built(five_states).files[name]) for _ in range(2)]
    assert files[0] == files[1]


def test_the_pdf_shows_every_state_and_lines_for_who_attests(five_states: ReportSource) -> None:
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(built(five_states).document)))
    text = re.sub(r"\s+", "", "\n".join(page.extract_text() for page in reader.pages))
    facts = (
        "Not judged by this audit",
        "Exceptions",
        "A honeypot",
        "Ada Auditor",
        "2027-01-01 00:00 UTC",
        "1 Identity",
        "Other controls",
        "2 of 3 verdicts fail",
        "DescribeSecurityGroups",
        "there is none",
        "rds:DescribeDBInstances denied",
    )
    assert [fact for fact in facts if fact.replace(" ", "") not in text] == []
    assert text.count("Signature") == 2


def test_a_control_in_the_list_leads_to_its_evidence(five_states: ReportSource) -> None:
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(built(five_states).document)))
    links = [
        annotation.get_object() for page in reader.pages for annotation in page.get("/Annots", [])
    ]
    assert len([link for link in links if link["/Subtype"] == "/Link"]) >= 5
