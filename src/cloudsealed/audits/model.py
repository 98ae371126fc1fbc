"""What an audit is: one forensic pass over the places that its connections reach."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from cloudsealed.collectors.errors import CloudAccessError
from cloudsealed.kit.canonical import sha256
from cloudsealed.kit.clock import parse_rfc3339
from cloudsealed.kit.errors import CloudSealedError, NotFoundError, error_classes
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.vocabulary import FIRST_PROVIDER, AuditKind, AuditStatus, CallOutcome, Provider

TREND = 12
"""Audits that a trend is drawn over at most."""


class AuditNotFoundError(NotFoundError):
    """No audit of the tenant has this id."""

    code = "audit_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("audit", ident)


class AuditNotFinishedError(CloudSealedError):
    """What was asked for needs an audit that has completed, or one that has ended."""

    code = "audit_not_finished"
    status = 409
    remedy = "Wait until `status` of the audit is `completed`, or take one that is."


class AuditEndedError(CloudSealedError):
    """An audit that has ended cannot be canceled."""

    code = "audit_ended"
    status = 409
    remedy = "Nothing is to be done: `GET /v1/audits/{id}` says how it ended."


class AuditNotResumableError(CloudSealedError):
    """An audit can only be resumed within a day, and if the cloud stopped taking its credentials
    while it collected."""

    code = "audit_not_resumable"
    status = 409
    remedy = "Start a new audit of the same scope."


class AuditFailedError(CloudSealedError):
    """No connection of the audit could be used: nothing was read."""

    code = "cloud_provider_error"
    status = 502
    remedy = (
        "Test the connections (`POST /v1/connections/{id}/test`): the message says what the "
        "provider answered."
    )


class AuditStalledError(Exception):
    """An audit gave no sign of life for a quarter of an hour, and is ended."""


class LeaseLostError(Exception):
    """Another worker took this audit over: whatever this one still writes is refused."""


class CanceledError(Exception):
    """Somebody asked for this audit to be canceled."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an audit looks at; None is all of it."""

    regions: tuple[str, ...] | None = None
    services: tuple[str, ...] | None = None
    resource_types: tuple[str, ...] | None = None

    def as_dict(self) -> dict[str, Any] | None:
        """Return the scope as JSON values, None when it leaves nothing out."""
        parts = {
            "regions": self.regions,
            "services": self.services,
            "resource_types": self.resource_types,
        }
        return {k: list(v) for k, v in parts.items() if v is not None} or None


@dataclass(frozen=True, slots=True)
class Target:
    """One connection of an audit: the account that it leads to, or why it leads nowhere.

    `left_out` are the regions that the account has enabled and the audit does not look at;
    `regions_gap` says why it is not known which regions those are. `alias` is what the account's
    owners call it, None where they do not or it could not be read.
    """

    connection_id: str
    account: str | None
    partition: str
    regions: tuple[str, ...]
    error: Mapping[str, str] | None = None
    left_out: tuple[str, ...] = ()
    regions_gap: Mapping[str, Any] | None = None
    alias: str | None = None
    provider: Provider = FIRST_PROVIDER

    def as_dict(self) -> dict[str, Any]:
        """Return the target as JSON values."""
        return {
            "connection_id": self.connection_id,
            "provider": self.provider,
            "account": self.account,
            "alias": self.alias,
            "partition": self.partition,
            "regions": list(self.regions),
            "error": self.error,
            "left_out": list(self.left_out),
            "regions_gap": self.regions_gap,
        }


def target_of(document: Mapping[str, Any]) -> Target:
    """Return the target that `Target.as_dict` described."""
    regions = {name: tuple(document.get(name, ())) for name in ("regions", "left_out")}
    provider = Provider(document.get("provider", FIRST_PROVIDER))
    return Target(**{**document, **regions, "provider": provider})


