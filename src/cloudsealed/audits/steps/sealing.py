"""Sealing an audit: what its accounts add up to, signed in the transaction that completes it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cloudsealed.audits.model import Audit, Target
from cloudsealed.audits.records import blocks
from cloudsealed.audits.records.blocks import FAILED, OBSERVATIONS, SEEN, SNAPSHOTS, Block, Blocks
from cloudsealed.audits.records.ledger import Ledger
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.sealing import seal as seals
from cloudsealed.audits.sealing.verdict import VerdictDigest, summarize
from cloudsealed.audits.shard_store import Lease
from cloudsealed.audits.steps import collisions
from cloudsealed.audits.steps.aliases import with_aliases
from cloudsealed.audits.steps.part import Part
from cloudsealed.audits.steps.plan import planned_cells
from cloudsealed.events import emit
from cloudsealed.findings.pin_store import Pin
from cloudsealed.findings.store import pin_to_audit
from cloudsealed.kit.clock import rfc3339
from cloudsealed.kit.logs import say
from cloudsealed.policies.service import policy_set
from cloudsealed.resources.seen_store import blocks_of, packed, pin_block
from cloudsealed.storage.tenancy import take_turn
from cloudsealed.vocabulary import AuditStatus, EventType

log = logging.getLogger(__name__)


def seal_audit(part: Part) -> None:
    """Sum the audit up, seal it, and end it as completed."""
    part.progress.enter(AuditStatus.SEALING)
    database, lease = part.means.database, part.lease
    kept, snapshots = Blocks(database, **part.named), Snapshots(database, **part.named)
    _tell(part, snapshots)
    _pin_seen(part, kept)
    failing = [_pin(line) for each in kept.all(FAILED) for line in kept.lines(each)]
    digest = VerdictDigest()
    summary = _summary(part, _digested(kept, digest, lease))
    summary |= {"resources": kept.count(SNAPSHOTS), "findings": len(failing)}
    root, tally = seals.grow(database, lease, part.audit)
    _complete(part, failing, summary, digest.hexdigest(), root, tally)
    part.progress.enter(AuditStatus.COMPLETED)
    say(log, "audit ended", outcome=AuditStatus.COMPLETED)


def _tell(part: Part, snapshots: Snapshots) -> None:
    """Let the audit say what its accounts are called, and which ids several resources have."""

    def told(audit: Audit) -> Audit:
        remarks = collisions.remarks(audit.remarks, snapshots.each())
        if remarks != audit.remarks:
            log.warning("audit %s: %s", audit.id, "; ".join(r["message"] for r in remarks))
        return replace(audit, remarks=remarks, targets=with_aliases(audit.targets or (), snapshots))

    part.revise(told)


def _pin_seen(part: Part, kept: Blocks) -> None:
    lines = [packed(*line) for each in kept.all(SEEN) for line in kept.lines(each)]
    for pinned in blocks_of(lines):
        with part.lease.write() as connection:
            pin_block(
                connection,
                tenant=part.lease.tenant,
                audit=part.audit.id,
                block=pinned,
                month=part.lease.month,
            )


def _pin(line: list[Any]) -> Pin:
    ident, severity, base, classified_by, suppressed, yields_to = line
    return ident, severity, base, classified_by, suppressed, yields_to


def _summary(part: Part, observations: Iterable[Block]) -> dict[str, Any]:
    audit = part.audit
    checks = policy_set(audit.policy_set).checks
    planned = sum(planned_cells(checks, part.tasks(account)) for account in part.accounts())
    summary = summarize(observations, planned=planned)
    targets = audit.targets or ()
    if any(target.error for target in targets):
        summary["coverage"] = _spread(summary["coverage"], targets)
    own = Ledger(part.means.database, **part.named)  # of one that asked nobody: 0 anew
    return summary | {"calls": own.count()}


def _digested(kept: Blocks, digest: VerdictDigest, lease: Lease) -> Iterator[Block]:
    """Yield the cells in order, each when the digest has taken its lines."""
    for block in kept.each(OBSERVATIONS):
        lease.step()
        for line in kept.lines(block):
            digest.add(line, block.header["policy_digest"])
        yield block


def _complete(
    part: Part,
    failing: list[Pin],
    summary: Mapping[str, Any],
    digest: str,
    root: bytes,
    tally: seals.Tally,
) -> None:
    means, lease, audit, tenant = part.means, part.lease, part.audit, part.lease.tenant
    now = rfc3339(part.present())
    part.progress.owed.clear()
    part.progress.counts |= {
        "resources": summary["resources"],
        "calls": sum(summary["calls"].values()),
        "tasks_done": part.progress.counts["tasks_total"],
    }
    with part.closing() as connection:
        take_turn(connection, tenant=tenant)
        pin_to_audit(connection, tenant=tenant, audit=audit.id, idents=failing, month=lease.month)
        blocks.forget(connection, **part.named, kinds=(SEEN, FAILED))
        seals.seal(
            connection,
            tenant=tenant,
            audit=audit,
            root=root,
            tally=tally,
            verdict_digest=digest,
            finished_at=now,
            key=means.keys.current("seal"),
        )
        lease.set_in(
            connection,
            status=AuditStatus.COMPLETED,
            finished_at=now,
            result=dict(summary),
            verdict_digest=digest,
            progress=part.progress.counts,
        )
        used = policy_set(audit.policy_set).classifications
        means.policies.classify_again(connection, tenant=tenant, used=used)
        emit(
            connection,
            tenant=tenant,
            kind=EventType.AUDIT_COMPLETED,
            subject=audit.id,
            data={"audit_id": audit.id, "verdict_digest": digest},
        )


def _spread(coverage: float | None, targets: tuple[Target, ...]) -> float:
    """Count the places of an account that could not be entered as not covered."""
    reached = sum(1 for target in targets if not target.error)
    return round((coverage or 0.0) * reached / len(targets), 4)
