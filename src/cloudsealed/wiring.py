"""The composition root: settings in, ready services out.

The only place that picks SQLite or PostgreSQL, memory or Valkey, disk or S3. What an audit needs of
it is made in `auditing.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

import orjson

from cloudsealed.auditing import Auditing, build_auditing
from cloudsealed.audits.classifying.reclassify import Reclassify
from cloudsealed.audits.scheduled import ScheduledAudits
from cloudsealed.audits.sealing.bundle import bundle
from cloudsealed.audits.sealing.proof import prove
from cloudsealed.audits.sealing.retention import expire_evidence
from cloudsealed.audits.service import JOB as AUDIT_JOB
from cloudsealed.audits.simulations.service import SimulationService
from cloudsealed.audits.simulations.store import JOB as SIMULATION_JOB
from cloudsealed.audits.store import AuditStore
from cloudsealed.audits.tasks import RunAudit, adopt_abandoned
from cloudsealed.auth.access import Access
from cloudsealed.auth.attempts import Attempts
from cloudsealed.auth.logins import LoginService
from cloudsealed.auth.oauth.apps import AppService, GrantService
from cloudsealed.auth.oauth.client_credentials import ClientCredentials
from cloudsealed.auth.oauth.clients import ClientService
from cloudsealed.auth.oauth.device import DeviceFlow
from cloudsealed.auth.oauth.server import AuthorizationServer
from cloudsealed.auth.oauth.token_endpoint import TokenEndpoint
from cloudsealed.auth.place_store import PlaceStore
from cloudsealed.auth.service_accounts import ServiceAccountService
from cloudsealed.auth.sessions import SessionService
from cloudsealed.auth.tokens import TokenService
from cloudsealed.auth.users import UserService
from cloudsealed.collectors.asked import joined, left_out
from cloudsealed.collectors.permissions import policy_document
from cloudsealed.connections.schedules.service import ScheduleService
from cloudsealed.events import EventStore
from cloudsealed.events.chain_store import extend
from cloudsealed.events.export import written
from cloudsealed.jobs import Ending, Handler, PulseStore, Worker, WorkerProcess
from cloudsealed.jobs.store import JobStore
from cloudsealed.jobs.worker import worker_name
from cloudsealed.kit.clock import Clock, utc_now
from cloudsealed.policies.catalogue import Catalogue
from cloudsealed.policies.frameworks import frameworks
from cloudsealed.policies.service import JOB as CLASSIFICATION_JOB
from cloudsealed.reports.look import Look, look_of
from cloudsealed.reports.scheduled import ScheduledReports
from cloudsealed.reports.service import ReportService
from cloudsealed.reports.source import ReportSources
from cloudsealed.reports.store import JOB as REPORT_JOB
from cloudsealed.reports.tasks import GenerateReport
from cloudsealed.resources.service import ResourceService
from cloudsealed.settings import Settings
from cloudsealed.storage.blobs import Blobs, open_blobs
from cloudsealed.storage.counters import Counters, open_counters
from cloudsealed.storage.database import ServiceUnavailableError
from cloudsealed.storage.exports import kept, slot, timed
from cloudsealed.storage.snapshot import snapshot
from cloudsealed.storage.spools import Spooled, Spools
from cloudsealed.vocabulary import ScheduleKind

_CHAIN_SECONDS, _HOUSEKEEPING_SECONDS, _RETENTION_SECONDS = 2.0, 5.0, 3600.0
_CHAINED = 20  # batches of events that an export chains first
_LONGEST = {
    AUDIT_JOB: 24 * 3600.0,
    REPORT_JOB: 3600.0,
    CLASSIFICATION_JOB: 6 * 3600.0,
    SIMULATION_JOB: 6 * 3600.0,
}
"""Seconds that a job may take, whatever progress it makes."""
_SLOTS = {AUDIT_JOB: 2, REPORT_JOB: 1, CLASSIFICATION_JOB: 1, SIMULATION_JOB: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Services(Auditing):
    """Everything that a surface needs; safe for threads."""

    counters: Counters
    blobs: Blobs
    users: UserService
    service_accounts: ServiceAccountService
    logins: LoginService
    tokens: TokenService
    apps: AppService
    grants: GrantService
    oauth: AuthorizationServer
    clients: ClientService
    client_credentials: ClientCredentials
    devices: DeviceFlow
    sessions: SessionService
    schedules: ScheduleService
    resources: ResourceService
    simulations: SimulationService
    catalogue: Catalogue
    reports: ReportService
    look: Look
    events: EventStore
    spools: Spools = field(default_factory=Spools)

    def token_endpoint(self) -> TokenEndpoint:
        """Return what answers the clients of OAuth, apps and service accounts alike."""
        return TokenEndpoint(
            server=self.oauth, credentials=self.client_credentials, devices=self.devices
        )

    def sources(self) -> ReportSources:
        """Return what gathers the data of reports."""
        return ReportSources(
            tenants=self.tenants,
            users=self.users,
            policies=self.policies,
            events=self.events,
            audits=self.audits,
            findings=self.findings,
            resources=self.resources,
            keys=self.keys,
            owner_tags=self.settings.owner_tags,
            look=self.look,
        )

    def worker(self) -> Worker:
        """Return a worker for every kind of background work of this installation."""
        audits = RunAudit(
            runner=self.runner, store=AuditStore(self.database, self.clock), owner=worker_name()
        )
        reports = GenerateReport(
            database=self.database,
            blobs=self.blobs,
            clock=self.clock,
            source=self.sources(),
            retention_days=self.settings.report_retention_days,
        )
        classify = Reclassify(
            database=self.database,
            policies=self.policies,
            clock=self.clock,
            seconds=self.settings.policy_seconds,
        )
        handlers: Mapping[str, Handler] = {
            AUDIT_JOB: audits,
            REPORT_JOB: reports,
            CLASSIFICATION_JOB: classify,
            SIMULATION_JOB: self.simulations,
        }
        endings: Mapping[str, Ending] = {
            AUDIT_JOB: audits.give_up,
            REPORT_JOB: reports.give_up,
            SIMULATION_JOB: self.simulations.give_up,
        }
        return Worker(
            self.database,
            handlers,
            slots=_SLOTS,
            endings=endings,
            longest=_LONGEST,
            patience=self.settings.job_patience,
            clock=self.clock,
        )

    def work(self) -> WorkerProcess:
        """Return all that a worker's process does for this installation."""
        return WorkerProcess(
            self.worker(),
            PulseStore(self.database),
            clock=self.clock,
            patience=self.settings.job_patience,
            kept={
                "housekeeping": (self.housekeep, _HOUSEKEEPING_SECONDS),
                "chain of events": (self.chain_events, _CHAIN_SECONDS),
                "retention": (self.expire_evidence, _RETENTION_SECONDS),
            },
        )

    def has_worker(self, pid: int) -> bool:
        """Say whether a process of this host is a worker that is up; False without a database."""
        try:
            return any(pulse.name == worker_name(pid) for pulse in PulseStore(self.database).all())
        except ServiceUnavailableError:
            return False

    def connection_setup(self, *, tenant: str, ident: str) -> dict[str, Any]:
        """Return what has to stand in the cloud for a connection: whom its role trusts, and the
        least that it may read for the tenant's policies."""
        trust = self.connections.trust_policy(tenant=tenant, ident=ident)
        left = joined(
            self.policies.not_asked(tenant=tenant), left_out(self.settings.calls_left_out)
        )
        return {
            "object": "connection_setup",
            "connection_id": ident,
            "trust_policy": trust,
            "permissions_policy": policy_document(not_asked=left),
        }

    def remove_connection(self, *, tenant: str, ident: str) -> None:
        """Delete a connection and resolve what was found through it."""
        self.connections.delete(tenant=tenant, ident=ident)
        self.database.after(
            lambda: self.findings.remove_connection(tenant=tenant, connection_id=ident)
        )

    def housekeep(self) -> None:
        """Take up audits whose worker died; start what is due; end what is over: logins, grants,
        reports and what expired classifications did."""
        adopt_abandoned(self.database, self.clock)
        self.oauth.purge()
        self.client_credentials.purge()
        self.devices.purge()
        self.sessions.purge()
        self.logins.purge()
        self.simulations.purge()
        JobStore(self.database).purge(now=self.clock())
        for tenant in self.tenants.all():
            self.schedules.fire_due(tenant=tenant.id)
            self.reports.expire(tenant=tenant.id)
            self.policies.expire(tenant=tenant.id)

    def chain_events(self) -> bool:
        """Give some of the events of every tenant their place in its chain; say whether more
        wait."""
        found = [extend(self.database, self.keys, tenant=t.id) for t in self.tenants.all()]
        return any(found)

    def export_events(
        self, *, tenant: str, filters: Mapping[str, tuple[str, ...]], after: int, wanted: str
    ) -> Iterator[bytes]:
        """Return the pieces of a file of the tenant's events after one's number in the chain; what
        has no place in it yet gets one first, if the disk takes it. `wanted` is one of
        `events.export.FORMATS`."""
        with suppress(ServiceUnavailableError):
            any(not extend(self.database, self.keys, tenant=tenant) for _ in range(_CHAINED))
        with slot(), snapshot(self.database):
            found = timed(self.events.chained(tenant=tenant, filters=filters, after=after))
            return kept(written(found, wanted), self.settings.data_dir)

    def expire_evidence(self) -> None:
        """End the evidence of every tenant that is older than evidence is kept, and what was found
        through removed connections, if a process died before it had."""
        days = self.settings.retention_days
        for tenant in self.tenants.all():
            expire_evidence(self.database, self.clock, tenant=tenant.id, days=days)
            for ident in self.connections.removed(tenant=tenant.id):
                self.findings.remove_connection(tenant=tenant.id, connection_id=ident)

    def bundle(self, *, tenant: str, ident: str) -> Iterator[bytes]:
        """Return the pieces of an audit's bundle; raises AuditNotFoundError and
        AuditNotFinishedError."""
        audit = self.audits.with_evidence(tenant=tenant, ident=ident)
        return bundle(self.database, tenant=tenant, audit=audit, keys=self.keys)

    def bundle_file(self, *, tenant: str, ident: str) -> Spooled | None:
        """Return an audit's bundle as a file, whose size is known; None when there is no room for
        one. Raises as `bundle`."""
        self.audits.with_evidence(tenant=tenant, ident=ident)
        make = partial(self.bundle, tenant=tenant, ident=ident)
        return self.spools.get((tenant, ident), self.settings.blob_dir, make)

    def proof(self, *, tenant: str, ident: str, audit_id: str | None) -> dict[str, Any]:
        """Return the proof of a finding in an audit, the last one that looked at it if None.

        Raises FindingNotFoundError, AuditNotFoundError, AuditNotFinishedError and
        ObservationNotFoundError.
        """
        finding = orjson.loads(self.findings.get(tenant=tenant, ident=ident))
        audit = self.audits.with_evidence(tenant=tenant, ident=audit_id or finding["audit_id"])
        return prove(
            self.database, tenant=tenant, audit_id=audit.id, finding=finding, keys=self.keys
        )


