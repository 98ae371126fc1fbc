"""Between a finding and its row. The row's `doc` is the public JSON of what is the finding's own.

`encode` is the one writer of rows, so a document never differs from its columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from cloudsealed.findings.model import NO_SAVINGS, Finding, Follows, Moment, ResourceRef, Triage
from cloudsealed.vocabulary import (
    Dimension,
    FindingStatus,
    Outcome,
    Resolution,
    Severity,
    TriageState,
)

LOADED = (
    "doc",
    "fingerprint",
    "policy_id",
    "policy_version",
    "connection_id",
    "dimension",
    "observed_at",
    "decided_by",
    "looked_at",
    "looked_by",
    "resolved_by",
    "monthly_savings",
    "follows",
)


_WHY = "monthly_savings_unknown"
_LAST = "yields_to"
_MARK = b'"%s":' % _LAST.encode()
_AUDIT, _SEEN = b'"audit_id":"', b'"last_seen_at":"'
_LONGEST = len(_MARK) + 40  # with an id and the brace


def document(finding: Finding) -> bytes:
    """Return the finding's own part of its public JSON."""
    return orjson.dumps(
        {
            "id": finding.id,
            "object": "finding",
            "status": finding.status,
            "severity": finding.severity,
            "base_severity": finding.base_severity,
            "classified_by": finding.classified_by,
            "title": finding.title,
            "resource": finding.resource,
            "evidence": finding.evidence,
            **_saved(finding.savings),
            "triage": finding.triage,
            "resolution": finding.resolution,
            "last_observation": finding.last_observation,
            "audit_id": finding.audit_id,
            "first_seen_at": finding.first_seen_at,
            "last_seen_at": finding.last_seen_at,
            "resolved_at": finding.resolved.at if finding.resolved else None,
            _LAST: finding.yields_to,
        }
    )


def _saved(savings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the members that tell of money; why it is not known is left out if nobody says."""
    if savings is None or "amount" in savings:
        return {"monthly_savings": savings}
    return {"monthly_savings": None, _WHY: savings["unknown"]}


def _kept(doc: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = doc["monthly_savings"]
    return {"unknown": doc[_WHY]} if found is None and _WHY in doc else found


def whole(doc: bytes) -> bytes:
    """Return a finding's document with every field: one that an earlier version wrote has not the
    last."""
    if doc.rfind(_MARK, -_LONGEST) >= 0:
        return doc
    return doc[:-1] + b"," + _MARK + b"null}"


def kind(finding: Finding) -> dict[str, Any]:
    """Return the columns of a finding's row that findings are counted by."""
    return {
        "policy_id": finding.policy_id,
        "connection_id": finding.connection_id,
        "provider": finding.resource.provider,
        "account": finding.resource.account,
        "region": finding.resource.region,
        "resource_type": finding.resource.type,
        "dimension": finding.dimension,
        "severity": finding.severity.rank,
        "status": finding.status,
        "triage": finding.triage.state if finding.triage else None,
    }


def encode(tenant: str, finding: Finding) -> dict[str, Any]:
    """Return the whole row of a finding."""
    savings = finding.monthly_savings_cents
    return {
        "tenant_id": tenant,
        "id": finding.id,
        "fingerprint": finding.fingerprint,
        **kind(finding),
        "policy_version": finding.policy_version,
        "resource_id": finding.resource.id,
        "name": finding.resource.name,
        "base_severity": finding.base_severity.rank,
        "resolution": finding.resolution,
        "last_observation": finding.last_observation,
        "audit_id": finding.audit_id,
        "observed_at": finding.decided.at,
        "decided_by": finding.decided.audit_id,
        "looked_at": finding.looked.at,
        "looked_by": finding.looked.audit_id,
        "first_seen_at": finding.first_seen_at,
        "last_seen_at": finding.last_seen_at,
        "resolved_at": finding.resolved.at if finding.resolved else None,
        "resolved_by": finding.resolved.audit_id if finding.resolved else None,
        "monthly_savings": NO_SAVINGS if savings is None else savings,
        "follows": finding.follows,
        "said": finding.said,
        "doc": document(finding),
    }


def decode(row: Mapping[str, Any], settled: str | None = None) -> Finding:
    """Return the finding of a row that holds the columns of LOADED; `settled` is the moment of the
    newest audit that settled its cell, as `cell_store` has it."""
    finding = _written(row)
    return finding if settled is None else finding.at(moment_of(settled))


def moment_of(settled: str) -> Moment:
    """Return the moment that stands in a row as its time and its audit."""
    return Moment(*settled.split(" "))


def moved(doc: bytes, settled: str | None) -> bytes:
    """Return a finding's document as of the audit that last settled its cell, if it follows that.

    A quotation mark within a string is escaped, so what is found last is the document's own member.
    """
    if settled is None:
        return doc
    moment = moment_of(settled)
    return _put(_put(doc, _AUDIT, moment.audit_id), _SEEN, moment.at)


def _put(doc: bytes, name: bytes, value: str) -> bytes:
    start = doc.rindex(name) + len(name)
    return doc[:start] + value.encode() + doc[doc.index(b'"', start) :]


def _written(row: Mapping[str, Any]) -> Finding:
    doc = orjson.loads(row["doc"])
    triage = doc["triage"]
    return Finding(
        id=doc["id"],
        fingerprint=row["fingerprint"],
        policy_id=row["policy_id"],
        policy_version=row["policy_version"],
        connection_id=row["connection_id"],
        dimension=Dimension(row["dimension"]),
        title=doc["title"],
        resource=ResourceRef(**doc["resource"]),
        severity=Severity(doc["severity"]),
        base_severity=Severity(doc["base_severity"]),
        classified_by=doc["classified_by"],
        status=FindingStatus(doc["status"]),
        resolution=Resolution(doc["resolution"]) if doc["resolution"] else None,
        evidence=tuple(doc["evidence"]),
        triage=Triage(**{**triage, "state": TriageState(triage["state"])}) if triage else None,
        last_observation=Outcome(doc["last_observation"]),
        audit_id=doc["audit_id"],
        decided=Moment(row["observed_at"], row["decided_by"]),
        looked=Moment(row["looked_at"], row["looked_by"]),
        first_seen_at=doc["first_seen_at"],
        last_seen_at=doc["last_seen_at"],
        resolved=Moment(doc["resolved_at"], row["resolved_by"]) if row["resolved_by"] else None,
        yields_to=doc.get(_LAST),
        savings=_kept(doc),
        follows=Follows(row["follows"]),
    )
