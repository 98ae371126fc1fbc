"""Reconciling accounts: what an audit judged becomes what their resources and findings are."""

from __future__ import annotations

from collections.abc import Iterable

from cloudsealed.audits.records import blocks
from cloudsealed.audits.records.blocks import FAILED, SEEN, Spool
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.shard_store import Shard, Step
from cloudsealed.audits.skew import NO_HORIZON, TOLERATED
from cloudsealed.audits.steps.apply import Applier, spoken_places
from cloudsealed.audits.steps.part import Part
from cloudsealed.findings.pin_store import Pin
from cloudsealed.kit.clock import rfc3339
from cloudsealed.resources.seen_store import unpacked
from cloudsealed.vocabulary import AuditStatus


def reconcile_accounts(part: Part) -> None:
    """Reconcile the accounts of the part; the audit is sealed after its last one."""
    part.progress.enter(AuditStatus.SEALING)
    for shard in part.lease.parts:
        _reconcile(part, shard.account)
    with part.closing() as connection:
        if not part.is_left(connection, Step.RECONCILE):
            part.follow(connection, [Shard(Step.SEAL)])


def _reconcile(part: Part, account: str) -> None:
    means, audit, tenant = part.means, part.audit, part.lease.tenant
    snapshots = Snapshots(means.database, **part.named, account=account)
    applier = Applier(
        database=means.database,
        lease=part.lease,
        snapshots=snapshots,
        horizon=rfc3339(part.present() + TOLERATED) if part.is_live else NO_HORIZON,
        yields=means.policies.yields(tenant=tenant),
        account=account,
    )
    seen = applier.resources()
    failing: list[Pin] = applier.findings()
    places = list(spoken_places(snapshots.listings()))
    if audit.policies is None and part.is_live:
        used = {version["id"] for version in audit.policy_set}
        gone = [i for i in means.policies.withdrawn(tenant=tenant) if i not in used]
        applier.withdraw(gone, places, audit.clock or rfc3339(means.clock()))
    applier.settle(places)
    _keep(part, SEEN, account, map(unpacked, seen))
    _keep(part, FAILED, account, failing)


def _keep(part: Part, kind: str, account: str, lines: Iterable[object]) -> None:
    """Keep what the seal says of all accounts together."""
    spool = Spool(part.lease.tenant, part.lease.month)
    for line in lines:
        spool.add(line)
        if spool.is_full:
            with part.lease.write() as connection:
                spool.flush(connection)
    with part.lease.write() as connection:
        blocks.put(
            connection,
            **part.named,
            kind=kind,
            key="",
            account=account,
            region="",
            lines=spool,
            header={},
        )
