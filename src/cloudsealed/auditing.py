"""The part of the composition that an audit needs; `wiring.py` adds the rest of an installation.

The command that audits imports no logins, no reports and no server: they take longer to import than
a small account takes to audit.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudsealed.audits.model import TREND
from cloudsealed.audits.sealing.trusted import TrustedTime
from cloudsealed.audits.service import AuditService
from cloudsealed.audits.steps.run import Runner
from cloudsealed.auth.tenants import TenantService
from cloudsealed.collectors.asked import UnknownCallError, joined, left_out
from cloudsealed.connections.service import ConnectionService
from cloudsealed.findings.service import FindingService
from cloudsealed.kit.clock import Clock, utc_now
from cloudsealed.policies.service import PolicyService
from cloudsealed.settings import InvalidSettingError, Settings
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import KeyRing, load_keys
from cloudsealed.storage.open import open_database


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """What audits an account and tells what was found; safe for threads."""

    settings: Settings
    keys: KeyRing
    clock: Clock
    database: Database
    tenants: TenantService
    connections: ConnectionService
    policies: PolicyService
    findings: FindingService
    audits: AuditService
    runner: Runner


def build_auditing(settings: Settings, *, clock: Clock = utc_now) -> Auditing:
    """Return what an installation audits with; its key file and schema are there.

    Raises InvalidSettingError when calls are to be left out that there are none of.
    """
    try:
        left_out(settings.calls_left_out)
    except UnknownCallError as error:
        raise InvalidSettingError(f"CLOUDSEALED_CALLS_LEFT_OUT: {error}") from error
    keys, database = load_keys(settings.key_path), open_database(settings)
    tenants = TenantService(database=database, clock=clock)
    policies = PolicyService(database=database, clock=clock, now=TrustedTime(database, clock).now)
    connections = ConnectionService(
        database=database,
        clock=clock,
        settings=settings,
        tenant_count=lambda: len(tenants.all()),
        not_asked=lambda tenant: joined(
            policies.not_asked(tenant=tenant), left_out(settings.calls_left_out)
        ),
    )
    audits = AuditService(
        database=database, connections=connections, policies=policies, clock=clock
    )
    return Auditing(
        settings=settings,
        keys=keys,
        clock=clock,
        database=database,
        tenants=tenants,
        connections=connections,
        policies=policies,
        findings=FindingService(
            database=database,
            policies=policies,
            clock=clock,
            owner_tags=settings.owner_tags,
            compare=lambda tenant, audit, against: audits.compared(
                tenant=tenant, ident=audit, against=against
            ),
            audits=lambda tenant, audit: audits.followed(tenant=tenant, ident=audit, most=TREND),
        ),
        audits=audits,
        runner=Runner(
            database=database,
            connections=connections,
            policies=policies,
            keys=keys,
            settings=settings,
            clock=clock,
        ),
    )
