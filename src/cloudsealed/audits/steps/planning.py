"""The plan of an audit: where its connections lead, and with that its shards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cloudsealed.audits.model import NO_PROGRESS, Audit, AuditFailedError, Target
from cloudsealed.audits.shard_store import Shard, Step
from cloudsealed.audits.skew import corrected
from cloudsealed.audits.steps.part import Part
from cloudsealed.audits.steps.plan import plan
from cloudsealed.collectors.asked import joined, left_out
from cloudsealed.connections.model import AmbientCredentialsNotAllowedError
from cloudsealed.kit.clock import rfc3339
from cloudsealed.vocabulary import AuditStatus


def plan_audit(part: Part) -> None:
    """Find out what the audit looks at, and add a shard for each place; where nothing is asked, for
    each account."""
    begun: dict[str, Any] = {}
    if part.audit.targets is None:
        part.audit = _planned(part)
        begun = {"plan": part.audit.plan, "started_at": part.audit.started_at}
    elif part.audit.started_at is None:
        begun = {"started_at": rfc3339(part.means.clock())}
    total, shards = 0, list[Shard]()
    for account in part.accounts():
        tasks = part.tasks(account)
        total += len(tasks)
        places = dict.fromkeys(task.place.region for task in tasks)
        shards += [Shard(Step.COLLECT, account, region) for region in places]
    if not part.is_live:
        total, shards = 0, [Shard(Step.JUDGE, account) for account in part.accounts()]
    step = shards[0].step if shards else Step.SEAL
    status = _STATUS[step]
    part.progress.owed.clear()
    with part.closing() as connection:
        progress = {**NO_PROGRESS, "tasks_total": total}
        part.lease.set_in(connection, status=status, progress=progress, **begun)
        part.follow(connection, shards or [Shard(Step.SEAL)])
    part.progress.enter(status)


_STATUS = {
    Step.COLLECT: AuditStatus.COLLECTING,
    Step.JUDGE: AuditStatus.EVALUATING,
    Step.SEAL: AuditStatus.SEALING,
}


def _planned(part: Part) -> Audit:
    means, tenant = part.means, part.lease.tenant
    targets, skew = plan(
        part.audit,
        tenant=tenant,
        connections=means.connections,
        choice=part.choice,
        caller=lambda session: means.caller(tenant, session),
        lease=part.lease,
        database=means.database,
    )
    _require_one(targets)
    ours = means.shards.now  # a clock that all workers have
    if skew is not None:
        skew += means.clock() - ours()
    now = rfc3339(corrected(ours, skew)())
    unread = means.policies.not_asked(tenant=tenant)
    return replace(
        part.audit,
        targets=targets,
        clock=now,
        started_at=now,
        clock_skew_seconds=None if skew is None else round(skew.total_seconds()),
        not_asked=joined(unread, left_out(means.settings.calls_left_out)),
    )


def _require_one(targets: tuple[Target, ...]) -> None:
    if all(target.error for target in targets):
        error = targets[0].error
        assert error is not None
        refused = error["code"] == AmbientCredentialsNotAllowedError.code
        why = AmbientCredentialsNotAllowedError if refused else AuditFailedError
        raise why(error["message"])
