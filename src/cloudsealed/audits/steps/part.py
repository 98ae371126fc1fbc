"""What a worker has in hand while it does some shards of an audit: where everything is, and how far
it got. It refuses to know what is done in which step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from cloudsealed.audits.model import NO_PROGRESS, Audit, Target
from cloudsealed.audits.records.ledger import Ledger
from cloudsealed.audits.shard_store import JOB, Lease, Shard, Shards
from cloudsealed.audits.skew import corrected
from cloudsealed.audits.steps.plan import Task, tasks_of
from cloudsealed.audits.store import AuditStore
from cloudsealed.collectors.provider import Choice, OpenCaller, Session
from cloudsealed.connections.service import ConnectionService
from cloudsealed.jobs import enqueue
from cloudsealed.jobs.store import queued
from cloudsealed.kit.clock import Clock
from cloudsealed.policies.service import PolicyService
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.keys import KeyRing
from cloudsealed.storage.tenancy import take_shards
from cloudsealed.vocabulary import AuditKind, AuditStatus

WINDOW = 64
"""Jobs that an audit has waiting at most, so that it is seldom in the way of others."""
Report = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What audits of any tenant are done with."""

    database: Database
    connections: ConnectionService
    policies: PolicyService
    keys: KeyRing
    settings: Settings
    clock: Clock
    store: AuditStore
    shards: Shards
    caller: Callable[[str, Session], OpenCaller]
    """Returns what makes a session's calls for a tenant."""


@dataclass(slots=True)
class Progress:
    """How far an audit is; `report` hears of every step. What was counted here and is not written
    yet is `owed`."""

    report: Report
    phase: str = AuditStatus.QUEUED
    counts: dict[str, Any] = field(default_factory=lambda: dict(NO_PROGRESS))
    owed: dict[str, int] = field(default_factory=dict)

    def enter(self, phase: AuditStatus) -> None:
        """Begin a phase."""
        self.phase = phase
        self.tell()

    def add(self, name: str, number: int = 1) -> None:
        """Count something done."""
        self.counts[name] += number
        self.owed[name] = self.owed.get(name, 0) + number
        self.tell()

    def settled(self) -> dict[str, int]:
        """Return what is owed, as it is written now."""
        owed, self.owed = self.owed, {}
        return {name: number for name, number in owed.items() if number}

    def tell(self) -> None:
        """Report where it stands."""
        self.report(self.phase, self.counts)


class Part:
    """Some shards of an audit at work under their lease.

    `choice` is the operator's, of the command line only; who is `alone`
    calls nobody to help.
    """

    def __init__(
        self,
        means: Means,
        lease: Lease,
        audit: Audit,
        progress: Progress,
        *,
        choice: Choice,
        alone: bool,
    ) -> None:
        self.means = means
        self.lease = lease
        self.audit = audit
        self.progress = progress
        self.choice = choice
        self.alone = alone
        self.named: dict[str, str] = {"tenant": lease.tenant, "audit_id": audit.id}

    @property
    def is_live(self) -> bool:
        """Whether the audit asks the cloud, and does not read another's ledger."""
        return self.audit.kind is AuditKind.LIVE

    @property
    def ledger(self) -> Ledger:
        """The ledger that the audit reads."""
        return Ledger(self.means.database, tenant=self.lease.tenant, audit_id=self.audit.source_id)

    @property
    def present(self) -> Clock:
        """The clock of the provider, as the plan heard it, by a clock that all workers have."""
        seconds = self.audit.clock_skew_seconds if self.is_live else None
        return corrected(
            self.means.shards.now, None if seconds is None else timedelta(seconds=seconds)
        )

    def targets(self, accounts: Collection[str]) -> list[Target]:
        """Return the targets that lead to some accounts."""
        return [each for each in self.audit.targets or () if each.account in accounts]

    def tasks(self, account: str) -> list[Task]:
        """Return what the audit collects of an account."""
        return tasks_of(self.targets({account}), self.audit.scope, self.audit.not_asked)

    def accounts(self) -> list[str]:
        """Return the accounts of the audit, each once."""
        found = dict.fromkeys(each.account for each in self.audit.targets or ())
        return [account for account in found if account is not None]

    def tally(self) -> None:
        """Write what was counted since, and learn what others have."""
        owed = self.progress.settled()
        if owed:
            self.progress.counts |= self.lease.count(owed)
        else:
            self.lease.check()

    @contextmanager
    def closing(self) -> Iterator[Connection]:
        """Open the transaction that ends the shards; what it adds, others may take from then on."""
        with self.lease.closing() as connection:
            yield connection
            counted = self.means.shards.count(connection, self.lease, self.progress.settled())
            if not self.alone:
                self._call(connection)
        self.progress.counts |= counted

    def follow(self, connection: Connection, new: Iterable[Shard]) -> None:
        """Add the shards that follow from these, within `closing`."""
        self.means.shards.add(connection, tenant=self.lease.tenant, ident=self.audit.id, new=new)

    def is_left(self, connection: Connection, *step: Any, account: str = "") -> bool:
        """Say whether shards of one of some steps are not done, within `closing`."""
        return any(
            self.means.shards.is_left(
                connection,
                tenant=self.lease.tenant,
                ident=self.audit.id,
                step=each,
                account=account,
            )
            for each in step
        )

    def _call(self, connection: Connection) -> None:
        """Queue a job for every worker that would find something to do."""
        about = {"tenant": self.lease.tenant, "subject": self.audit.id}
        wait = queued(connection, **about)
        if wait >= WINDOW:
            return
        wanted = self.means.shards.wanted(
            connection, tenant=self.lease.tenant, ident=self.audit.id, most=WINDOW
        )
        for _ in range(wanted - wait):
            enqueue(connection, kind=JOB, **about)

    def revise(self, change: Callable[[Audit], Audit]) -> None:
        """Let the audit's plan say more, whatever other shards let it say."""
        with self.lease.write() as connection:
            take_shards(connection, tenant=self.lease.tenant, audit=self.audit.id)
            now = self.means.store.shown(tenant=self.lease.tenant, ident=self.audit.id)
            new = change(now)
            if new != now:
                self.lease.set_in(connection, plan=new.plan)
        self.audit = replace(self.audit, targets=new.targets, remarks=new.remarks)
