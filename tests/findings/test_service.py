"""What people do with findings leaves what audits say untouched."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from cloudsealed.findings import service
from cloudsealed.findings.codec import document, whole
from cloudsealed.findings.model import Finding, fingerprint
from cloudsealed.findings.service import FindingService
from cloudsealed.findings.store import FindingStore
from cloudsealed.kit.clock import utc_now
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.policies.service import PolicyService
from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import findings as rows
from cloudsealed.testing.factories import add_findings, make_finding
from cloudsealed.vocabulary import FindingStatus, Severity

TENANT = "ten_a"


@pytest.fixture
def policies(database: Database) -> PolicyService:
    service = PolicyService(database=database, clock=utc_now)
    service.synchronize(tenant=TENANT)
    return service


@pytest.fixture
def findings(database: Database, policies: PolicyService) -> FindingService:
    return FindingService(database=database, policies=policies, clock=utc_now)


@pytest.fixture
def policy(policies: PolicyService) -> dict[str, Any]:
    """Return a built-in policy that findings can be of."""
    document: dict[str, Any] = orjson.loads(
        policies.get(tenant=TENANT, ident="aws-sqs-queue-public")
    )
    return document


def test_a_finding_is_served_with_its_policys_words(
    database: Database, findings: FindingService, policy: dict[str, Any]
) -> None:
    finding = make_finding(policy_id=policy["id"], policy_version=policy["version"])
    add_findings(database, TENANT, finding)
    served = orjson.loads(findings.get(tenant=TENANT, ident=finding.id))
    assert served["policy"] == {
        "id": policy["id"],
        "key": policy["key"],
        "version": policy["version"],
    }
    assert served["remediation"]["summary"] == policy["remediation"]["summary"]
    assert served["controls"] == policy["controls"]
    assert served["title"] == finding.title


def test_triage_is_set_and_cleared_and_never_changes_the_status(
    database: Database, findings: FindingService, policy: dict[str, Any]
) -> None:
    finding = make_finding(policy_id=policy["id"], policy_version=policy["version"])
    add_findings(database, TENANT, finding)
    body: dict[str, Any] = {"triage": {"state": "accepted_risk", "note": "until the move"}}
    args = {"tenant": TENANT, "ident": finding.id, "user_id": "usr_a"}
    served = orjson.loads(findings.triage(**args, body=body))
    assert (served["status"], served["triage"]["state"]) == ("open", "accepted_risk")
    assert served["triage"]["updated_by"] == "usr_a"
    page = findings.list(tenant=TENANT, filters={"triage": ("accepted_risk",)})
    assert len(page.items) == 1
    assert orjson.loads(findings.triage(**args, body={"triage": None}))["triage"] is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"triage": {"state": "gone"}}, "invalid_field"),
        ({"triage": {}}, "missing_field"),
        ({"status": "resolved"}, "unknown_field"),
        ({"triage": {"state": "acknowledged", "expires_at": "soon"}}, "invalid_field"),
        (
            {"triage": {"state": "acknowledged", "expires_at": "2026-01-31T00:00:00Z"}},
            "invalid_field",
        ),
    ],
)
def test_a_bad_triage_is_refused_by_field(
    findings: FindingService, body: dict[str, Any], code: str
) -> None:
    with pytest.raises(CloudSealedError) as refused:
        findings.triage(tenant=TENANT, ident="fnd_x", body=body, user_id="usr_a")
    assert refused.value.code == code


def test_open_findings_are_counted_by_group(database: Database, findings: FindingService) -> None:
    made = [make_finding(severity=s) for s in (Severity.LOW, Severity.LOW, Severity.HIGH)]
    closed = make_finding(status=FindingStatus.SUPPRESSED)
    add_findings(database, TENANT, *made, closed)
    summary = findings.summary(tenant=TENANT, group_by=("severity",))
    assert summary["total"] == 3
    assert {group["severity"]: group["count"] for group in summary["groups"]} == {
        "low": 2,
        "high": 1,
    }


def test_a_removed_connection_resolves_what_was_found_through_it(
    database: Database, findings: FindingService
) -> None:
    mine, other = make_finding(), make_finding(connection_id="con_b")
    add_findings(database, TENANT, mine, other)
    assert findings.remove_connection(tenant=TENANT, connection_id="con_a") == 1
    store = FindingStore(database)
    gone = store.get(tenant=TENANT, ident=mine.id)
    assert (gone.status, gone.resolution) == ("resolved", "connection_removed")
    assert gone.resolved is not None
    assert store.get(tenant=TENANT, ident=other.id) == other


def pair(policies: PolicyService) -> dict[str, Finding]:
    """A finding that yields to another on the same volume, of another connection."""
    found: dict[str, Finding] = {}
    for key in ("aws-ec2-volume-unattached", "aws-ec2-volume-gp2"):
        policy = orjson.loads(policies.get(tenant=TENANT, ident=key))
        finding = make_finding(
            policy_id=policy["id"],
            policy_version=policy["version"],
            connection_id=f"con_{len(found)}",
        )
        ref = replace(finding.resource, native_id="arn:vol")
        place = {"provider": "aws", "account": ref.account, "region": ref.region}
        named = fingerprint(policy_key=key, **place, native_id="arn:vol")
        found[key] = replace(finding, resource=ref, fingerprint=named)
    general, narrow = found.values()
    return {"general": general, "narrow": narrow.behind(general)}


def test_what_yielded_to_a_finding_of_a_connection_that_is_removed_asks_again(
    database: Database, findings: FindingService, policies: PolicyService
) -> None:
    found = pair(policies)
    add_findings(database, TENANT, *found.values())
    narrow = found["narrow"].id
    served = orjson.loads(findings.get(tenant=TENANT, ident=narrow))
    assert (served["status"], served["yields_to"]) == ("suppressed", found["general"].id)
    assert findings.remove_connection(tenant=TENANT, connection_id="con_0") == 1
    served = orjson.loads(findings.get(tenant=TENANT, ident=narrow))
    assert (served["status"], served["yields_to"]) == ("open", None)


def test_what_an_earlier_version_wrote_is_served_with_every_field(
    database: Database, findings: FindingService, policy: dict[str, Any]
) -> None:
    finding = make_finding(policy_id=policy["id"], policy_version=policy["version"])
    add_findings(database, TENANT, finding)
    earlier = document(finding).replace(b',"yields_to":null}', b"}")
    assert b"yields_to" not in earlier
    with database.write() as connection:
        connection.run(rows.update().values(doc=earlier))
    assert FindingStore(database).get(tenant=TENANT, ident=finding.id) == finding
    assert orjson.loads(findings.get(tenant=TENANT, ident=finding.id))["yields_to"] is None
    [item] = findings.list(tenant=TENANT, filters={}).items
    assert orjson.loads(item)["yields_to"] is None


@pytest.mark.parametrize("wanted", ["jsonl", "csv"])
def test_exporting_many_takes_no_more_memory_than_exporting_few(
    database: Database,
    findings: FindingService,
    policy: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str,
) -> None:
    monkeypatch.setattr(service, "BLOCK_LINES", 200)
    of = {"policy_id": policy["id"], "policy_version": policy["version"]}

    def peak() -> int:
        tracemalloc.start()
        try:
            pieces = findings.export(tenant=TENANT, filters={}, wanted=wanted, folder=tmp_path)
            assert sum(1 for _ in pieces)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    add_findings(database, TENANT, *(make_finding(**of) for _ in range(500)))
    peak()  # what is made once
    few = peak()
    add_findings(database, TENANT, *(make_finding(**of) for _ in range(1_200)))
    assert peak() < 1.2 * few


@pytest.mark.parametrize("other", [None, "fnd_01M8KRVZZ7V49GFG8TEZ0XQVS4"])
def test_what_is_written_is_whole(other: str | None) -> None:
    written = document(make_finding(yields_to=other))
    assert whole(written) == written
