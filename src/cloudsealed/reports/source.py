"""Gathers what a report is made from, out of the nouns that have it. It judges none of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from tempfile import TemporaryFile
from typing import Any

import orjson

from cloudsealed.audits.seal import opened, public_key
from cloudsealed.audits.service import AuditService
from cloudsealed.auth.tenants import TenantService
from cloudsealed.auth.users import UserService
from cloudsealed.findings.service import FindingService
from cloudsealed.kit.canonical import sha256
from cloudsealed.kit.errors import NotFoundError
from cloudsealed.policies.frameworks import framework
from cloudsealed.reports.model import Report, ReportSource
from cloudsealed.storage.keys import KeyRing


class ReportSources:
    """From a tenant's report to the data of its audit; may raise a CloudSealedError."""

    def __init__(
        self, *, tenants: TenantService, audits: AuditService, findings: FindingService,
        users: UserService, keys: KeyRing,
    ) -> None:  # fmt: skip
        self._tenants = tenants
        self._users = users
        self._audits = audits
        self._findings = findings
        self._keys = keys

    def __call__(self, tenant: str, report: Report) -> ReportSource:
        """Return what `report` is made from; its findings are read while they are taken."""
        audit_id, key = report.request.audit_id, report.request.framework
        coverage = self._audits.coverage(tenant=tenant, ident=audit_id)
        assessed = self._framework(tenant, key, audit_id) if key else None
        return ReportSource(
            audit=orjson.loads(self._audits.get(tenant=tenant, ident=audit_id)),
            findings=self._findings.of_audit(tenant=tenant, audit=audit_id),
            tenant=self._tenants.get(tenant=tenant).name,
            framework=assessed,
            seal=self._seal(tenant, audit_id),
            unread=[_unread(gap) for gap in coverage["gaps"]],
            policy_titles=self._audits.policy_titles(tenant=tenant, ident=audit_id),
            observations=self._observations(tenant, audit_id, assessed) if assessed else (),
            policies=self._policies(tenant, audit_id) if assessed else {},
        )

    def _framework(self, tenant: str, key: str, audit_id: str) -> dict[str, Any]:
        sections = [{"id": each.id, "title": each.title} for each in framework(key).sections]
        assessed = self._audits.framework(tenant=tenant, key=key, audit_id=audit_id)
        return {**assessed, "sections": sections}

    def _observations(
        self, tenant: str, audit_id: str, assessed: Mapping[str, Any]
    ) -> Iterable[Mapping[str, Any]]:
        """Return what the framework's policies saw, and who accepted what of it."""
        served: dict[str, list[dict[str, str]]] = {}
        for control in assessed["controls"]:
            for key in control["policies"]:
                named = {"framework": assessed["key"], "control": control["id"]}
                served.setdefault(key, []).append(named)
        found = self._audits.observations(tenant=tenant, ident=audit_id, policies=served)
        person = cache(lambda ident: self._person(tenant, ident))
        return Spooled(
            {
                **item,
                "controls": served[item["policy"]["key"]],
                "finding": _with_person(item["finding"], person),
            }
            for item in found
        )

    def _person(self, tenant: str, ident: str) -> str:
        """Return what a user is called; one who was removed since by the id alone."""
        try:
            user = self._users.get(tenant=tenant, ident=ident)
        except NotFoundError:
            return ident
        return user.name or user.email

    def _policies(self, tenant: str, audit_id: str) -> dict[str, Mapping[str, Any]]:
        verdicts = self._audits.verdicts(tenant=tenant, ident=audit_id)
        versions = self._audits.policy_versions(tenant=tenant, ident=audit_id)
        return {v["key"]: {**v, "counts": verdicts.get(v["key"], {})} for v in versions}

    def _seal(self, tenant: str, audit_id: str) -> Mapping[str, Any]:
        key = self._keys.current("seal")
        envelope = self._audits.seal(tenant=tenant, ident=audit_id)
        statement = opened(envelope, public_key(key))
        return {
            "root": statement["subject"][0]["digest"]["sha256"],
            "sequence": statement["predicate"]["sequence"],
            "key_id": key.id,
            "digest": sha256(envelope),
        }


def _with_person(
    finding: Mapping[str, Any] | None, person: Callable[[str], str]
) -> Mapping[str, Any] | None:
    if finding is None or finding["triage"] is None:
        return finding
    triage = finding["triage"]
    return {**finding, "triage": {**triage, "updated_by": person(triage["updated_by"])}}


class Spooled:
    """Values that are made once and read as often as one likes, from a file meanwhile."""

    def __init__(self, values: Iterable[Any]) -> None:
        self._values = iter(values)
        self._file = TemporaryFile()  # noqa: SIM115 - closed, and so gone, with its owner
        self._read = 0

    def __iter__(self) -> Iterator[Any]:
        """Yield the values in their order; one reading at a time, each to its end."""
        self._file.seek(0)
        yield from map(orjson.loads, self._file)
        for value in self._values:
            self._file.write(orjson.dumps(value) + b"\n")
            yield value


def _unread(gap: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "account": ", ".join(gap["places"]),
        "region": "",
        "service": gap["service"],
        "operation": gap["operation"],
        "outcome": gap["outcome"],
        "permission": gap["action"],
    }
