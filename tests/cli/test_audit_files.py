"""`cloudsealed audit aws` in CI: policies, accepted risks and a framework in, reports out."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.test_audit import SMALL
from tests.program import program

from cloudsealed.testing.emulator import Emulator

POLICY = """key: queues-have-owners
title: Queues have owners
dimension: compliance
severity: critical
resource_types: [aws.sqs.queue]
fail_when: tag(resource, 'owner') == null
message: "Queue {resource.QueueName} has no owner"
controls: [{framework: cis-aws-5.0, control: "2.1.4"}]
"""
ACCEPTED = """exceptions:
  - policy: queues-have-owners
    resource: "*"
    reason: they get owners next year
    expires_at: 2099-12-31
  - policy: queues-have-owners
    resource: nosuch
    reason: none
    expires_at: 2099-12-31
"""
NAMES = ("report.html", "r.csv", "r.jsonl", "r.json", "r.sarif", "r.ocsf.jsonl", "r.pdf")


@dataclass(frozen=True)
class Audited:
    """A folder in which an audit has run, and how that ended."""

    folder: Path
    done: subprocess.CompletedProcess[str]
    run: Callable[..., subprocess.CompletedProcess[str]]

    def lines(self, name: str) -> list[dict]:
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory, estate: Emulator) -> Audited:
    folder = tmp_path_factory.mktemp("ci")
    (folder / "policies").mkdir()
    (folder / "policies" / "own.yaml").write_text(POLICY)
    (folder / "accepted.yaml").write_text(ACCEPTED)
    plain = {"PATH": os.environ["PATH"], "HOME": str(folder), "COLUMNS": "100"}

    def run(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
        return program().run(*arguments, folder=folder, environment={**plain, **given})

    files = ("--policy", "policies", "--exceptions", "accepted.yaml")
    outputs = ("--output", ",".join(NAMES[:3]), *(o for n in NAMES[3:] for o in ("--output", n)))
    done = run("audit", "aws", *SMALL, *files, *outputs, **estate.environment())
    return Audited(folder, done, run)


def test_it_writes_every_file_and_says_how_to_see_the_rest(audited: Audited) -> None:
    assert audited.done.returncode == 0, audited.done.stderr
    for name in NAMES:
        assert (audited.folder / name).stat().st_size > 100
        assert str(audited.folder / name) in audited.done.stdout
    for command in ("cloudsealed findings list", "cloudsealed serve"):
        assert command in audited.done.stdout
    assert not list(audited.folder.glob(".r*"))


def test_a_policy_of_a_file_judges_and_what_a_file_accepts_is_told(audited: Audited) -> None:
    own = [f for f in audited.lines("r.jsonl") if f["policy"]["key"] == "queues-have-owners"]
    assert own
    assert {f["title"].partition(" ")[0] for f in own} == {"Queue"}
    for found in own:
        assert found["triage"]["state"] == "accepted_risk"
        assert found["triage"]["note"] == "they get owners next year"
        assert found["triage"]["updated_by"] == "accepted.yaml"
    assert f"Accepted risks {len(own)}" in audited.done.stdout
    told = "accepted.yaml:6: queues-have-owners on nosuch is about no finding of this audit"
    assert told in audited.done.stderr


def test_each_format_tells_the_same_findings(audited: Audited) -> None:
    findings = {f["id"]: f for f in audited.lines("r.jsonl")}
    with (audited.folder / "r.csv").open(encoding="utf-8-sig") as file:
        assert {row["id"] for row in csv.DictReader(file)} == findings.keys()
    whole = json.loads((audited.folder / "r.json").read_text())
    assert {f["id"] for f in whole["findings"]} == findings.keys()
    [run] = json.loads((audited.folder / "r.sarif").read_text())["runs"]
    assert {r["properties"]["findingId"] for r in run["results"]} == findings.keys()
    accepted = [f for f in findings.values() if f["triage"]]
    reasons = [s["justification"] for r in run["results"] for s in r.get("suppressions", ())]
    assert sum("next year" in reason for reason in reasons) == len(accepted)
    page = (audited.folder / "report.html").read_text()
    assert page.count("<li data-s=") == len(findings)
    assert (audited.folder / "r.pdf").read_bytes().startswith(b"%PDF-")


def test_ocsf_without_a_framework_has_every_verdict_with_what_was_accepted(
    audited: Audited,
) -> None:
    events = audited.lines("r.ocsf.jsonl")
    outcomes = [event["compliance"]["status"] for event in events]
    assert outcomes.count("Fail") == len(audited.lines("r.jsonl"))
    assert outcomes.count("Pass")
    own = [e for e in events if e["compliance"]["control"] == "queues-have-owners"]
    assert {e["status"] for e in own if e["compliance"]["status"] == "Fail"} == {"Suppressed"}


def test_findings_are_read_without_a_server(audited: Audited) -> None:
    done = audited.run("findings", "list", "policy=queues-have-owners")
    assert done.returncode == 0, done.stderr
    assert "queues-have-owners" in done.stdout
    wrong = audited.run("api", "GET", "/v1/findings?severity=urgent")
    assert wrong.returncode == 1
    assert "invalid_severity_filter" in wrong.stderr


def test_what_changes_something_needs_a_server(audited: Audited) -> None:
    done = audited.run("api", "POST", "/v1/audits", "-d", "{}")
    assert done.returncode == 1
    assert "needs a server" in done.stderr


def test_with_a_server_or_a_token_named_the_folder_is_not_read(audited: Audited) -> None:
    for name, value in (("CLOUDSEALED_URL", "http://127.0.0.1:9"), ("CS_TOKEN", "cspat_x")):
        done = audited.run("findings", "list", **{name: value, "CLOUDSEALED_DATA_DIR": "nowhere"})
        assert done.returncode == 1
        assert "queues-have-owners" not in done.stdout


def test_without_a_server_and_an_installation_it_says_both_and_makes_nothing(
    run: Run, tmp_path: Path
) -> None:
    done = run("findings", "list")
    assert done.returncode == 1
    assert "cloudsealed audit aws" in done.stderr
    assert "CLOUDSEALED_URL" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_policy_that_is_no_more_given_resolves_its_findings(
    audited: Audited, estate: Emulator
) -> None:
    listed = ("findings", "list", "policy=queues-have-owners", "status=open")
    assert "queues-have-owners" in audited.run(*listed).stdout
    done = audited.run("audit", "aws", *SMALL, "--json", **estate.environment())
    found = json.loads(done.stdout)["findings"]
    assert "queues-have-owners" not in {f["policy"]["key"] for f in found}
    assert "queues-have-owners" not in audited.run(*listed).stdout


def test_a_framework_judges_by_its_own_policies_and_evidence_is_of_its_controls(
    run: Run, estate: Emulator, tmp_path: Path
) -> None:
    options = ("--framework", "cis-aws-5.0", "--output", "r.ocsf,r.jsonl,out/r.html")
    done = run("audit", "aws", *SMALL, *options, **estate.environment())
    assert done.returncode == 0, done.stderr
    findings = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert findings
    for found in findings:
        assert "cis-aws-5.0" in {control["framework"] for control in found["controls"]}
    events = [json.loads(line) for line in (tmp_path / "r.ocsf").read_text().splitlines()]
    assert all("CIS" in event["compliance"]["standards"][0] for event in events)
    assert "Every control" in (tmp_path / "out" / "r.html").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--regions", "eu-west-9"), "there is no region 'eu-west-9'; did you mean 'eu-west-1'?"),
        (("--regions", "EU-WEST-1"), "did you mean 'eu-west-1'?"),
        (("--regions", "cn-north-1"), "cn-north-1 is not enabled in this account"),
        (("--regions", " , "), "--regions: names nothing"),
        (("--services", "S33"), "did you mean 's3'?"),
        (("--types", "s3.bucket"), "did you mean 'aws.s3.bucket'?"),
        (("--types", "aws.ec2.vpc", "--services", "s3"), "aws.ec2.vpc, whose service is ec2"),
        (("--framework", "cis-aws-5"), "did you mean 'cis-aws-5.0'?"),
        (("--output", "report.doc"), "names no format"),
        (("--output", "a.csv", "--output", "a.csv"), "is given twice"),
        (("--output", "file/a.csv"), "cannot be written"),
        (("--policy", "empty"), "empty has no file"),
        (("--exceptions", "wrong.yaml"), "wrong.yaml:2:13: exceptions[0].policy"),
        (("--policy", "wrong.yaml"), "wrong.yaml:1:1"),
        (("--quiet", "--verbose"), "goes without --verbose"),
    ],
)
def test_what_is_not_known_is_refused_with_the_nearest_before_anything_is_audited(
    run: Run, estate: Emulator, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "wrong.yaml").write_text("exceptions:\n  - policy: nosuch\n    resource: x\n")
    done = run("audit", "aws", *options, **estate.environment())
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Collecting" not in done.stderr
    assert not list(tmp_path.glob("a.csv"))


def test_where_the_account_does_not_say_its_regions_the_program_knows_some(
    run: Run, estate: Emulator
) -> None:
    estate.faults({"service": "ec2", "operation": "DescribeRegions", "kind": "access_denied"})
    try:
        done = run("audit", "aws", "--regions", "eu-west-9", **estate.environment())
    finally:
        estate.faults()
    assert done.returncode == 2
    assert "did you mean 'eu-west-1'?" in done.stderr


def test_little_coverage_is_told_and_fails_what_asks_to_fail(run: Run, estate: Emulator) -> None:
    lists = ("ListQueues", "ListBuckets")
    denied = [{"service": "*", "operation": name, "kind": "access_denied"} for name in lists]
    estate.faults(*denied)
    ask = ("--fail-on", "critical")
    try:
        asked = run("audit", "aws", *SMALL, *ask, **estate.environment())
        waived = run("audit", "aws", *SMALL, *ask, "--min-coverage", "0", **estate.environment())
    finally:
        estate.faults()
    assert [done.returncode for done in (asked, waived)] == [4, 0]
    for done in (asked, waived):
        assert "could be read: nothing is said of the rest" in done.stderr
    assert "which is below 50.0%" in asked.stderr


def test_quiet_says_only_why_it_fails_and_json_makes_records_of_all(
    run: Run, estate: Emulator
) -> None:
    quiet = run("audit", "aws", *SMALL, "--quiet", "--fail-on", "low", **estate.environment())
    assert quiet.returncode == 3
    assert quiet.stdout == ""
    [line] = quiet.stderr.splitlines()
    assert line.startswith("error --fail-on low:")
    asked = ("--log-format", "json", "--verbose", "--fail-on", "low")
    told = run("audit", "aws", *SMALL, *asked, **estate.environment())
    records = [json.loads(line) for line in told.stderr.splitlines()]
    messages = [record["message"] for record in records]
    assert "audit completed" in messages
    assert "sqs:ListQueues ok" in messages
    assert records[-1]["level"] == "ERROR"


def test_a_failed_audit_is_its_reason_and_no_other_line(run: Run) -> None:
    done = run("audit", "aws", AWS_EC2_METADATA_DISABLED="true")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "There are no AWS credentials" in line
