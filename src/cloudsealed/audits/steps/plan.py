"""What an audit will look at: the account and the regions behind each of its connections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from cloudsealed.audits.model import Audit, Scope, Target
from cloudsealed.audits.records.ledger import Ledger, RecordedCalls, Recorder
from cloudsealed.audits.records.reasons import gap_document
from cloudsealed.audits.shard_store import Lease
from cloudsealed.audits.skew import heard
from cloudsealed.collectors.asked import NotAsked, rows_asked
from cloudsealed.collectors.errors import CloudAccessError
from cloudsealed.collectors.model import Caller, Place, Row
from cloudsealed.collectors.provider import Choice, Identity, Regions, Session
from cloudsealed.collectors.registry import RESOURCE_TYPES, places
from cloudsealed.connections.model import AmbientCredentialsNotAllowedError, CloudConnection
from cloudsealed.connections.service import ConnectionService
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import Provider


def plan(
    audit: Audit,
    *,
    tenant: str,
    connections: ConnectionService,
    choice: Choice,
    caller: Callable[[Session], Caller],
    lease: Lease,
    database: Database,
) -> tuple[tuple[Target, ...], timedelta | None]:
    """Return where each connection leads, and the provider's clock minus ours, None if unknown; a
    connection that cannot be used has its error."""
    ledger = Ledger(database, tenant=tenant, audit_id=audit.id)
    targets, skews = [], []
    with Recorder(lease, audit.id) as recorder:
        for ident in audit.connection_ids:
            lease.step()
            found = connections.find(tenant=tenant, ident=ident)
            try:
                session = connections.open(tenant=tenant, ident=ident, choice=choice)
                identity = session.identify()
                skews.append(session.clock_skew())
                connections.learn_account(tenant=tenant, ident=ident, account=identity.account)
                recorded = RecordedCalls(ledger, caller(session), recorder)
                enabled = session.regions(identity.account, recorded)
            except (CloudAccessError, AmbientCredentialsNotAllowedError) as error:
                problem = {"code": error.code, "message": error.message}
                nowhere = Target(ident, None, found.provider, (), problem, provider=found.provider)
                targets.append(nowhere)
                continue
            wanted = audit.scope.regions or found.regions
            targets.append(_target(found, identity, wanted, enabled))
    recorder.stop_if_asked()
    return tuple(targets), heard(audit.id, skews)


def _target(
    connection: CloudConnection, identity: Identity, wanted: Sequence[str] | None, enabled: Regions
) -> Target:
    """Return the target of a connection that is limited to the regions `wanted`, if it is."""
    regions = enabled.names if wanted is None else wanted
    return Target(
        connection.id,
        identity.account,
        identity.partition,
        tuple(sorted(regions)),
        left_out=tuple(sorted(set() if enabled.gap else {*enabled.names} - {*regions})),
        regions_gap=gap_document(enabled.gap) if enabled.gap else None,
        alias=identity.alias,
        provider=connection.provider,
    )


def planned_cells(checks: Sequence[PolicyVersion], tasks: Iterable[Task]) -> int:
    """Return how many cells an audit means to judge: policy x account x region."""
    by_type: dict[str, set[tuple[str, str]]] = {}
    for task in tasks:
        by_type.setdefault(task.row.type, set()).add((task.place.account, task.place.region))
    nowhere: set[tuple[str, str]] = set()
    return sum(
        len(nowhere.union(*(by_type.get(t, nowhere) for t in check.spec["resource_types"])))
        for check in checks
    )


@dataclass(frozen=True, slots=True)
class Task:
    """One type to collect in one place, through one connection."""

    connection_id: str
    place: Place
    row: Row


def tasks_of(
    targets: Iterable[Target], scope: Scope, not_asked: NotAsked = MappingProxyType({})
) -> list[Task]:
    """Return what an audit collects, in a fixed order; an account reached twice counts once."""
    rows: dict[Provider, list[Row]] = {}
    for row in rows_of(scope, not_asked):
        rows.setdefault(row.provider, []).append(row)
    found: dict[tuple[str, str, str], Task] = {}
    for target in targets:
        if target.account is None:
            continue
        for row in rows.get(target.provider, ()):
            for place in places(row, target.account, target.partition, target.regions):
                key = (place.account, place.region, row.type)
                found.setdefault(key, Task(target.connection_id, place, row))
    return list(found.values())


def rows_of(scope: Scope, not_asked: NotAsked) -> list[Row]:
    """Return the rows of an audit's types, each without what is not asked."""
    return rows_asked((row for row in RESOURCE_TYPES.values() if _in_scope(row, scope)), not_asked)


def _in_scope(row: Row, scope: Scope) -> bool:
    """Say whether a type is in scope; regions narrow regional services only."""
    wanted_service = scope.services is None or row.service_name in scope.services
    return wanted_service and (scope.resource_types is None or row.type in scope.resource_types)
