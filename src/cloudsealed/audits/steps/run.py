"""Does the shards of audits, one lease after another, and ends what cannot go on.

What is done in a shard can be done again after a crash; every write is fenced by its lease.
Canceled and failed audits do not reconcile.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import orjson

from cloudsealed.audits.model import (
    Audit,
    AuditNotFoundError,
    AuditStalledError,
    CanceledError,
    LeaseLostError,
    Standing,
)
from cloudsealed.audits.records.ledger import Ledger
from cloudsealed.audits.shard_store import MOST_TAKES, Lease, Shards, Step
from cloudsealed.audits.skew import corrected
from cloudsealed.audits.steps.collecting import collect_places
from cloudsealed.audits.steps.judging import judge_accounts
from cloudsealed.audits.steps.part import Means, Part, Progress, Report
from cloudsealed.audits.steps.planning import plan_audit
from cloudsealed.audits.steps.reconciling import reconcile_accounts
from cloudsealed.audits.steps.sealing import seal_audit
from cloudsealed.audits.steps.supervision import supervised
from cloudsealed.audits.store import AuditStore
from cloudsealed.collectors.calling.places import Places
from cloudsealed.collectors.provider import NO_CHOICE, Choice, OpenCaller, Session
from cloudsealed.connections.service import ConnectionService
from cloudsealed.events import emit
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.logs import about, say
from cloudsealed.kit.traces import span
from cloudsealed.policies.service import PolicyService
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database, ServiceUnavailableError
from cloudsealed.storage.flights import CALLS, open_flights
from cloudsealed.storage.keys import KeyRing
from cloudsealed.storage.lease_clock import lease_clock
from cloudsealed.vocabulary import AuditStatus, EventType

log = logging.getLogger(__name__)

STEPS: Mapping[Step, Callable[[Part], None]] = {
    Step.PLAN: plan_audit,
    Step.COLLECT: collect_places,
    Step.JUDGE: judge_accounts,
    Step.RECONCILE: reconcile_accounts,
    Step.SEAL: seal_audit,
}
_PLANNED = 4
"""Audits of which a process remembers what was planned."""
_UNTOLD = "The audit failed; the server's log says why"
_DIED = f"The worker ended {MOST_TAKES - 1} times while this ran, so it is not tried again"


def _silent(_phase: str, _counts: Mapping[str, Any]) -> None:
    return None


class Runner:
    """Does shards of audits of any tenant."""

    def __init__(
        self,
        *,
        database: Database,
        connections: ConnectionService,
        policies: PolicyService,
        keys: KeyRing,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._means = Means(
            database=database,
            connections=connections,
            policies=policies,
            keys=keys,
            settings=settings,
            clock=clock,
            store=AuditStore(database, clock),
            shards=Shards(database, lease_clock(database, clock)),
            caller=self._caller,
        )
        self._places = Places(open_flights(database, CALLS))
        self._planned: dict[tuple[str, str], Audit] = {}
        self._reading = threading.Lock()
        self._at_work: dict[str, Lease] = {}

    def _caller(self, tenant: str, session: Session) -> OpenCaller:
        key = self._means.keys.for_tenant("redaction", tenant)
        clock = corrected(self._means.clock, session.clock_skew())
        return session.caller(key, clock=clock, places=self._places)

    def run(
        self,
        *,
        tenant: str,
        ident: str,
        owner: str,
        choice: Choice = NO_CHOICE,
        report: Report = _silent,
    ) -> bool:
        """Bring an audit to its end; False when others hold what is left of it.

        `choice` is the operator's, of the command line only.
        """
        with self._given_back(tenant, ident, owner, queue=False):
            while lease := self._means.shards.take(tenant=tenant, ident=ident, owner=owner):
                self._do(lease, report, choice=choice, alone=True)
        return self._means.store.shown(tenant=tenant, ident=ident).status.is_final

    def help(
        self,
        *,
        tenant: str,
        ident: str,
        owner: str,
        report: Report = _silent,
        sign: Callable[[], None] = lambda: None,
    ) -> bool:
        """Do some shards of an audit that others work at, too; False when there are none.
        `sign` is called at every sign of life."""
        shards = self._means.shards
        with self._given_back(tenant, ident, owner, queue=True):
            lease = shards.take(tenant=tenant, ident=ident, owner=owner, shared=True)
            if lease is not None:
                lease.sign = sign
                self._do(lease, report)
        return lease is not None

    @contextmanager
    def _given_back(self, tenant: str, ident: str, owner: str, *, queue: bool) -> Iterator[None]:
        """Give back what the owner holds when this ends before its time: by Ctrl+C, or as the
        database is away."""
        try:
            yield
        except (KeyboardInterrupt, ServiceUnavailableError):
            with suppress(CloudSealedError):  # what is not given back ends by itself
                self._means.shards.give_back(tenant=tenant, ident=ident, owner=owner, queue=queue)
            raise

    def give_up(self, *, tenant: str, ident: str, owner: str, reason: Mapping[str, str]) -> None:
        """End an audit `failed` that is not tried again, unless others bring it to its end."""
        lease = self._means.shards.take(tenant=tenant, ident=ident, owner=owner, only=True)
        if lease is not None:
            self._end(lease, AuditStatus.FAILED, Progress(_silent), error=dict(reason))

    def _do(
        self, lease: Lease, report: Report, *, choice: Choice = NO_CHOICE, alone: bool = False
    ) -> None:
        means = self._means
        with about(tenant=lease.tenant, subject=lease.audit_id):
            audit, stands = self._audit(lease)
            progress = Progress(report, stands.status, orjson.loads(stands.progress))
            part = Part(means, lease, audit, progress, choice=choice, alone=alone)
            self._at_work[lease.ident] = lease
            say(log, "audit goes on", step=lease.doing, shards=len(lease.parts))
            try:
                self._to_its_end(lease, part, progress)
            except LeaseLostError:
                log.warning("audit %s: %s was taken over, or ended", lease.audit_id, lease.doing)
            finally:
                self._at_work.pop(lease.ident, None)

    def _audit(self, lease: Lease) -> tuple[Audit, Standing]:
        """Return a lease's audit and how it stands. What was planned stays, so it is read once for
        all shards; how it stands and what is remarkable is read where it counts."""
        tenant, ident = lease.tenant, lease.audit_id
        stands = self._means.store.standings(tenant=tenant, idents=[ident]).get(ident)
        if stands is None:
            raise AuditNotFoundError(ident)
        with self._reading:
            audit = self._planned.get((tenant, ident))
            if audit is None:
                audit = self._means.store.get(tenant=tenant, ident=ident)
                if lease.doing is not Step.PLAN:
                    self._planned[tenant, ident] = audit
            while len(self._planned) > _PLANNED:
                self._planned.pop(next(iter(self._planned)))
        return audit, stands

    def leave(self) -> None:
        """Give back what is at work, as this process ends: others go on at once."""
        for lease in list(self._at_work.values()):
            lease.end(LeaseLostError(lease.audit_id))
            with suppress(CloudSealedError):
                lease.free(queue=True)

    def _to_its_end(self, lease: Lease, part: Part, progress: Progress) -> None:
        try:
            if lease.is_last_take and not part.alone and lease.doing is not Step.COLLECT:
                raise AuditStalledError(_DIED)
            with span(lease.doing, facts={"shards": len(lease.parts)}):
                supervised(lease, lambda: STEPS[lease.doing](part))
        except (LeaseLostError, ServiceUnavailableError):
            raise  # the shards are as they were: others have them, or their job is tried again
        except CanceledError:
            self._end(lease.anew(), AuditStatus.CANCELED, progress)
        except AuditStalledError as error:
            log.error("audit %s: %s", lease.audit_id, error)
            self._fail(lease, progress, error, str(error))
        except CloudSealedError as error:
            self._fail(lease, progress, error, _UNTOLD)
        except Exception as error:
            log.exception("audit %s failed", lease.audit_id)
            self._fail(lease, progress, error, _UNTOLD)

    def _fail(self, lease: Lease, progress: Progress, error: Exception, untold: str) -> None:
        reason = CloudSealedError.reason(error, untold)
        self._end(lease.anew(), AuditStatus.FAILED, progress, error=dict(reason))

    def _end(self, lease: Lease, status: AuditStatus, progress: Progress, **columns: Any) -> None:
        means, named = self._means, {"tenant": lease.tenant, "ident": lease.audit_id}
        ledger = Ledger(means.database, tenant=lease.tenant, audit_id=lease.audit_id)
        calls = sum(ledger.count().values())
        with lease.alone() as connection:
            shown = means.shards.count(connection, lease, progress.settled())
            progress.counts |= {**shown, "calls": calls}
            lease.set_in(
                connection,
                status=status,
                finished_at=rfc3339(means.clock()),
                progress=progress.counts,
                **columns,
            )
            means.shards.stop(connection, **named)
            emit(
                connection,
                tenant=lease.tenant,
                kind=EventType(f"audit.{status}"),
                subject=lease.audit_id,
                data={"audit_id": lease.audit_id},
            )
        progress.enter(status)
        say(log, "audit ended", outcome=status)
