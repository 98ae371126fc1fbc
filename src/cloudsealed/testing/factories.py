"""`make_*`: whole objects with sensible values, for tests that care about one or two of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cloudsealed.findings import store as finding_rows
from cloudsealed.findings.model import Finding, Moment, ResourceRef, fingerprint
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import Dimension, FindingStatus, Outcome, Severity

ACCOUNT = "123456789012"
SEEN = "2026-01-01T00:00:00.000Z"


def make_finding(**values: Any) -> Finding:
    """Return an open finding; `name` and `account` shape its resource, the rest are its fields."""
    ident = values.pop("id", new_id("fnd"))
    account, region = values.pop("account", ACCOUNT), values.pop("region", "eu-west-1")
    kind, name = values.pop("resource_type", "aws.sqs.queue"), values.pop("name", "orders")
    native_id = f"arn:aws:sqs:{region}:{account}:{ident}"
    moment = Moment(SEEN, values.get("audit_id", "aud_a"))
    severity = values.get("severity", Severity.HIGH)
    finding = Finding(
        id=ident,
        fingerprint=fingerprint(
            policy_key="p", provider="aws", account=account, region=region, native_id=native_id
        ),
        policy_id="pol_a",
        policy_version=1,
        connection_id="con_a",
        dimension=Dimension.SECURITY,
        title="Queue is open to everybody",
        resource=ResourceRef(
            id=values.pop("resource_id", "res_a"), type=kind, native_id=native_id, name=name,
            provider="aws", account=account, region=region,
        ),
        severity=severity,
        base_severity=severity,
        classified_by=None,
        status=FindingStatus.OPEN,
        resolution=None,
        evidence=({"path": "Policy", "value": "*"},),
        triage=None,
        last_observation=Outcome.FAIL,
        audit_id=moment.audit_id,
        decided=moment,
        looked=moment,
        first_seen_at=moment.at,
        last_seen_at=moment.at,
        resolved=None,
    )  # fmt: skip
    return replace(finding, **values)


def add_findings(database: Database, tenant: str, *findings: Finding) -> None:
    """Store findings as an audit would."""
    with database.write() as connection:
        finding_rows.insert(connection, tenant=tenant, new=findings)
