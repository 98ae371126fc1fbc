"""What a finding is: one policy failing on one resource, known over time by its fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import IntEnum
from typing import Any

from cloudsealed.kit.canonical import digest
from cloudsealed.kit.errors import NotFoundError
from cloudsealed.vocabulary import (
    Dimension,
    FindingStatus,
    Outcome,
    Resolution,
    Severity,
    TriageState,
)

NO_SAVINGS = -1  # in the column that sorts; the public value is null


class FindingNotFoundError(NotFoundError):
    """No finding of the tenant has this id."""

    code = "finding_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("finding", ident)


@dataclass(frozen=True, slots=True)
class ResourceRef:
    """The part of a resource that a finding shows."""

    id: str
    type: str
    native_id: str
    name: str | None
    provider: str
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Triage:
    """What people decided about a finding; it never changes the status."""

    state: TriageState
    assignee: str | None
    note: str | None
    expires_at: str | None
    updated_at: str
    updated_by: str


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """When something was observed: the time of collection, then the audit, for a total order."""

    at: str
    audit_id: str


class Follows(IntEnum):
    """How a finding's last moments follow its cell: the newest audit that settled its policy in its
    account and region. So an audit that says what is known already writes no finding."""

    NOTHING = 0
    """They are those of its row."""
    SEEN = 1
    """Every audit of the cell that is newer than the row observed the same."""
    MISSED = 2
    """None of them saw its resource."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding as it stands. Times are RFC 3339 text, those of observations being of collection.

    `decided` is the moment of the newest observation that settled its status, `looked` that of the
    newest of any kind; the two differ while the newest is unknown. `yields_to` is the id of the
    finding that asks for attention in its place, by what their policies say; then it is suppressed.
    `savings` is what a cure saves a month, or `unknown`, why that is not known; None where nobody
    says. `said` is the digest of the words that alone made it what it is; one that was read has
    none, so that whoever else writes it leaves none.
    """

    id: str
    fingerprint: str
    policy_id: str
    policy_version: int
    connection_id: str
    dimension: Dimension
    title: str
    resource: ResourceRef
    severity: Severity
    base_severity: Severity
    classified_by: Mapping[str, Any] | None
    status: FindingStatus
    resolution: Resolution | None
    evidence: tuple[Mapping[str, Any], ...]
    triage: Triage | None
    last_observation: Outcome
    audit_id: str
    decided: Moment
    looked: Moment
    first_seen_at: str
    last_seen_at: str
    resolved: Moment | None
    savings: Mapping[str, Any] | None = None
    yields_to: str | None = None
    follows: Follows = field(default=Follows.NOTHING, compare=False)
    said: bytes | None = field(default=None, compare=False)

    @property
    def monthly_savings_cents(self) -> int | None:
        """What a cure saves a month, in cents."""
        amount: str | None = (self.savings or {}).get("amount")
        return None if amount is None else int(Decimal(amount) * 100)

    @property
    def is_resolved(self) -> bool:
        """Whether it is over."""
        return self.status is FindingStatus.RESOLVED

    @property
    def is_silenced(self) -> bool:
        """Whether a classification suppresses it."""
        return self.status is FindingStatus.SUPPRESSED and self.yields_to is None

    def asking(self) -> Finding:
        """Return it, unresolved, as it asks for attention."""
        if self.status is FindingStatus.OPEN and self.yields_to is None:
            return self
        return replace(self, status=FindingStatus.OPEN, yields_to=None)

    def silenced(self) -> Finding:
        """Return it, unresolved, as a classification suppresses it."""
        return replace(self, status=FindingStatus.SUPPRESSED, yields_to=None)

    def behind(self, other: Finding) -> Finding:
        """Return it, unresolved, as another asks for attention in its place."""
        return replace(self, status=FindingStatus.SUPPRESSED, yields_to=other.id)

    @property
    def failed(self) -> Moment:
        """The moment of the newest observation that it fails."""
        return Moment(self.last_seen_at, self.audit_id)

    def at(self, moment: Moment) -> Finding:
        """Return it as it stands once an audit of `moment` settled its cell, as it follows that."""
        moments = self._moments(self.follows, moment)
        if moments == self._moments(Follows.NOTHING, moment):
            return self
        decided, looked, failed = moments
        return replace(
            self, decided=decided, looked=looked, audit_id=failed.audit_id, last_seen_at=failed.at
        )

    def following(self, moment: Moment, said: bytes | None = None) -> Finding:
        """Return it as it is to be written, when `moment` is that of its cell's newest audit, which
        `said` what the digest is of; words that it does not follow are not kept."""
        stands = self._moments(Follows.NOTHING, moment)
        each = (Follows.SEEN, Follows.MISSED)
        follows = next((f for f in each if self._moments(f, moment) == stands), Follows.NOTHING)
        return replace(self, follows=follows, said=said if follows is Follows.SEEN else None)

    def _moments(self, follows: Follows, moment: Moment) -> tuple[Moment, Moment, Moment]:
        """Return when it was decided, looked at and failed last, once it followed `moment` so."""
        decided, looked, failed = self.decided, self.looked, self.failed
        if follows is Follows.SEEN:
            looked = max(looked, moment)
            if self.last_observation is Outcome.FAIL:
                failed = max(failed, moment)
        is_open = follows is Follows.SEEN and self.last_observation is Outcome.UNKNOWN
        if follows is not Follows.NOTHING and not is_open:
            decided = max(decided, moment)
        return decided, looked, failed


def fingerprint(
    *,
    policy_key: str,
    provider: str,
    account: str,
    region: str,
    native_id: str,
    discriminator: str = "",
) -> str:
    """Return what makes a finding the same one in every audit: never a name, never an enrichment.

    `region` is that of the list call, `global` for global services.
    """
    return digest([1, policy_key, provider, account, region, native_id, discriminator])
