"""Judging accounts: from an account's ledger to its snapshots, and to what policies say of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from cloudsealed.audits.judging.extent import Extent
from cloudsealed.audits.records.ledger import StoredCalls
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.shard_store import Shard, Step
from cloudsealed.audits.steps.again import remarks, shrunk
from cloudsealed.audits.steps.collecting import gather
from cloudsealed.audits.steps.derive import derive
from cloudsealed.audits.steps.evaluate import Evaluator
from cloudsealed.audits.steps.part import Part
from cloudsealed.audits.steps.plan import Task
from cloudsealed.audits.steps.regions import settle_regions
from cloudsealed.policies.service import policy_set
from cloudsealed.vocabulary import AuditStatus

log = logging.getLogger(__name__)


def judge_accounts(part: Part) -> None:
    """Judge the accounts of the part. What was judged is reconciled once all accounts are, so that
    an audit that is canceled or fails before changes nothing."""
    part.progress.enter(AuditStatus.EVALUATING)
    for shard in part.lease.parts:
        _judge(part, shard.account)
        part.tally()
    with part.closing() as connection:
        if not part.is_left(connection, Step.COLLECT, Step.JUDGE):
            part.lease.set_in(connection, status=AuditStatus.SEALING)
            part.follow(connection, [Shard(Step.RECONCILE, each) for each in part.accounts()])


def _judge(part: Part, account: str) -> None:
    means, lease, audit = part.means, part.lease, part.audit
    assert audit.clock is not None
    tasks = part.tasks(account)
    stored = StoredCalls(part.ledger, audit.clock)
    if part.is_live:
        settle_regions(means.database, lease, account)
    _derive(part, tasks, stored, counted=not part.is_live)
    if part.is_live:
        _ask_again(part, tasks, stored, account)
    evaluator = Evaluator(
        policies=policy_set(audit.policy_set),
        snapshots=Snapshots(means.database, **part.named, account=account),
        clock=audit.clock,
        extent=Extent(part.targets({account})),
        seconds=means.settings.policy_seconds,
        together=means.settings.policy_set_seconds,
    )
    evaluator.run(lease, lambda number: part.progress.add("observations", number))


def _derive(part: Part, tasks: Sequence[Task], stored: StoredCalls, *, counted: bool) -> None:
    assert part.audit.clock is not None
    derive(
        lease=part.lease,
        tasks=tasks,
        stored=stored,
        clock=part.audit.clock,
        done=lambda number: part.progress.add("resources", number if counted else 0),
    )


def _ask_again(part: Part, tasks: Sequence[Task], stored: StoredCalls, account: str) -> None:
    """Ask again for lists that lost most of what was known; the audit says which stayed so."""
    database = part.means.database
    lost = list(shrunk(database, **part.named, tasks=tasks))
    if not lost:
        return
    for each in lost:
        log.warning(
            "audit %s: %d of %d known resources of %s in %s/%s are gone at once: asked again",
            part.audit.id,
            each.missing,
            each.known,
            *each.place,
        )
    doubtful = [each.task for each in lost]
    part.progress.add("tasks_total", len(doubtful))
    gather(part, doubtful, again=True)
    settle_regions(database, part.lease, account)
    _derive(part, doubtful, stored, counted=False)
    still = list(shrunk(database, **part.named, tasks=doubtful))
    part.revise(lambda audit: replace(audit, remarks=remarks(audit.remarks, still)))
