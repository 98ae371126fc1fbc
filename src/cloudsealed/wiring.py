"""The composition root: settings in, ready services out.

The only place that picks SQLite or PostgreSQL, memory or Valkey, disk or S3. What an audit needs of
it is made in `auditing.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import orjson

from cloudsealed.auditing import Auditing, build_auditing
from cloudsealed.audits.evidence import EvidenceService
from cloudsealed.audits.scheduled import ScheduledAudits
from cloudsealed.audits.simulations.service import SimulationService
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
from cloudsealed.connections.schedules.service import ScheduleService
from cloudsealed.events import EventStore
from cloudsealed.events.files import EventFiles
from cloudsealed.kit.clock import Clock, utc_now
from cloudsealed.policies.catalogue import Catalogue
from cloudsealed.policies.frameworks import frameworks
from cloudsealed.reports.look import Look, look_of
from cloudsealed.reports.scheduled import ScheduledReports
from cloudsealed.reports.service import ReportService
from cloudsealed.reports.source import ReportSources
from cloudsealed.resources.service import ResourceService
from cloudsealed.settings import Settings
from cloudsealed.storage.blobs import Blobs, open_blobs
from cloudsealed.storage.counters import Counters, open_counters
from cloudsealed.views.service import ViewService
from cloudsealed.vocabulary import ScheduleKind, ViewOf


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
    event_files: EventFiles
    evidence: EvidenceService
    views: ViewService

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
    resources = ResourceService(database=database, owner_tags=settings.owner_tags)
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
        resources=resources,
        simulations=SimulationService(
            database=database, policies=core.policies, clock=clock, seconds=settings.policy_seconds
        ),
        catalogue=Catalogue(database),
        reports=reports,
        look=look_of(settings),
        events=EventStore(database),
        event_files=EventFiles(database=database, keys=keys, folder=settings.data_dir),
        evidence=EvidenceService(
            database=database,
            audits=audits,
            findings=core.findings,
            keys=keys,
            folder=settings.blob_dir,
        ),
        views=ViewService(
            database=database,
            clock=clock,
            lists={ViewOf.FINDINGS: core.findings.list, ViewOf.RESOURCES: resources.list},
        ),
    )