def build_services(settings: Settings, *, clock: Clock = utc_now) -> Services:
    """Return the services of an installation whose key file and schema are there.

    Raises InvalidSettingError when calls are to be left out that there are none of.
    """
    core = build_auditing(settings, clock=clock)
    keys, database, audits = core.keys, core.database, core.audits
    counters, blobs = open_counters(settings), open_blobs(settings)
    tokens = TokenService(database=database, clock=clock, keys=keys, settings=settings)
    oauth = AuthorizationServer(
        database=database,
        keys=keys,
        clock=clock,
        issuer=settings.address,
        authenticator=tokens.authenticator,
    )
    access = Access(database=database, clock=clock, authenticator=tokens.authenticator)
    reports = ReportService(
        database=database,
        blobs=blobs,
        clock=clock,
        audit=lambda tenant, ident: orjson.loads(audits.get(tenant=tenant, ident=ident)),
        frameworks=lambda _tenant: frameworks().keys(),
    )
    schedules = ScheduleService(
        database=database,
        clock=clock,
        works={
            ScheduleKind.AUDIT: ScheduledAudits(audits),
            ScheduleKind.REPORT: ScheduledReports(
                reports=reports, audits=audits, connections=core.connections
            ),
        },
    )
    return Services(
        **{each.name: getattr(core, each.name) for each in fields(core)},
        counters=counters,
        blobs=blobs,
        users=UserService(
            database=database, keys=keys, clock=clock, access=access, public_url=settings.address
        ),
        service_accounts=ServiceAccountService(database=database, clock=clock),
        logins=LoginService(
            database=database,
            keys=keys,
            clock=clock,
            access=access,
            attempts=Attempts(
                counters, PlaceStore(database), settings.limit_login_account, keys.live("sessions")
            ),
        ),
        tokens=tokens,
        apps=AppService(
            database=database, keys=keys, clock=clock, authenticator=tokens.authenticator
        ),
        grants=GrantService(database=database, clock=clock, authenticator=tokens.authenticator),
        oauth=oauth,
        clients=ClientService(
            database=database, keys=keys, clock=clock, authenticator=tokens.authenticator
        ),
        client_credentials=ClientCredentials(
            database=database,
            keys=keys,
            clock=clock,
            issuer=settings.address,
            authenticator=tokens.authenticator,
        ),
        devices=DeviceFlow(
            database=database,
            keys=keys,
            clock=clock,
            server=oauth,
            counters=counters,
            budget=settings.limit_device,
        ),
        sessions=SessionService(database=database, keys=keys, clock=clock),
        schedules=schedules,
        resources=ResourceService(database=database, owner_tags=settings.owner_tags),
        simulations=SimulationService(
            database=database, policies=core.policies, clock=clock, seconds=settings.policy_seconds
        ),
        catalogue=Catalogue(database),
        reports=reports,
        look=look_of(settings),
        events=EventStore(database),
    )
