"""Plain data that reports are made from, as the nouns would hand it over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudsealed.kit.canonical import sha256
from cloudsealed.reports.model import ReportSource
from cloudsealed.storage.blobs import DiskBlobs
from cloudsealed.storage.database import SqliteDatabase

Json = dict[str, Any]
MakeFinding = Callable[..., Json]
MakeSource = Callable[..., ReportSource]

AUDIT = "aud_01JD0000000000000000000000"
HOSTILE = (
    '#read("/etc/passwd")',
    '#panic("no")',
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '#link("file:///etc/passwd")[x]',
    "@label <ref>",
    "\\u{48}",
    "$ sqrt(x) $ *bold* _it_ `raw` = Heading",
    "a\u202eb",
    "nul\x00bel\x07",
    "バケット",
    "=cmd|' /C calc'!A1",
    "-> != ===",
)


def finding(number: int = 1, **given: Any) -> Json:
    key = given.pop("policy", "aws-ec2-sg-ssh-open")
    name = given.pop("name", f"web-{number}")
    resource = {
        "id": f"res_{number:026d}",
        "type": "aws.ec2.security_group",
        "native_id": f"arn:aws:ec2:eu-west-1:123456789012:security-group/{name}",
        "name": name,
        "provider": "aws",
        "account": given.pop("account", "123456789012"),
        "region": given.pop("region", "eu-west-1"),
    }
    return {
        "id": f"fnd_{number:026d}",
        "object": "finding",
        "status": "open",
        "severity": "critical",
        "dimension": "security",
        "title": f"Security group {name} lets the internet reach SSH",
        "policy": {"id": "pol_" + key.upper().replace("-", "")[:26], "key": key, "version": 3},
        "resource": resource,
        "evidence": [{"path": "IpPermissions[0]", "value": "0.0.0.0/0"}],
        "remediation": {
            "summary": "Allow SSH only from the networks that need it.",
            "cli": "aws ec2 revoke-security-group-ingress --group-id <GROUP_ID> --protocol tcp "
            "--port 22 --cidr 0.0.0.0/0",
            "terraform": 'resource "aws_vpc_security_group_ingress_rule" "ssh" {\n'
            '  cidr_ipv4 = "10.0.0.0/8"\n  from_port = 22\n}',
            "effort": "low",
        },
        "controls": [{"framework": "cis-aws-5.0", "control": "5.3"}],
        "monthly_savings": None,
        "triage": None,
        "resolution": None,
        "first_seen_at": "2026-10-02T08:00:00.000Z",
        **given,
    }


def observation(number: int = 1, outcome: str = "fail", **given: Any) -> Json:
    """Return what a policy said of a resource; one that fails has the finding of that number."""
    found = finding(
        number,
        **{
            k: given.pop(k)
            for k in (
                "policy",
                "name",
                "status",
                "title",
                "severity",
                "triage",
                "account",
                "region",
                "controls",
            )
            if k in given
        },
    )
    return observation_of(found, outcome) | given


def observation_of(found: Json, outcome: str = "fail") -> Json:
    failing = outcome == "fail"
    resource = {name: value for name, value in found["resource"].items() if name != "id"}
    denied = {
        "kind": "call",
        "service": "rds",
        "operation": "DescribeDBInstances",
        "region": "eu-west-1",
        "outcome": "denied",
    }
    answer = {
        "service": "ec2",
        "operation": "DescribeSecurityGroups",
        "region": "eu-west-1",
        "outcome": "ok",
        "called_at": "2026-11-20T09:01:02.345Z",
        "sha256": sha256(found["id"].encode()),
    }
    public = {
        "id": found["id"],
        "status": found["status"],
        "triage": found["triage"],
        "first_seen_at": found["first_seen_at"],
        "classified_by": None,
    }
    return {
        "object": "observation",
        "policy": found["policy"],
        "dimension": found["dimension"],
        "resource": resource,
        "controls": found["controls"],
        "outcome": outcome,
        "severity": found["severity"],
        "title": found["title"] if failing else None,
        "evidence": found["evidence"] if failing else [],
        "reasons": [denied] if outcome == "unknown" else [],
        "suppressed": False,
        "classified_by": None,
        "fingerprint": sha256(f"{found['policy']['key']} {resource['native_id']}".encode()),
        "snapshot": sha256(resource["native_id"].encode()),
        "observed_at": "2026-11-20T09:01:00.000Z",
        "answers": [answer, {**answer, "operation": "DescribeVpcs", "sha256": None}],
        "finding": public if failing else None,
    }


def policy(key: str, *, title: str | None = None, **counts: int) -> Json:
    """Return what a policy says, and how many resources had each outcome."""
    outcomes = {"fail": 0, "pass": 0, "unknown": 0, "not_applicable": 0, "unread": 0}
    return {
        "id": "pol_1",
        "key": key,
        "version": 3,
        "kind": "check",
        "digest": sha256(key.encode()),
        "spec": {
            "title": title or f"What {key} looks for",
            "description": "Why it matters.",
            "severity": "critical",
            "dimension": "security",
            "remediation": {"summary": "Repair it.", "effort": "low"},
            "references": ["https://example.com/why"],
        },
        "counts": outcomes | counts,
    }


def source(findings: Iterable[Json] = (), **given: Any) -> ReportSource:
    if "framework" in given and "observations" not in given:
        findings = list(findings)
        given["observations"] = [observation_of(each) for each in findings]
    judged = {"score": 61, "fail": 12, "pass": 340, "unknown": 7}
    audit = {
        "id": AUDIT,
        "kind": "live",
        "status": "completed",
        "created_at": "2026-11-20T09:00:00.000Z",
        "finished_at": "2026-11-20T09:12:44.823Z",
        "coverage": 0.974,
        "verdicts": {
            "given": 974,
            "possible": 1_000,
            "unread": 26,
            "forbidden": 3,
            "out_of_scope": 1,
        },
        "dimensions": {
            "security": judged,
            "cost": {**judged, "score": 88},
            "architecture": {**judged, "score": None},
            "compliance": {**judged, "score": 100},
        },
        "verdict_digest": "5f" * 32,
        "accounts": [
            {
                "connection_id": "con_1",
                "account": "210987654321",
                "alias": "acme-sandbox",
                "regions": ["eu-west-1", "us-east-1"],
                "left_out": ["sa-east-1"],
                "error": None,
            },
            {"connection_id": "con_2", "account": "123456789012", "error": None},
            {
                "connection_id": "con_3",
                "account": None,
                "error": {"code": "access_denied", "message": "The role cannot be assumed."},
            },
        ],
    }
    return ReportSource(
        **{
            "audit": audit | given.pop("audit", {}),
            "findings": findings,
            "tenant": "Acme Industries",
            "seal": {
                "root": "a1" * 32,
                "digest": "d2" * 32,
                "sequence": 7,
                "key_id": "0a1b2c3d" * 8,
            },
            **given,
        }
    )


def gap(**given: Any) -> Json:
    return {
        "service": "s3",
        "operation": "GetBucketPolicy",
        "outcome": "denied",
        "error_code": "AccessDenied",
        "curable": True,
        "action": "s3:GetBucketPolicy",
        "calls": 3,
        "verdicts": 12,
        "places": ["210987654321/global"],
        "policies": ["aws-s3-bucket-public-read"],
        **given,
    }


def framework() -> Json:
    def control(ident: str, title: str, status: str, policies: list[str], failing: int = 0) -> Json:
        return {
            "id": ident,
            "title": title,
            "status": status,
            "policies": policies,
            "failing": failing,
            "responsibility": "customer",
            "section": ident.partition(".")[0],
        }

    return {
        "key": "cis-aws-5.0",
        "title": "CIS AWS Foundations",
        "version": "5.0",
        "source": "Center for Internet Security",
        "sections": [
            {"id": "1", "title": "Identity"},
            {"id": "2", "title": "Storage"},
            {"id": "5", "title": "Networking"},
        ],
        "controls": [
            control("1.1", "Contact details are current", "manual", []),
            control(
                "1.4", "The root user has no access key", "passing", ["aws-iam-root-access-key"]
            ),
            control("2.2", "Databases are encrypted", "unknown", ["aws-rds-encrypted"]),
            control("4.16", "Security Hub is on", "not_assessed", []),
            control("5.3", "No SSH from the internet", "failing", ["aws-ec2-sg-ssh-open"], 3),
        ],
    }


@pytest.fixture(name="make_finding")
def make_finding_fixture() -> MakeFinding:
    return finding


@pytest.fixture(name="make_observation")
def make_observation_fixture() -> Callable[..., Json]:
    return observation


@pytest.fixture(name="make_policy")
def make_policy_fixture() -> Callable[..., Json]:
    return policy


@pytest.fixture(name="make_source")
def make_source_fixture() -> MakeSource:
    return source


@pytest.fixture(name="make_framework")
def make_framework_fixture() -> Callable[[], Json]:
    return framework


@pytest.fixture(name="make_gap")
def make_gap_fixture() -> Callable[..., Json]:
    return gap


@pytest.fixture(name="hostile_names")
def hostile_names_fixture() -> tuple[str, ...]:
    return HOSTILE


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture(name="clock")
def clock_fixture() -> Clock:
    return Clock()


@pytest.fixture(name="database")
def database_fixture(tmp_path: Path, migrated_file: bytes) -> Iterator[SqliteDatabase]:
    path = tmp_path / "test.db"
    path.write_bytes(migrated_file)
    database = SqliteDatabase(path)
    yield database
    database.close()


@pytest.fixture(name="blobs")
def blobs_fixture(tmp_path: Path) -> DiskBlobs:
    return DiskBlobs(tmp_path / "blobs")
