"""What people do with findings leaves what audits say untouched."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from cloudsealed.findings.service import FindingService
from cloudsealed.findings.store import FindingStore
from cloudsealed.kit.clock import utc_now
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.policies.service import PolicyService
from cloudsealed.storage.database import Database
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
    finding = make_finding(policy_id=policy["id"])
    add_findings(database, TENANT, finding)
    served = orjson.loads(findings.get(tenant=TENANT, ident=finding.id))
    assert served["policy"] == {"id": policy["id"], "key": policy["key"], "version": 1}
    assert served["remediation"] == policy["remediation"]
    assert served["controls"] == policy["controls"]
    assert served["title"] == finding.title


def test_triage_is_set_and_cleared_and_never_changes_the_status(
    database: Database, findings: FindingService, policy: dict[str, Any]
) -> None:
    finding = make_finding(policy_id=policy["id"])
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