@dataclass(frozen=True, slots=True)
class Audit:
    """An audit as it stands. `source_id` is the audit whose ledger it reads: itself when live.

    `clock` is the moment by which every policy of it judges: the start of the source. `expired_at`
    is when retention dropped its evidence. `clock_skew_seconds` is the provider's clock minus ours,
    None while nobody knows; `remarks` are what people should know of how it came about.
    `not_asked` are the attributes, by resource type, that its ledger was recorded without.
    """

    id: str
    kind: AuditKind
    status: AuditStatus
    parent_id: str | None
    source_id: str
    connection_ids: tuple[str, ...]
    scope: Scope
    policies: tuple[str, ...] | None
    policy_set: tuple[Mapping[str, Any], ...]
    targets: tuple[Target, ...] | None
    clock: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    progress: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    verdict_digest: str | None
    cancel_requested: bool = False
    expired_at: str | None = None
    clock_skew_seconds: int | None = None
    remarks: tuple[Mapping[str, Any], ...] = ()
    not_asked: Mapping[str, Collection[str]] = field(default_factory=dict)

    @property
    def plan(self) -> dict[str, Any] | None:
        """What was found out before it collected, as JSON values; None until it was planned."""
        if self.targets is None:
            return None
        return {
            "targets": [target.as_dict() for target in self.targets],
            "clock": self.clock,
            "clock_skew_seconds": self.clock_skew_seconds,
            "remarks": self.remarks,
            "not_asked": {k: sorted(v) for k, v in sorted(self.not_asked.items()) if v},
        }

    def is_resumable(self, now: datetime) -> bool:
        """Whether it can go on where it stopped: the cloud was out of reach while it collected, and
        what it collected is of the last day."""
        stopped = self.status is AuditStatus.FAILED and (self.error or {}).get("code") in _STOPPED
        return stopped and self.is_recent(now)

    def is_recent(self, now: datetime) -> bool:
        """Whether what it collected is of the last day."""
        return now - parse_rfc3339(self.created_at) < _RESUMABLE

    def require_evidence(self) -> None:
        """Raise EvidenceExpiredError once retention has dropped the evidence."""
        if self.expired_at is not None:
            raise EvidenceExpiredError(self.id)


_RESUMABLE = timedelta(days=1)
_STOPPED = frozenset(error.code for error in error_classes(CloudAccessError))
NO_PROGRESS: Mapping[str, Any] = {
    "tasks_done": 0,
    "tasks_total": 0,
    "calls": 0,
    "resources": 0,
    "observations": 0,
}
_RESULT = (
    "coverage",
    "verdicts",
    "cells",
    "counts",
    "dimensions",
    "resources",
    "calls",
    "findings",
)


def whole(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored result with the figures that audits of older versions did not count."""
    return {**result, "calls": {**{outcome.value: 0 for outcome in CallOutcome}, **result["calls"]}}


def _progress(status: AuditStatus, progress: Mapping[str, Any]) -> dict[str, Any]:
    done, total = progress["tasks_done"], progress["tasks_total"]
    percent = 100 * done // total if total else 0
    return {**progress, "percent": 100 if status is AuditStatus.COMPLETED else percent}


@dataclass(frozen=True, slots=True)
class Standing:
    """How an audit stands: what changes while it runs. `progress` and `error` are JSON, stored."""

    id: str
    status: AuditStatus
    progress: str
    error: str | None
    started_at: str | None
    finished_at: str | None

    @property
    def tag(self) -> str:
        """A name of this state that no other state of the audit has."""
        return sha256(self.public())[:24]

    def public(self) -> bytes:
        """Return it as the API shows it."""
        return orjson.dumps(
            {
                "id": self.id,
                "object": "audit_event",
                "status": self.status,
                "progress": _progress(self.status, orjson.loads(self.progress)),
                "error": orjson.loads(self.error) if self.error else None,
                "started_at": self.started_at,
                "finished_at": self.finished_at,
            }
        )


def public(audit: Audit) -> bytes:
    """Return an audit's public JSON."""
    result = audit.result or dict.fromkeys(_RESULT)
    body = {
        "id": audit.id,
        "object": "audit",
        "kind": audit.kind,
        "status": audit.status,
        "parent_id": audit.parent_id,
        "connection_ids": audit.connection_ids,
        "scope": audit.scope.as_dict(),
        "policies": audit.policies,
        "accounts": [t.as_dict() for t in audit.targets] if audit.targets is not None else None,
        "progress": _progress(audit.status, audit.progress),
        **{name: result.get(name) for name in _RESULT},
        "verdict_digest": audit.verdict_digest,
        "evidence": "kept" if audit.expired_at is None else "expired",
        "error": audit.error,
        "clock_skew_seconds": audit.clock_skew_seconds,
        "remarks": audit.remarks,
        "created_at": audit.created_at,
        "started_at": audit.started_at,
        "finished_at": audit.finished_at,
    }
    return orjson.dumps(body)
