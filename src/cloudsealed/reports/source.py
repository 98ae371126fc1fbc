"""Gathers what a report is made from, out of the nouns that have it. It judges none of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from cloudsealed.audits.seal import opened, public_key
from cloudsealed.audits.service import AuditService
from cloudsealed.auth.tenants import TenantService
from cloudsealed.findings.service import FindingService
from cloudsealed.reports.model import Report, ReportSource
from cloudsealed.storage.keys import KeyRing


class ReportSources:
    """From a tenant's report to the data of its audit; may raise a CloudSealedError."""

    def __init__(
        self, *, tenants: TenantService, audits: AuditService, findings: FindingService,
        keys: KeyRing,
    ) -> None:  # fmt: skip
        self._tenants = tenants
        self._audits = audits
        self._findings = findings
        self._keys = keys

    def __call__(self, tenant: str, report: Report) -> ReportSource:
        """Return what `report` is made from; its findings are read while they are taken."""
        audit_id, key = report.request.audit_id, report.request.framework
        coverage = self._audits.coverage(tenant=tenant, ident=audit_id)
        return ReportSource(
            audit=orjson.loads(self._audits.get(tenant=tenant, ident=audit_id)),
            findings=self._findings.of_audit(tenant=tenant, audit=audit_id),
            tenant=self._tenants.get(tenant=tenant).name,
            framework=self._audits.framework(tenant=tenant, key=key, audit_id=audit_id)
            if key
            else None,
            seal=self._seal(tenant, audit_id),
            unread=[_unread(gap) for gap in coverage["gaps"]],
            policy_titles=self._audits.policy_titles(tenant=tenant, ident=audit_id),
        )

    def _seal(self, tenant: str, audit_id: str) -> Mapping[str, Any]:
        key = self._keys.current("seal")
        statement = opened(self._audits.seal(tenant=tenant, ident=audit_id), public_key(key))
        root = statement["subject"][0]["digest"]["sha256"]
        return {"root": root, "sequence": statement["predicate"]["sequence"], "key_id": key.id}


def _unread(gap: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "account": ", ".join(gap["places"]),
        "region": "",
        "service": gap["service"],
        "operation": gap["operation"],
        "outcome": gap["outcome"],
        "permission": gap["action"],
    }
