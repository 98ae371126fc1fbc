"""An observation: the outcome of one policy on one resource, a line of a block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloudsealed.audits.records.reasons import Reason, is_unsupported
from cloudsealed.vocabulary import Outcome, Severity

_PERHAPS = ("base_severity", "severity_open", "savings", "yields_to", "formerly")
"""Left out of a line where it is None, so that lines are the bytes that they were before."""

OWNED_BY_ANOTHER = "owned_by_another"
"""The kind of reason why a policy does not apply to what another account owns."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The outcome of one policy on one resource; a line of a block.

    `base_severity` is the one by the policy's conditions, before any classification; None is the
    policy's own, also where it is `severity_open`: what a condition reads was not read. `yields_to`
    is the fingerprint of the observation that asks for attention in the place of this one.
    `savings` is what a cure saves, as `policies.savings` says it, None where the policy does not.
    `formerly` is the fingerprint by the id that the resource had before.
    """

    native_id: str
    type: str
    outcome: Outcome
    severity: Severity
    fingerprint: str
    snapshot: str
    title: str | None = None
    evidence: tuple[Mapping[str, Any], ...] = ()
    reasons: tuple[Reason, ...] = ()
    classified_by: Mapping[str, Any] | None = None
    suppressed: bool = False
    base_severity: Severity | None = None
    severity_open: bool | None = None
    savings: Mapping[str, Any] | None = None
    yields_to: str | None = None
    formerly: str | None = None

    @property
    def asks(self) -> bool:
        """Whether it fails, and counts."""
        yields = self.suppressed or self.yields_to is not None
        return self.outcome is Outcome.FAIL and not yields

    @property
    def settles(self) -> bool:
        """Whether it says how the resource is: not so if what it asks for is unsupported."""
        return self.outcome is not Outcome.UNKNOWN and not is_unsupported(self.reasons)

    def as_dict(self) -> dict[str, Any]:
        """Return the line as JSON values."""
        return {
            "native_id": self.native_id,
            "type": self.type,
            "outcome": self.outcome,
            "severity": self.severity,
            "fingerprint": self.fingerprint,
            "snapshot": self.snapshot,
            "title": self.title,
            "evidence": self.evidence,
            "reasons": self.reasons,
            "classified_by": self.classified_by,
            "suppressed": self.suppressed,
            **{name: value for name in _PERHAPS if (value := getattr(self, name)) is not None},
        }


def observation_of(line: Mapping[str, Any]) -> Observation:
    """Return the observation that `Observation.as_dict` described."""
    values = {
        **line,
        "outcome": Outcome(line["outcome"]),
        "severity": Severity(line["severity"]),
        "base_severity": Severity(line["base_severity"]) if line.get("base_severity") else None,
        "evidence": tuple(line["evidence"]),
        "reasons": tuple(line["reasons"]),
    }
    return Observation(**values)
