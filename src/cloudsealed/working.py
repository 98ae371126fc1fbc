"""What a worker's process does for an installation: its jobs, and what is kept up beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from cloudsealed.audits.classifying.reclassify import Reclassify
from cloudsealed.audits.sealing import retention
from cloudsealed.audits.shard_store import JOB as AUDIT_JOB
from cloudsealed.audits.simulations.store import JOB as SIMULATION_JOB
from cloudsealed.audits.tasks import RunAudit, adopt_abandoned
from cloudsealed.events.chain_store import extend
from cloudsealed.jobs import Ending, Handler, PulseStore, Worker, WorkerProcess
from cloudsealed.jobs.store import JobStore
from cloudsealed.jobs.worker import worker_name
from cloudsealed.policies.service import JOB as CLASSIFICATION_JOB
from cloudsealed.reports.store import JOB as REPORT_JOB
from cloudsealed.reports.tasks import GenerateReport
from cloudsealed.storage.database import Database
from cloudsealed.storage.lease_clock import lease_clock
from cloudsealed.storage.revision import schema_fault
from cloudsealed.wiring import Services

_CHAIN_SECONDS, _HOUSEKEEPING_SECONDS, _RETENTION_SECONDS = 2.0, 5.0, 3600.0
_LONGEST = {
    AUDIT_JOB: 24 * 3600.0,
    REPORT_JOB: 3600.0,
    CLASSIFICATION_JOB: 6 * 3600.0,
    SIMULATION_JOB: 6 * 3600.0,
}
"""Seconds that a job may take, whatever progress it makes."""
_SLOTS = {AUDIT_JOB: 2, REPORT_JOB: 1, CLASSIFICATION_JOB: 1, SIMULATION_JOB: 1}


def worker(services: Services) -> Worker:
    """Return a worker for every kind of background work of this installation."""
    audits = RunAudit(runner=services.runner, owner=worker_name())
    reports = GenerateReport(
        database=services.database,
        blobs=services.blobs,
        clock=services.clock,
        source=services.sources(),
        retention_days=services.settings.report_retention_days,
    )
    classify = Reclassify(
        database=services.database,
        policies=services.policies,
        clock=services.clock,
        seconds=services.settings.policy_seconds,
    )
    handlers: Mapping[str, Handler] = {
        AUDIT_JOB: audits,
        REPORT_JOB: reports,
        CLASSIFICATION_JOB: classify,
        SIMULATION_JOB: services.simulations,
    }
    endings: Mapping[str, Ending] = {
        AUDIT_JOB: audits.give_up,
        REPORT_JOB: reports.give_up,
        SIMULATION_JOB: services.simulations.give_up,
    }
    return Worker(
        services.database,
        handlers,
        slots=_SLOTS,
        endings=endings,
        longest=_LONGEST,
        leaving=services.runner.leave,
        patience=services.settings.job_patience,
        clock=lease_clock(services.database, services.clock),
    )


def worker_process(services: Services) -> WorkerProcess:
    """Return all that a worker's process does for this installation."""
    looked_over = services.database, lease_clock(services.database, services.clock)
    return WorkerProcess(
        worker(services),
        PulseStore(services.database),
        clock=services.clock,
        patience=services.settings.job_patience,
        pool=services.database.pool_status,
        unfit=partial(_other_schema, services.database),
        kept={
            "look-out": (partial(adopt_abandoned, *looked_over), _HOUSEKEEPING_SECONDS),
            "housekeeping": (partial(_by_the_first, services, housekeep), _HOUSEKEEPING_SECONDS),
            "chain of events": (partial(_by_the_first, services, chain_events), _CHAIN_SECONDS),
            "retention": (partial(_by_the_first, services, expire_evidence), _RETENTION_SECONDS),
        },
    )


def _other_schema(database: Database) -> str | None:
    """Say whether a newer version migrated the database under this worker, which then ends: it
    would write what that version cannot read."""
    with database.read() as connection:
        return schema_fault(connection)


def _by_the_first(services: Services, step: Callable[[Services], object]) -> object:
    """Do what goes through all tenants, in the first of the workers only: a round of thousands of
    tenants takes seconds of the database, in each process that goes it."""
    first = PulseStore(services.database).is_first(worker_name(), services.clock())
    return step(services) if first else None


def housekeep(services: Services) -> None:
    """Start what is due; end what is over: logins, grants, reports and what expired
    classifications did."""
    services.oauth.purge()
    services.client_credentials.purge()
    services.devices.purge()
    services.sessions.purge()
    services.logins.purge()
    services.simulations.purge()
    JobStore(services.database).purge(now=services.clock())
    for tenant in services.tenants.all():
        services.schedules.fire_due(tenant=tenant.id)
        services.reports.expire(tenant=tenant.id)
        services.policies.expire(tenant=tenant.id)


def chain_events(services: Services) -> bool:
    """Give some of the events of every tenant their place in its chain; say whether more
    wait."""
    found = [extend(services.database, services.keys, tenant=t.id) for t in services.tenants.all()]
    return any(found)


def expire_evidence(services: Services) -> bool:
    """End the evidence of every tenant that is older than evidence is kept, and what was found
    through removed connections, if a process died before it had; say whether rows are left."""
    database, clock, days = services.database, services.clock, services.settings.retention_days
    left = retention.ROUND
    for tenant in services.tenants.all():
        retention.expire_evidence(database, clock, tenant=tenant.id, days=days)
        left -= retention.forget_evidence(database, clock, tenant=tenant.id, days=days, most=left)
        for ident in services.connections.removed(tenant=tenant.id):
            services.findings.remove_connection(tenant=tenant.id, connection_id=ident)
        if left <= 0:
            return True
    return False
