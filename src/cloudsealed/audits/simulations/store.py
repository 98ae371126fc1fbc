"""Rows of simulations. The only SQL of simulations."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import bindparam, select

from cloudsealed.audits.simulations.model import Simulation, SimulationNotFoundError
from cloudsealed.jobs import enqueue
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.storage.database import Database, Row
from cloudsealed.storage.schema import simulations
from cloudsealed.vocabulary import SimulationStatus

JOB = "simulation"
"""The kind of job that runs a simulation; its subject is the simulation's id."""

_COLUMNS = ("id", "status", "request", "created_at", "finished_at", "results", "error")
_CHANGED = ("status", "finished_at", "results", "error")
_THIS = (simulations.c.tenant_id == bindparam("tenant"), simulations.c.id == bindparam("ident"))
_ONE = select(*(simulations.c[name] for name in _COLUMNS)).where(*_THIS)
_INSERT = simulations.insert()
_CHANGE = (
    simulations.update().where(*_THIS).values({name: bindparam(f"new_{name}") for name in _CHANGED})
)
_PURGE = simulations.delete().where(  # tenantless: housekeeping
    simulations.c.created_at < bindparam("before")
)


class SimulationStore:
    """Reads and writes simulations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, *, tenant: str, simulation: Simulation) -> None:
        """Add a simulation, and the job that will run it."""
        with self._database.write() as connection:
            connection.run(_INSERT, {"tenant_id": tenant, **_encode(simulation)})
            enqueue(connection, tenant=tenant, kind=JOB, subject=simulation.id)

    def get(self, *, tenant: str, ident: str, deadline: float | None = None) -> Simulation:
        """Return one simulation; raises SimulationNotFoundError."""
        with self._database.read(deadline) as connection:
            row = connection.first(_ONE, {"tenant": tenant, "ident": ident})
        if row is None:
            raise SimulationNotFoundError(ident)
        return _decode(row)

    def change(self, *, tenant: str, simulation: Simulation) -> None:
        """Write a simulation's new state."""
        row = _encode(simulation)
        values = {f"new_{name}": row[name] for name in _CHANGED}
        with self._database.write() as connection:
            connection.run(_CHANGE, {"tenant": tenant, "ident": simulation.id, **values})

    def purge(self, *, before: str) -> None:
        """Drop the simulations of every tenant that were made before a moment."""
        with self._database.write() as connection:
            connection.run(_PURGE, {"before": before})


def _encode(simulation: Simulation) -> dict[str, Any]:
    request = {"policy": simulation.policy.as_dict(), "audit_ids": simulation.audit_ids}
    return {
        "id": simulation.id,
        "status": simulation.status,
        "request": _json(request),
        "created_at": simulation.created_at,
        "finished_at": simulation.finished_at,
        "results": _json(simulation.results),
        "error": _json(simulation.error) if simulation.error else None,
    }


def _decode(row: Row) -> Simulation:
    ident, status, request, created_at, finished_at, results, error = row
    asked = orjson.loads(request)
    return Simulation(
        id=ident,
        status=SimulationStatus(status),
        policy=PolicyVersion.of(asked["policy"]),
        audit_ids=tuple(asked["audit_ids"]),
        created_at=created_at,
        finished_at=finished_at,
        results=tuple(orjson.loads(results)),
        error=orjson.loads(error) if error else None,
    )


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
