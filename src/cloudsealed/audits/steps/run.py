"""Runs an audit to its end: plan, collect, derive, evaluate, reconcile, seal.

Every phase can be run again after a crash; every write is fenced by the audit's lease. Canceled
and failed audits do not reconcile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from cloudsealed.audits.judging.extent import Extent
from cloudsealed.audits.model import (
    NO_PROGRESS,
    Audit,
    AuditFailedError,
    AuditStalledError,
    CanceledError,
    LeaseLostError,
    Target,
)
from cloudsealed.audits.records.blocks import OBSERVATIONS, Block, Blocks
from cloudsealed.audits.records.ledger import Ledger, RecordedCalls, Recorder, StoredCalls
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.sealing import seal as seals
from cloudsealed.audits.sealing.verdict import VerdictDigest, summarize
from cloudsealed.audits.skew import NO_HORIZON, TOLERATED, corrected, heard
from cloudsealed.audits.steps import collisions
from cloudsealed.audits.steps.again import remarks, shrunk
from cloudsealed.audits.steps.aliases import with_aliases
from cloudsealed.audits.steps.apply import Applier, spoken_places
from cloudsealed.audits.steps.collect import collect
from cloudsealed.audits.steps.derive import derive
from cloudsealed.audits.steps.evaluate import Evaluator
from cloudsealed.audits.steps.plan import Task, plan, policy_places, tasks_of
from cloudsealed.audits.steps.regions import settle_regions
from cloudsealed.audits.steps.supervision import supervised
from cloudsealed.audits.store import AuditStore, Lease
from cloudsealed.collectors.asked import NotAsked, joined, left_out
from cloudsealed.collectors.aws.access import AwsSession, identify
from cloudsealed.collectors.aws.client import AwsCaller
from cloudsealed.collectors.aws.places import Places
from cloudsealed.connections.model import AmbientCredentialsNotAllowedError
from cloudsealed.connections.service import ConnectionService
from cloudsealed.events import emit
from cloudsealed.findings.pin_store import Pin
from cloudsealed.findings.store import pin_to_audit
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.logs import about
from cloudsealed.policies.service import PolicyService, policy_set
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database, ServiceUnavailableError
from cloudsealed.storage.flights import CALLS, open_flights
from cloudsealed.storage.keys import KeyRing
from cloudsealed.storage.tenancy import take_turn
from cloudsealed.vocabulary import AuditKind, AuditStatus, EventType

log = logging.getLogger(__name__)

_UNTOLD = "The audit failed; the server's log says why"


@dataclass(slots=True)
class Progress:
    """How far an audit is; `report` hears of every step."""

    report: Callable[[str, Mapping[str, Any]], None]
    phase: str = AuditStatus.QUEUED
    counts: dict[str, Any] = field(default_factory=lambda: dict(NO_PROGRESS))

    def enter(self, phase: AuditStatus, tasks: int | None = None) -> None:
        """Begin a phase; `tasks` is how many steps collection has."""
        self.phase = phase
        if tasks is not None:
            self.counts |= {"tasks_total": tasks, "tasks_done": 0}
        self.tell()

    def add(self, name: str, number: int = 1) -> None:
        """Count something done."""
        self.counts[name] += number
        self.tell()

    def recount(self, name: str) -> Callable[[int], None]:
        """Return what counts something once more, from nothing: what is shown never falls."""
        found = 0

        def add(number: int) -> None:
            nonlocal found
            found += number
            self.counts[name] = max(self.counts[name], found)
            self.tell()

        return add

    def tell(self) -> None:
        """Report where it stands."""
        self.report(self.phase, self.counts)


def _silent(_phase: str, _counts: Mapping[str, Any]) -> None:
    return None


class Runner:
    """Runs audits of any tenant."""

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
        self._database = database
        self._store = AuditStore(database, clock)
        self._connections = connections
        self._policies = policies
        self._keys = keys
        self._settings = settings
        self._clock = clock
        self._places = Places(open_flights(database, CALLS))

    def run(
        self,
        *,
        tenant: str,
        ident: str,
        owner: str,
        profile: str | None = None,
        report: Callable[[str, Mapping[str, Any]], None] = _silent,
    ) -> bool:
        """Bring an audit to its end; False when another worker holds it.

        `profile` is the operator's AWS profile, of the command line only.
        """
        lease = self._store.take(tenant=tenant, ident=ident, owner=owner)
        if lease is None:
            return False
        progress = Progress(report)
        try:
            with about(tenant=tenant, subject=ident):
                self._to_its_end(lease, progress, profile)
        except LeaseLostError:
            if self._store.get(tenant=tenant, ident=ident).status.is_final:
                return True  # it was canceled
            log.warning("audit %s was taken over by another worker", ident)
            return False
        except KeyboardInterrupt:
            with suppress(CloudSealedError):  # what is not given back ends by itself
                lease.anew().free()
            raise
        return True

    def give_up(self, *, tenant: str, ident: str, owner: str, reason: Mapping[str, str]) -> bool:
        """End an audit `failed` that is not tried again; False when another worker holds it."""
        lease = self._store.take(tenant=tenant, ident=ident, owner=owner)
        if lease is None:
            return False
        counts = dict(self._store.shown(tenant=tenant, ident=ident).progress)
        progress = Progress(_silent, counts=counts)
        self._fail(lease, progress, reason)
        return True

    def _to_its_end(self, lease: Lease, progress: Progress, profile: str | None) -> None:
        try:
            supervised(lease, lambda: self._phases(lease, progress, profile))
        except (LeaseLostError, ServiceUnavailableError):
            raise  # the audit is as it was: another has it, or its job is tried again
        except CanceledError:
            self._end(lease.anew(), AuditStatus.CANCELED, progress)
        except AuditStalledError as error:
            log.error("audit %s: %s", lease.audit_id, error)
            self._fail(lease.anew(), progress, CloudSealedError.reason(error, str(error)))
        except CloudSealedError as error:
            self._fail(lease.anew(), progress, CloudSealedError.reason(error, _UNTOLD))
        except Exception as error:
            log.exception("audit %s failed", lease.audit_id)
            self._fail(lease.anew(), progress, CloudSealedError.reason(error, _UNTOLD))

    def _phases(self, lease: Lease, progress: Progress, profile: str | None) -> None:
        audit = self._planned(lease, profile)
        assert audit.targets is not None
        assert audit.clock is not None
        tasks = tasks_of(audit.targets, audit.scope, audit.not_asked)
        present: Clock | None = None
        if audit.kind is AuditKind.LIVE and audit.status is AuditStatus.COLLECTING:
            progress.enter(AuditStatus.COLLECTING, len(tasks))
            present = self._collect(lease, audit, tasks, progress, profile)
        if audit.kind is AuditKind.LIVE:
            settle_regions(self._database, lease)
        progress.enter(AuditStatus.EVALUATING)
        lease.set(status=AuditStatus.EVALUATING, progress=progress.counts)
        ledger = Ledger(self._database, tenant=lease.tenant, audit_id=audit.source_id)
        stored = StoredCalls(ledger, audit.clock)
        derive(
            lease=lease,
            tasks=tasks,
            stored=stored,
            clock=audit.clock,
            done=progress.recount("resources"),
        )
        if audit.kind is AuditKind.LIVE:
            self._ask_again(lease, audit, tasks, stored, progress, profile)
        snapshots = Snapshots(self._database, tenant=lease.tenant, audit_id=audit.id)
        self._tell_collisions(lease, snapshots)
        self._tell_aliases(lease, snapshots)
        evaluator = Evaluator(
            policies=policy_set(audit.policy_set),
            snapshots=snapshots,
            clock=audit.clock,
            extent=Extent(audit.targets),
            seconds=self._settings.policy_seconds,
            together=self._settings.policy_set_seconds,
        )
        evaluator.run(lease, lambda number: progress.add("observations", number))
        progress.enter(AuditStatus.SEALING)
        lease.set(status=AuditStatus.SEALING, progress=progress.counts)
        self._finish(lease, audit, tasks, snapshots, progress, present)

    def _planned(self, lease: Lease, profile: str | None) -> Audit:
        audit = self._store.get(tenant=lease.tenant, ident=lease.audit_id)
        if audit.status is AuditStatus.QUEUED:
            columns: dict[str, Any] = {"status": AuditStatus.COLLECTING}
            now = rfc3339(self._clock())
            if audit.targets is None:
                targets, skew = plan(
                    audit,
                    tenant=lease.tenant,
                    connections=self._connections,
                    profile=profile,
                    caller=lambda session: self._caller(lease.tenant, session),
                    lease=lease,
                    database=self._database,
                )
                _require_one(targets)
                now = rfc3339(corrected(self._clock, skew)())
                seconds = None if skew is None else round(skew.total_seconds())
                columns["plan"] = replace(
                    audit,
                    targets=targets,
                    clock=now,
                    clock_skew_seconds=seconds,
                    not_asked=self._not_asked(lease.tenant),
                ).plan
            else:
                columns["status"] = AuditStatus.EVALUATING
            lease.set(**columns, started_at=now)
        return self._store.get(tenant=lease.tenant, ident=lease.audit_id)

    def _not_asked(self, tenant: str) -> NotAsked:
        """Return what no policy reads and what the settings leave out."""
        unread = self._policies.not_asked(tenant=tenant)
        return joined(unread, left_out(self._settings.calls_left_out))

    def _caller(self, tenant: str, session: AwsSession) -> AwsCaller:
        key, clock = self._keys.for_tenant("redaction", tenant), self._clock
        clock = corrected(clock, session.clock_skew())
        return AwsCaller(session, key, clock=clock, places=self._places)

    def _ask_again(
        self,
        lease: Lease,
        audit: Audit,
        tasks: list[Task],
        stored: StoredCalls,
        progress: Progress,
        profile: str | None,
    ) -> None:
        """Ask again for lists that lost most of what was known; the audit says which stayed so."""
        assert audit.clock is not None
        place = {"tenant": lease.tenant, "audit_id": audit.id}
        lost = list(shrunk(self._database, **place, tasks=tasks))
        if not lost:
            return
        for each in lost:
            log.warning(
                "audit %s: %d of %d known resources of %s in %s/%s are gone at once: asked again",
                audit.id,
                each.missing,
                each.known,
                *each.place,
            )
        doubtful = [each.task for each in lost]
        progress.counts["tasks_total"] += len(doubtful)
        self._collect(lease, audit, doubtful, progress, profile, again=True)
        settle_regions(self._database, lease)
        derive(lease=lease, tasks=doubtful, stored=stored, clock=audit.clock, done=lambda _: None)
        still = shrunk(self._database, **place, tasks=doubtful)
        lease.set(plan=replace(audit, remarks=remarks(audit.remarks, still)).plan)

    def _tell_collisions(self, lease: Lease, snapshots: Snapshots) -> None:
        """Let the audit say which ids several resources have."""
        audit = self._store.get(tenant=lease.tenant, ident=lease.audit_id)
        told = collisions.remarks(audit.remarks, snapshots.listings())
        if told != audit.remarks:
            log.warning("audit %s: %s", audit.id, "; ".join(r["message"] for r in told))
            lease.set(plan=replace(audit, remarks=told).plan)

    def _tell_aliases(self, lease: Lease, snapshots: Snapshots) -> None:
        """Let the audit say what its accounts are called."""
        audit = self._store.get(tenant=lease.tenant, ident=lease.audit_id)
        named = with_aliases(audit.targets or (), snapshots)
        if named != audit.targets:
            lease.set(plan=replace(audit, targets=named).plan)

    def _collect(
        self,
        lease: Lease,
        audit: Audit,
        tasks: list[Task],
        progress: Progress,
        profile: str | None,
        *,
        again: bool = False,
    ) -> Clock:
        """Fill the ledger; return the clock of the provider."""
        skews: list[timedelta | None] = []
        ledger = Ledger(self._database, tenant=lease.tenant, audit_id=audit.id)
        recorded = sum(ledger.count().values())
        with Recorder(lease, audit.id) as recorder:
            callers: dict[str, RecordedCalls] = {}
            providers: list[AwsCaller] = []
            for connection_id in dict.fromkeys(task.connection_id for task in tasks):
                session = self._reopened(lease.tenant, audit, connection_id, profile)
                skews.append(session.clock_skew())
                provider = self._caller(lease.tenant, session)
                providers.append(provider)
                callers[connection_id] = RecordedCalls(ledger, provider, recorder)

            before = dict(progress.counts)

            def seen(resources: int) -> None:
                if not again:
                    progress.counts["resources"] = resources

            def tick(ended: int) -> None:
                nonlocal before
                progress.counts["calls"] = recorded + recorder.calls
                progress.add("tasks_done", ended)
                lease.look()
                if before == progress.counts:
                    lease.check()
                else:
                    lease.set(progress=progress.counts)
                before = dict(progress.counts)

            try:
                collect(
                    tasks,
                    callers,
                    recorder,
                    workers=self._settings.collect_workers,
                    tick=tick,
                    seen=seen,
                    again=again,
                )
            finally:
                for provider in providers:
                    provider.close()
        recorder.stop_if_asked()
        progress.counts["calls"] = sum(ledger.count().values())  # what was asked again is one call
        lease.set(progress=progress.counts)
        return corrected(self._clock, heard(audit.id, skews))

    def _reopened(
        self, tenant: str, audit: Audit, connection_id: str, profile: str | None
    ) -> AwsSession:
        """Open a connection for collection; refuse other credentials than the audit began with."""
        planned = next(t.account for t in audit.targets or () if t.connection_id == connection_id)
        session = self._connections.open(tenant=tenant, ident=connection_id, profile=profile)
        found = identify(session).account
        if found != planned:
            raise AuditFailedError(
                f"The credentials lead to account {found}, the audit began in {planned}: begin anew"
            )
        return session

    def _finish(
        self,
        lease: Lease,
        audit: Audit,
        tasks: list[Task],
        snapshots: Snapshots,
        progress: Progress,
        present: Clock | None,
    ) -> None:
        """Apply, sum up and seal; `present` is the provider's clock, if it was heard just now."""
        horizon = rfc3339(present() + TOLERATED) if present else NO_HORIZON
        applier = Applier(
            database=self._database,
            lease=lease,
            snapshots=snapshots,
            horizon=horizon,
            yields=self._policies.yields(tenant=lease.tenant),
        )
        applier.resources()
        failing = applier.findings()
        observations = Blocks(self._database, tenant=lease.tenant, audit_id=audit.id).all(
            OBSERVATIONS
        )
        places = list(spoken_places(snapshots.listings()))
        if audit.policies is None and audit.kind is AuditKind.LIVE:
            used = {version["id"] for version in audit.policy_set}
            gone = [i for i in self._policies.withdrawn(tenant=lease.tenant) if i not in used]
            at = audit.clock or rfc3339(self._clock())
            applier.withdraw(gone, places, at)
        applier.settle(places)
        summary = self._summary(lease.tenant, audit, tasks, observations)
        summary |= {
            "resources": sum(block.count for block in snapshots.listings()),
            "findings": len(failing),
        }
        progress.counts["resources"] = summary["resources"]
        digest = self._verdict_digest(lease, observations)
        root, tally = seals.grow(self._database, lease, audit)
        now = rfc3339((present or self._clock)())
        self._complete(lease, audit, failing, summary, digest, root, tally, progress, now)

    def _summary(
        self, tenant: str, audit: Audit, tasks: list[Task], observations: list[Block]
    ) -> dict[str, Any]:
        planned = len(policy_places(policy_set(audit.policy_set).checks, tasks))
        summary = summarize(observations, planned=planned)
        calls = Ledger(self._database, tenant=tenant, audit_id=audit.id).count()  # its own: 0 anew
        targets = audit.targets or ()
        if any(target.error for target in targets):
            summary["coverage"] = _spread(summary["coverage"], targets)
        return summary | {"calls": calls}

    def _verdict_digest(self, lease: Lease, observations: list[Block]) -> str:
        digest = VerdictDigest()
        blocks = Blocks(self._database, tenant=lease.tenant, audit_id=lease.audit_id)
        for block in observations:
            for line in blocks.lines(block):
                digest.add(line, block.header["policy_digest"])
        return digest.hexdigest()

    def _complete(
        self,
        lease: Lease,
        audit: Audit,
        failing: list[Pin],
        summary: Mapping[str, Any],
        digest: str,
        root: bytes,
        tally: seals.Tally,
        progress: Progress,
        now: str,
    ) -> None:
        with lease.write() as connection:
            take_turn(connection, tenant=lease.tenant)
            pin_to_audit(
                connection, tenant=lease.tenant, audit=audit.id, idents=failing, month=lease.month
            )
            seals.seal(
                connection,
                tenant=lease.tenant,
                audit=audit,
                root=root,
                tally=tally,
                verdict_digest=digest,
                finished_at=now,
                key=self._keys.current("seal"),
            )
            lease.set_in(
                connection,
                status=AuditStatus.COMPLETED,
                finished_at=now,
                result=dict(summary),
                verdict_digest=digest,
                progress=progress.counts,
                lease_until=None,
                lease_owner=None,
            )
            used = policy_set(audit.policy_set).classifications
            self._policies.classify_again(connection, tenant=lease.tenant, used=used)
            data = {"audit_id": audit.id, "verdict_digest": digest}
            emit(
                connection,
                tenant=lease.tenant,
                kind=EventType.AUDIT_COMPLETED,
                subject=audit.id,
                data=data,
            )
        progress.enter(AuditStatus.COMPLETED)

    def _end(self, lease: Lease, status: AuditStatus, progress: Progress, **columns: Any) -> None:
        with lease.write() as connection:
            lease.set_in(
                connection,
                status=status,
                finished_at=rfc3339(self._clock()),
                lease_until=None,
                lease_owner=None,
                progress=progress.counts,
                **columns,
            )
            emit(
                connection,
                tenant=lease.tenant,
                kind=EventType(f"audit.{status}"),
                subject=lease.audit_id,
                data={"audit_id": lease.audit_id},
            )
        progress.enter(status)

    def _fail(self, lease: Lease, progress: Progress, reason: Mapping[str, str]) -> None:
        self._end(lease, AuditStatus.FAILED, progress, error=dict(reason))


def _require_one(targets: tuple[Target, ...]) -> None:
    if all(target.error for target in targets):
        error = targets[0].error
        assert error is not None
        refused = error["code"] == AmbientCredentialsNotAllowedError.code
        why = AmbientCredentialsNotAllowedError if refused else AuditFailedError
        raise why(error["message"])


def _spread(coverage: float | None, targets: tuple[Target, ...]) -> float:
    """Count the places of an account that could not be entered as not covered."""
    reached = sum(1 for target in targets if not target.error)
    return round((coverage or 0.0) * reached / len(targets), 4)
