"""What a simulation is and what may be asked of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from cloudsealed.kit.errors import NotFoundError
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.vocabulary import SimulationStatus

MOST_AUDITS = 10
MOST_CHANGES = 200  # listed of one audit; the counts are of all


class SimulationNotFoundError(NotFoundError):
    """No simulation of the tenant has this id."""

    code = "simulation_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("simulation", ident)


@dataclass(frozen=True, slots=True)
class Simulation:
    """A simulation as it stands: `results` has one entry an audit that was gone through."""

    id: str
    status: SimulationStatus
    policy: PolicyVersion
    audit_ids: tuple[str, ...]
    created_at: str
    finished_at: str | None = None
    results: tuple[Mapping[str, Any], ...] = ()
    error: Mapping[str, str] | None = None

    def public(self) -> bytes:
        """Return the public JSON."""
        return orjson.dumps(
            {
                "id": self.id,
                "object": "simulation",
                "status": self.status,
                "policy": {
                    "key": self.policy.key,
                    "kind": self.policy.kind,
                    "version": self.policy.version,
                },
                "audit_ids": list(self.audit_ids),
                "results": list(self.results),
                "error": self.error,
                "created_at": self.created_at,
                "finished_at": self.finished_at,
            }
        )
