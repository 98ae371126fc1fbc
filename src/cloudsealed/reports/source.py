"""Gathers what a report is made from, out of the nouns that have it. It judges none of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache, partial
from typing import Any

import orjson

from cloudsealed.audits.model import TREND, Audit, public
from cloudsealed.audits.sealing.seal import opened
from cloudsealed.audits.service import AuditService
from cloudsealed.auth.tenants import TenantService
from cloudsealed.auth.users import UserService
from cloudsealed.events import EventStore
from cloudsealed.findings.service import FindingService
from cloudsealed.kit.canonical import sha256
from cloudsealed.kit.errors import NotFoundError
from cloudsealed.policies.frameworks import OWN, assess, own
from cloudsealed.policies.service import PolicyService
from cloudsealed.reports.kinds.spool import Spooled
from cloudsealed.reports.look import Look
from cloudsealed.reports.model import Comparison, Report, ReportSource
from cloudsealed.resources.naming import owner_of
from cloudsealed.resources.service import ResourceService
from cloudsealed.storage.keys import KeyFileError, KeyRing, key_id, public_key
from cloudsealed.vocabulary import PolicyKind, ReportKind

_LOOKED_AT = 5 * TREND
"""Audits that these are taken from: of those of one ledger, only the newest counts."""


class ReportSources:
    """From a tenant's report to the data of its audit; may raise a CloudSealedError."""

    def __init__(
        self,
        *,
        tenants: TenantService,
        audits: AuditService,
        findings: FindingService,
        users: UserService,
        policies: PolicyService,
        events: EventStore,
        resources: ResourceService,
        keys: KeyRing,
        owner_tags: Sequence[str],
        look: Look,
    ) -> None:
        self._tenants = tenants
        self._users = users
        self._events = events
        self._audits = audits
        self._findings = findings
        self._policies = policies
        self._resources = resources
        self._keys = keys
        self._owner_tags = [key.lower() for key in owner_tags]
        self._look = look

    def __call__(self, tenant: str, report: Report) -> ReportSource:
        """Return what `report` is made from; its findings are read while they are taken."""
        audit_id, key = report.request.audit_id, report.request.framework
        coverage = self._audits.coverage(tenant=tenant, ident=audit_id)
        summary = report.request.kind is ReportKind.EXECUTIVE_SUMMARY
        history = self._history(tenant, audit_id) if summary else ()
        assessed = self._framework(tenant, key, audit_id) if key else None
        return ReportSource(
            audit=orjson.loads(self._audits.get(tenant=tenant, ident=audit_id)),
            findings=self._findings.of_audit(tenant=tenant, audit=audit_id),
            tenant=self._tenants.get(tenant=tenant).name,
            framework=assessed,
            seal=self._seal(tenant, audit_id),
            gaps=coverage["gaps"],
            policy_errors=len(coverage["policy_errors"]),
            policy_titles=self._audits.policy_titles(tenant=tenant, ident=audit_id),
            owners=partial(self._owners, tenant),
            history=trend(history),
            since=self._since(tenant, history),
            frameworks=self._audits.frameworks(tenant=tenant, ident=audit_id) if summary else (),
            look=self._look,
            observations=self._observations(tenant, audit_id, assessed) if assessed else (),
            policies=self._judged(tenant, audit_id) if assessed else {},
            classification=partial(self._classification, tenant),
            collected=asdict(self._audits.collected(tenant=tenant, ident=audit_id)),
        )

    def _history(self, tenant: str, audit_id: str) -> Sequence[Audit]:
        return self._audits.history(tenant=tenant, ident=audit_id, most=_LOOKED_AT)

    def _since(self, tenant: str, history: Sequence[Audit]) -> Comparison | None:
        if len(history) < 2 or history[1].expired_at is not None:
            return None
        this, before = history[:2]
        names = {"tenant": tenant, "audit": this.id, "before": before.id}
        assert before.clock is not None  # it is completed
        return Comparison(
            audit=orjson.loads(public(before)),
            clock=before.clock,
            entered=frozenset(self._findings.entered(**names)),
            left=self._findings.left(**names),
        )

    def _owners(self, tenant: str, idents: Sequence[str]) -> dict[str, str]:
        """Return the owners that resources have now, whatever the audit: they are to repair it."""
        tagged = self._resources.tags(tenant=tenant, idents=idents)
        owners = ((ident, owner_of(tags, self._owner_tags)) for ident, tags in tagged.items())
        return {ident: owner for ident, owner in owners if owner is not None}

    def _seal(self, tenant: str, audit_id: str) -> Mapping[str, Any]:
        envelope = self._audits.seal(tenant=tenant, ident=audit_id)
        signer = orjson.loads(envelope)["signatures"][0]["keyid"]
        known = {key_id(half): half for half in map(public_key, self._keys.all("seal"))}
        if signer not in known:
            raise KeyFileError("The key that sealed the audit is not in the key file")
        statement = opened(envelope, known[signer])
        return {
            "root": statement["predicate"]["root"],
            "digest": sha256(envelope),
            "sequence": statement["predicate"]["sequence"],
            "key_id": signer,
        }

    def _framework(self, tenant: str, key: str, audit_id: str) -> dict[str, Any]:
        """Return how an audit stands by a framework, OWN too."""
        if key == OWN:
            item = own(self._audits.policy_versions(tenant=tenant, ident=audit_id))
            return assess(item, self._audits.verdicts(tenant=tenant, ident=audit_id))
        return self._audits.framework(tenant=tenant, key=key, audit_id=audit_id)

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
        """Return what a user is called; or was, one who was removed since."""
        try:
            user = self._users.get(tenant=tenant, ident=ident)
        except NotFoundError:
            return self._events.name_of(tenant=tenant, user_id=ident) or ident
        return user.name or user.email

    def _classification(self, tenant: str, key: str, version: int) -> Mapping[str, Any]:
        try:
            named = self._policies.named(tenant=tenant, key=key, number=version)
        except NotFoundError:
            return {}
        return {**named.spec, **self._written(tenant, named.as_dict())}

    def _judged(self, tenant: str, audit_id: str) -> dict[str, Mapping[str, Any]]:
        verdicts = self._audits.verdicts(tenant=tenant, ident=audit_id)
        versions = self._audits.policy_versions(tenant=tenant, ident=audit_id)
        return {
            v["key"]: {**v, "counts": verdicts.get(v["key"], {}), **self._written(tenant, v)}
            for v in versions
        }

    def _written(self, tenant: str, version: Mapping[str, Any]) -> dict[str, Any]:
        """Return who wrote a classification's version, and when; a check accepts nothing."""
        if version["kind"] != PolicyKind.CLASSIFICATION:
            return {}
        number = version["version"]
        moment, author = self._policies.author(tenant=tenant, ident=version["id"], number=number)
        person = None if author is None else self._person(tenant, author)
        return {"written_at": moment, "written_by": person}


def _with_person(
    finding: Mapping[str, Any] | None, person: Callable[[str], str]
) -> Mapping[str, Any] | None:
    if finding is None or finding["triage"] is None:
        return finding
    triage = finding["triage"]
    return {**finding, "triage": {**triage, "updated_by": person(triage["updated_by"])}}


def trend(history: Sequence[Audit]) -> Sequence[Mapping[str, Any]]:
    """Return at most TREND audits as public JSON, oldest first: the newest of each ledger.

    `history` is the newest first.
    """
    newest: dict[str, Audit] = {}
    for audit in history:
        newest.setdefault(audit.source_id, audit)
    return [orjson.loads(public(audit)) for audit in list(newest.values())[:TREND]][::-1]
