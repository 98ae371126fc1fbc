"""/v1/policies/simulate and /v1/simulations: what a policy would do, before it does it."""

from __future__ import annotations

from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.v1.schemas import policies as shapes
from cloudsealed.audits import bodies
from cloudsealed.audits.model import AuditNotFinishedError
from cloudsealed.auth.model import Scope
from cloudsealed.policies.model import (
    BuiltinPolicyImmutableError,
    InvalidPolicyExpressionError,
    PolicyNotFoundError,
)
from cloudsealed.storage import schema
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.vocabulary import EventType

TABLE = Table(
    "Simulations",
    "What a policy would do to the present findings; nothing else changes. Kept for 7 days.",
    getter=lambda call: call.services.simulations.get(**call.one),
    rows=schema.simulations,
)


@TABLE.makes(
    "/v1/policies/simulate",
    made_at="/v1/simulations",
    scope=Scope.POLICIES_WRITE,
    status=202,
    heavy=("simulations",),
    answer=shapes.Simulation,
    body=bodies.SIMULATION,
    errors=(
        AuditNotFinishedError,
        BuiltinPolicyImmutableError,
        EvidenceExpiredError,
        InvalidPolicyExpressionError,
        PolicyNotFoundError,
    ),
    event=EventType.SIMULATION_CREATED,
)
def simulate_policy(call: Call) -> Reply:
    """Simulate a policy.

    A check is judged on the snapshots of past audits: what a reanalysis of each would open, close
    and change. A classification is tried on the findings that are open: on all of them, or on
    those that the audits named saw fail last.
    """
    return call.services.simulations.create(tenant=call.tenant, body=call.body, admit=call.admit)


@TABLE.gets("/v1/simulations/{id}", scope=Scope.FINDINGS_READ, answer=shapes.Simulation)
def get_simulation(call: Call) -> Reply:
    """Retrieve a simulation and what it found so far.

    Poll it until `finished_at` is not null. Nothing but the simulation itself was changed.
    """
    return call.services.simulations.get(**call.one, deadline=call.deadline)
