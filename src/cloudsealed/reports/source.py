"""Gathers what a report is made from, out of the nouns that have it. It judges none of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from cloudsealed.audits.seal import opened, public_key
from cloudsealed.audits.service import AuditService
from cloudsealed.auth.tenants import TenantService
from cloudsealed.findings.service import FindingService
from cloudsealed.reports.model import Report, ReportSource
from cloudsealed.resources.service import ResourceService
from cloudsealed.storage.keys import KeyRing


class ReportSources:
    """From a tenant's report to the data of its audit; may raise a CloudSealedError."""

    def __init__(
        self, *, tenants: TenantService, audits: AuditService, findings: FindingService,
        resources: ResourceService, keys: KeyRing, owner_tags: Sequence[str],
    ) -> None:  # fmt: skip
        self._tenants = tenants
        self._audits = audits
        self._findings = findings
        self._resources = resources
        self._keys = keys
        self._owner_tags = [key.lower() for key in owner_tags]

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
            owners=partial(self._owners, tenant),
        )

    def _owners(self, tenant: str, idents: Sequence[str]) -> dict[str, str]:
        """Return the owners that resources have now, whatever the audit: they are to repair it."""
        tagged = self._resources.tags(tenant=tenant, idents=idents)
        owners = ((ident, owner_of(tags, self._owner_tags)) for ident, tags in tagged.items())
        return {ident: owner for ident, owner in owners if owner is not None}

    def _seal(self, tenant: str, audit_id: str) -> Mapping[str, Any]:
        key = self._keys.current("seal")
        statement = opened(self._audits.seal(tenant=tenant, ident=audit_id), public_key(key))
        root = statement["subject"][0]["digest"]["sha256"]
        return {"root": root, "sequence": statement["predicate"]["sequence"], "key_id": key.id}


def owner_of(tags: Mapping[str, str], keys: Sequence[str]) -> str | None:
    """Return the value of the first of `keys` (in lower case) that a resource is tagged with.

    A tag of nothing but white space names nobody; of keys that differ in case alone the first in
    the order of characters counts.
    """
    values = {
        key.lower(): value for key in sorted(tags, reverse=True) if (value := tags[key].strip())
    }
    return next((values[key] for key in keys if key in values), None)


def _unread(gap: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "account": ", ".join(gap["places"]),
        "region": "",
        "service": gap["service"],
        "operation": gap["operation"],
        "outcome": gap["outcome"],
        "permission": gap["action"],
    }
