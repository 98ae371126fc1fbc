"""Collecting places: every call of theirs that the ledger lacks is made."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from cloudsealed.audits.model import AuditFailedError
from cloudsealed.audits.records.ledger import Ledger, RecordedCalls, Recorder
from cloudsealed.audits.shard_store import Shard, Step
from cloudsealed.audits.steps.collect import collect
from cloudsealed.audits.steps.part import Part
from cloudsealed.audits.steps.plan import Task
from cloudsealed.collectors.provider import OpenCaller, Session
from cloudsealed.vocabulary import AuditStatus

log = logging.getLogger(__name__)


def collect_places(part: Part) -> None:
    """Fill the ledger for the places of the part; an account is judged after its last one.

    A place whose workers all died is left as it is: what was not asked there is unknown.
    """
    part.progress.enter(AuditStatus.COLLECTING)
    places = {(shard.account, shard.region) for shard in part.lease.parts}
    accounts = dict.fromkeys(shard.account for shard in part.lease.parts)
    if part.lease.is_last_take and not part.alone:
        log.warning("audit %s: %s is left as it is: its workers died", part.audit.id, places)
    else:
        gather(
            part,
            [
                task
                for account in accounts
                for task in part.tasks(account)
                if (account, task.place.region) in places
            ],
        )
    with part.closing() as connection:
        ready = [a for a in accounts if not part.is_left(connection, Step.COLLECT, account=a)]
        part.follow(connection, [Shard(Step.JUDGE, account) for account in ready])
        if not part.is_left(connection, Step.COLLECT):
            part.lease.set_in(connection, status=AuditStatus.EVALUATING)


def gather(part: Part, tasks: Sequence[Task], *, again: bool = False) -> None:
    """Make the calls of tasks; with `again` their lists are asked for a second time."""
    lease, progress, tenant = part.lease, part.progress, part.lease.tenant
    ledger = Ledger(part.means.database, tenant=tenant, audit_id=part.audit.id)
    with Recorder(lease, part.audit.id) as recorder:
        callers: dict[str, RecordedCalls] = {}
        providers: list[OpenCaller] = []
        for connection_id in dict.fromkeys(task.connection_id for task in tasks):
            provider = part.means.caller(tenant, _reopened(part, connection_id))
            providers.append(provider)
            callers[connection_id] = RecordedCalls(ledger, provider, recorder)
        calls = resources = 0

        def seen(number: int) -> None:
            nonlocal resources
            if not again and number > resources:
                progress.add("resources", number - resources)
                resources = number

        def tick(ended: int) -> None:
            nonlocal calls
            made, calls = recorder.calls - calls, recorder.calls
            progress.add("calls", 0 if again else made)
            progress.add("tasks_done", ended)
            lease.look()
            part.tally()

        try:
            collect(
                tasks,
                callers,
                recorder,
                workers=part.means.settings.collect_workers,
                tick=tick,
                seen=seen,
                again=again,
            )
        finally:
            for provider in providers:
                provider.close()
    recorder.stop_if_asked()


def _reopened(part: Part, connection_id: str) -> Session:
    """Open a connection for collection; refuse other credentials than the audit began with."""
    targets = part.audit.targets or ()
    planned = next(t.account for t in targets if t.connection_id == connection_id)
    session = part.means.connections.open(
        tenant=part.lease.tenant, ident=connection_id, choice=part.choice
    )
    found = session.identify().account
    if found != planned:
        raise AuditFailedError(
            f"The credentials lead to account {found}, the audit began in {planned}: begin anew"
        )
    return session
