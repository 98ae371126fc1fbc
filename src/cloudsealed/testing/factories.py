"""`make_*`: whole objects with sensible values, for tests that care about one or two of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cloudsealed.audits.model import NO_PROGRESS, Audit, Scope, Target
from cloudsealed.audits.store import AuditStore
from cloudsealed.connections.model import CloudConnection
from cloudsealed.connections.store import ConnectionStore
from cloudsealed.findings import store as finding_rows
from cloudsealed.findings.model import Finding, Moment, ResourceRef, fingerprint
from cloudsealed.kit.clock import utc_now
from cloudsealed.kit.ids import new_id
from cloudsealed.policies.model import Policy
from cloudsealed.policies.store import PolicyStore
from cloudsealed.resources import store as resource_rows
from cloudsealed.resources.model import Identity, Resource
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import (
    AuditKind,
    AuditStatus,
    ConnectionMethod,
    Dimension,
    FindingStatus,
    Outcome,
    PolicyKind,
    PolicySource,
    Provider,
    ResourceState,
    Severity,
)

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
            id=values.pop("resource_id", "res_a"),
            type=kind,
            native_id=native_id,
            name=name,
            provider="aws",
            account=account,
            region=region,
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
    )
    if (cents := values.pop("monthly_savings_cents", None)) is not None:
        values["savings"] = make_savings(cents)
    return replace(finding, **values)


def make_savings(cents: int) -> dict[str, Any]:
    """Return what a cure saves a month, of one price."""
    amount = f"{cents // 100}.{cents % 100:02d}"
    price = {"name": "queue", "quantity": "1", "unit": "queue-month", "unit_price": amount}
    where = {"region": "eu-west-1", "sku": None, "source": "A list", "as_of": "2026-01-01"}
    return {
        "amount": amount,
        "currency": "USD",
        "formula": f"1 queue-month x {amount} USD",
        "price_basis": "bundled_list",
        "confidence": "medium",
        "prices": [{**price, **where}],
    }


def add_findings(database: Database, tenant: str, *findings: Finding) -> None:
    """Store findings as an audit would."""
    with database.write() as connection:
        finding_rows.insert(connection, tenant=tenant, new=findings)


def make_resource(**values: Any) -> Resource:
    """Return a queue that is there; `account`, `region`, `type` and `native_id` say which one."""
    ident = values.pop("id", new_id("res"))
    account, region = values.pop("account", ACCOUNT), values.pop("region", "eu-west-1")
    native_id = values.pop("native_id", f"arn:aws:sqs:{region}:{account}:{ident}")
    resource = Resource(
        id=ident,
        identity=Identity("aws", account, region, values.pop("type", "aws.sqs.queue"), native_id),
        connection_id="con_a",
        name="orders",
        tags={},
        relations={},
        state=ResourceState.PRESENT,
        snapshot="0" * 64,
        audit_id="aud_a",
        observed_at=SEEN,
        first_seen_at=SEEN,
        last_seen_at=SEEN,
    )
    return replace(resource, **values)


def add_resources(database: Database, tenant: str, *resources: Resource) -> None:
    """Store resources as an audit would."""
    with database.write() as connection:
        resource_rows.insert(connection, tenant=tenant, new=resources)


def make_policy(**values: Any) -> Policy:
    """Return a check of the tenant's own; `spec` holds what to change in its words."""
    ident = values.pop("id", new_id("pol"))
    spec = {
        "title": "Queues are closed",
        "dimension": "security",
        "severity": "high",
        "resource_types": ["aws.sqs.queue"],
        "fail_when": "true",
        "params": {},
    } | values.pop("spec", {})
    policy = Policy(
        id=ident,
        key=ident.lower().replace("_", "-"),
        kind=PolicyKind.CHECK,
        source=PolicySource.CUSTOM,
        enabled=True,
        version=1,
        spec=spec,
        created_at=SEEN,
        updated_at=SEEN,
    )
    return replace(policy, **values)


def add_policies(database: Database, tenant: str, *policies: Policy) -> None:
    """Store policies, each with its version."""
    with database.write() as connection:
        for policy in policies:
            PolicyStore(database).insert(connection, policy, tenant=tenant)


def make_connection(**values: Any) -> CloudConnection:
    """Return a connection by a role."""
    ident = values.pop("id", new_id("con"))
    connection = CloudConnection(
        id=ident,
        provider=Provider.AWS,
        name=ident,
        method=ConnectionMethod.ASSUME_ROLE,
        account=ACCOUNT,
        details={"role_arn": f"arn:aws:iam::{ACCOUNT}:role/audit"},
        external_id="0" * 32,
        regions=None,
        created_at=SEEN,
    )
    return replace(connection, **values)


def add_connections(database: Database, tenant: str, *connections: CloudConnection) -> None:
    """Store connections."""
    with database.write() as connection:
        for item in connections:
            ConnectionStore(database).insert(connection, tenant=tenant, item=item)


def make_audit(**values: Any) -> Audit:
    """Return a live audit of one account and region, which was planned and is begun by nobody."""
    ident = values.pop("id", new_id("aud"))
    audit = Audit(
        id=ident,
        kind=AuditKind.LIVE,
        status=AuditStatus.QUEUED,
        parent_id=None,
        source_id=ident,
        connection_ids=("con_a",),
        scope=Scope(),
        policies=None,
        policy_set=(),
        targets=(Target("con_a", ACCOUNT, "aws", ("eu-west-1",)),),
        clock=SEEN,
        created_at=SEEN,
        started_at=None,
        finished_at=None,
        progress=NO_PROGRESS,
        result=None,
        error=None,
        verdict_digest=None,
    )
    return replace(audit, **values)


def add_audits(database: Database, tenant: str, *audits: Audit) -> None:
    """Store audits, each with the shard that it begins with."""
    with database.write() as connection:
        for audit in audits:
            AuditStore(database, utc_now).insert(connection, tenant=tenant, audit=audit)
