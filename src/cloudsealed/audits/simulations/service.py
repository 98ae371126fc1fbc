"""What can be done with simulations: ask for one, see what it found; and the job that runs it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cloudsealed.audits.bodies import SIMULATION
from cloudsealed.audits.model import Audit, AuditNotFinishedError
from cloudsealed.audits.simulations.forecast import Forecast
from cloudsealed.audits.simulations.model import Simulation, SimulationNotFoundError
from cloudsealed.audits.simulations.store import SimulationStore
from cloudsealed.audits.store import AuditStore
from cloudsealed.jobs import Admit, Job, admitted
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.errors import (
    CloudSealedError,
    InvalidFieldError,
    MissingFieldError,
    NotFoundError,
)
from cloudsealed.kit.ids import new_id
from cloudsealed.kit.shapes import read_body
from cloudsealed.policies.service import PolicyService
from cloudsealed.storage.database import Database, ServiceUnavailableError
from cloudsealed.vocabulary import AuditStatus, PolicyKind, SimulationStatus

_KEPT = timedelta(days=7)

log = logging.getLogger(__name__)


class SimulationService:
    """The use cases of simulations; called with a job, it is the handler of its kind."""

    def __init__(
        self, *, database: Database, policies: PolicyService, clock: Clock, seconds: float
    ) -> None:
        self._database = database
        self._policies = policies
        self._audits = AuditStore(database, clock)
        self._store = SimulationStore(database)
        self._clock = clock
        self._seconds = seconds

    def get(self, *, tenant: str, ident: str, deadline: float | None = None) -> bytes:
        """Return a simulation as public JSON; raises SimulationNotFoundError."""
        return self._store.get(tenant=tenant, ident=ident, deadline=deadline).public()

    def create(self, *, tenant: str, body: Any, admit: Admit = admitted) -> bytes:
        """Queue a simulation of {policy, audit_ids?} and return it as public JSON.

        `policy` is an id or key, or what `POST /v1/policies` takes. A check needs audits.
        Raises a 422 that names the bad field, PolicyNotFoundError and AuditNotFinishedError.
        """
        asked = read_body(SIMULATION, body)
        policy = self._policies.draft(tenant=tenant, value=asked["policy"])
        audit_ids = asked["audit_ids"] or ()
        if policy.kind is PolicyKind.CHECK and not audit_ids:
            raise MissingFieldError("audit_ids")
        for index, ident in enumerate(audit_ids):
            try:
                self._completed(tenant, ident)
            except NotFoundError as error:
                raise InvalidFieldError(f"audit_ids[{index}]", error.message) from error
        admit()
        simulation = Simulation(
            id=new_id("sim"),
            status=SimulationStatus.QUEUED,
            policy=policy,
            audit_ids=audit_ids,
            created_at=rfc3339(self._clock()),
        )
        self._store.add(tenant=tenant, simulation=simulation)
        return simulation.public()

    def __call__(self, job: Job) -> None:
        """Run the simulation that `job` is about; one that cannot be run fails, with the reason.

        Raises ServiceUnavailableError, to be tried again once what is away is back.
        """
        try:
            simulation = self._store.get(tenant=job.tenant, ident=job.subject)
        except SimulationNotFoundError:
            return
        simulation = replace(simulation, status=SimulationStatus.RUNNING, results=())
        try:
            self._store.change(tenant=job.tenant, simulation=simulation)
            for result in self._results(job.tenant, simulation):
                simulation = replace(simulation, results=(*simulation.results, result))
                self._store.change(tenant=job.tenant, simulation=simulation)
                job.progressed()
            self._end(job.tenant, replace(simulation, status=SimulationStatus.COMPLETED))
        except ServiceUnavailableError:
            raise
        except Exception as error:
            log.exception("simulation %s failed", simulation.id)
            reason = CloudSealedError.reason(error, "The simulation could not be run")
            failed = replace(simulation, status=SimulationStatus.FAILED, error=reason)
            self._end(job.tenant, failed)

    def give_up(self, job: Job, reason: Mapping[str, str]) -> None:
        """End the job's simulation `failed`, unless it has ended."""
        try:
            simulation = self._store.get(tenant=job.tenant, ident=job.subject)
        except SimulationNotFoundError:
            return
        if simulation.finished_at is None:
            failed = replace(simulation, status=SimulationStatus.FAILED, error=reason)
            self._end(job.tenant, failed)

    def purge(self) -> None:
        """Drop the simulations of every tenant that are older than a week."""
        self._store.purge(before=rfc3339(self._clock() - _KEPT))

    def _results(self, tenant: str, simulation: Simulation) -> Iterator[Mapping[str, Any]]:
        forecast = Forecast(
            database=self._database,
            policies=self._policies,
            clock=self._clock,
            tenant=tenant,
            seconds=self._seconds,
        )
        if simulation.policy.kind is PolicyKind.CLASSIFICATION:
            yield from forecast.of_classification(simulation.policy, simulation.audit_ids)
            return
        for ident in simulation.audit_ids:
            yield forecast.of_check(simulation.policy, self._completed(tenant, ident))

    def _completed(self, tenant: str, ident: str) -> Audit:
        audit = self._audits.get(tenant=tenant, ident=ident)
        if audit.status is not AuditStatus.COMPLETED:
            raise AuditNotFinishedError(f"The audit {ident} is {audit.status}, not completed")
        audit.require_evidence()
        return audit

    def _end(self, tenant: str, simulation: Simulation) -> None:
        ended = replace(simulation, finished_at=rfc3339(self._clock()))
        self._store.change(tenant=tenant, simulation=ended)
