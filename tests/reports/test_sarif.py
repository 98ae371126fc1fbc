"""SARIF as GitHub's code scanning takes it: rules, results, fingerprints that stay."""

from __future__ import annotations

import re
import shlex
from typing import Any

import orjson
import pytest
from tests.reports.conftest import HOSTILE, Json, finding

from cloudsealed.findings.model import fingerprint
from cloudsealed.reports import sarif as module
from cloudsealed.reports.sarif import sarif

ENDED = "2026-11-20T09:12:44.823Z"
AUDIT = {
    "id": "aud_1",
    "started_at": "2026-11-20T09:00:00.000Z",
    "finished_at": ENDED,
    "coverage": 1.0,
    "verdict_digest": "d" * 64,
    "scope": None,
    "policies": None,
    "accounts": [{"account": "210987654321"}, {"account": None}, {"account": "123456789012"}],
}


def found(number: int = 1, **given: Any) -> Json:
    plain = {"description": "Why.", "classified_by": None, "yields_to": None}
    return finding(number, **{**plain, **given})


def run_of(*findings: Json, said: Json | None = None, **audit: Any) -> Json:
    log = orjson.loads(sarif({**AUDIT, **audit}, list(findings), said or {}))
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    return run


def test_a_finding_is_a_result_of_its_policys_rule_at_its_resources_place() -> None:
    run = run_of(found(1), found(2, policy="a-first", severity="low"))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["a-first", "aws-ec2-sg-ssh-open"]
    worst, other = run["results"]
    assert (worst["ruleId"], worst["ruleIndex"], worst["level"]) == (rules[1]["id"], 1, "error")
    assert (other["ruleId"], other["ruleIndex"], other["level"]) == ("a-first", 0, "note")
    [place] = worst["locations"]
    uri = place["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "aws/123456789012/eu-west-1/aws.ec2.security_group/security-group/web-1"
    assert place["physicalLocation"]["region"] == {"startLine": 1}


def test_an_alert_stays_whatever_the_finding_and_its_resource_are_called_today() -> None:
    before, after = found(1), found(1, title="Renamed", severity="low", id="fnd_other")
    after["resource"] = {**before["resource"], "name": "renamed", "id": "res_other"}
    [first] = run_of(before)["results"]
    [second] = run_of(after)["results"]
    paths = [r["locations"][0]["physicalLocation"] for r in (first, second)]
    assert paths[0] == paths[1]
    own = fingerprint(
        policy_key="aws-ec2-sg-ssh-open",
        provider="aws",
        account="123456789012",
        region="eu-west-1",
        native_id=before["resource"]["native_id"],
    )
    assert first["partialFingerprints"] == second["partialFingerprints"]
    assert first["partialFingerprints"]["cloudsealedFinding/v1"] == own
    assert re.fullmatch(r"[0-9a-f]{16}:1", first["partialFingerprints"]["primaryLocationLineHash"])


@pytest.mark.parametrize(
    ("severity", "level", "score", "problem"),
    [
        ("critical", "error", "9.5", "error"),
        ("high", "error", "8.0", "error"),
        ("medium", "warning", "5.5", "warning"),
        ("low", "note", "2.0", "recommendation"),
        ("info", "note", "0.1", "recommendation"),
    ],
)
def test_a_rule_is_as_severe_as_the_worst_that_it_found(
    severity: str, level: str, score: str, problem: str
) -> None:
    [rule] = run_of(found(1, severity="info"), found(2, severity=severity))["tool"]["driver"][
        "rules"
    ]
    assert rule["defaultConfiguration"] == {"level": level}
    assert rule["properties"]["security-severity"] == score
    assert rule["properties"]["problem.severity"] == problem


def test_only_security_has_a_score_of_security() -> None:
    [rule] = run_of(found(dimension="cost"))["tool"]["driver"]["rules"]
    assert "security-severity" not in rule["properties"]
    assert rule["properties"]["tags"] == ["cost", "cis-aws-5.0/5.3"]


def test_the_help_says_how_it_is_cured() -> None:
    said = {"title": "SSH is open", "references": ["https://example.com/why", "A book"]}
    [rule] = run_of(found(), said={"aws-ec2-sg-ssh-open": said})["tool"]["driver"]["rules"]
    assert rule["shortDescription"]["text"] == "SSH is open"
    assert rule["helpUri"] == "https://example.com/why"
    for part in ("How to fix it", "```sh\naws ec2 revoke", "```hcl\n", "A book"):
        assert part in rule["help"]["markdown"]


def test_the_help_says_what_a_remediation_takes_away_and_what_comes_first() -> None:
    careful = {"summary": "Close it.", "caution": "Cuts off.", "first": "aws one", "cli": "aws two"}
    [rule] = run_of(found(remediation=careful))["tool"]["driver"]["rules"]
    told = rule["help"]["markdown"]
    places = [told.index(part) for part in ("Close it", "**Caution:** Cuts", "aws one", "aws two")]
    assert places == sorted(places)


def test_what_somebody_accepted_or_a_policy_suppresses_is_suppressed_with_its_reason() -> None:
    triage = {"state": "accepted_risk", "note": "a bastion", "expires_at": "2027-01-01T00:00:00Z"}
    over = {**triage, "expires_at": "2026-01-01T00:00:00Z"}
    results = run_of(
        found(1, triage=triage),
        found(2, triage=over),
        found(3, status="suppressed", classified_by={"key": "tests-do-not-count"}),
        found(4, status="suppressed", yields_to="fnd_9"),
        found(5),
    )["results"]
    reasons = [[each["justification"] for each in r.get("suppressions", ())] for r in results]
    assert reasons == [
        ["a bastion (until 2027-01-01T00:00:00Z)"],
        [],
        ["Suppressed by tests-do-not-count"],
        ["Another finding says it: fnd_9"],
        [],
    ]


@pytest.mark.parametrize("name", [*HOSTILE, "../../x", "a//b", "."])
def test_a_name_is_text_and_a_place(name: str) -> None:
    [result] = run_of(found(name=name, title=f"{name} [x](javascript:y) {{0}}"))["results"]
    text = result["message"]["text"]
    assert all(line.isprintable() for line in text.split("\n"))
    assert r"\[x\](javascript:y) {{0}}" in text
    [place] = result["locations"]
    uri = place["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"[A-Za-z0-9._~%/-]+", uri)
    steps = uri.split("/")
    assert all(steps)
    assert {".", ".."}.isdisjoint(steps)


def test_audits_of_other_accounts_and_scopes_do_not_replace_each_other() -> None:
    def category(**audit: Any) -> str:
        return str(run_of(**audit)["automationDetails"]["id"])

    one, two = ({"regions": [region]} for region in ("eu-west-1", "us-east-1"))
    assert category() == "cloudsealed/123456789012+210987654321/"
    alone = [{"account": "123456789012"}]
    others = [{}, {"accounts": alone}, {"scope": one}, {"scope": two}, {"policies": ["a"]}]
    found = [category(**audit) for audit in others]
    assert len(set(found)) == len(found)
    assert found == [category(**audit) for audit in others]
    assert all(each.endswith("/") for each in found)


def test_what_was_not_read_and_what_is_left_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "toolExecutionNotifications" not in run_of(found())["invocations"][0]
    monkeypatch.setattr(module, "MOST", 1)
    run = run_of(found(1, severity="low"), found(2), coverage=0.29)
    assert [each["level"] for each in run["results"]] == ["error"]
    texts = [n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"]]
    assert texts == [
        "Coverage is 29.0%: nothing is said of what could not be read.",
        "1 findings are left out, none worse than those here.",
    ]


def test_a_result_has_the_commands_of_its_own_resource_and_a_rule_the_policys() -> None:
    remedy = {
        "summary": "Close it.",
        "first": "aws ec2 describe-security-groups --group-ids <GROUP_ID> --query 'x[0]'",
        "cli": "aws ec2 delete-security-group --group-id <GROUP_ID>",
        "terraform": 'security_group_id = "<GROUP_ID>"',
    }
    run = run_of(
        *(found(n, name=f"sg-{n}", title="It is open", remediation=remedy) for n in (1, 2))
    )
    for number, result in enumerate(run["results"], start=1):
        commands = result["properties"]["remediation"]
        assert commands == {
            "first": f"aws ec2 describe-security-groups --group-ids sg-{number} --query 'x[0]'"
            " --region eu-west-1",
            "cli": f"aws ec2 delete-security-group --group-id sg-{number} --region eu-west-1",
            "terraform": f'security_group_id = "sg-{number}"',
        }
        escaped = commands["first"].replace("[0]", r"\[0\]")
        text = f"It is open\n\nRun first:\n{escaped}\n\nTo fix it:\n{commands['cli']}"
        assert result["message"]["text"] == text
    [rule] = run["tool"]["driver"]["rules"]
    assert remedy["cli"] in rule["help"]["markdown"]


@pytest.mark.parametrize("name", ["$(touch x)", "a\nb", '"; x', "${x}", "--profile"])
def test_no_name_adds_to_the_commands_of_a_result(name: str) -> None:
    remedy = {"summary": "Close it.", "cli": "run <GROUP_ID>", "terraform": 'x = "<GROUP_ID>"'}
    [result] = run_of(found(name=name, remediation=remedy))["results"]
    commands = result["properties"]["remediation"]
    assert commands["cli"] in ("run <GROUP_ID>", f"run {shlex.quote(name)}")
    hcl = name.replace('"', r"\"").replace("${", "$${")
    assert commands["terraform"] in ('x = "<GROUP_ID>"', f'x = "{hcl}"')
