"""A small cloud of queues, and an audit of it taken from phase to phase over the real store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from cloudsealed.audits.judging.extent import Extent
from cloudsealed.audits.model import Scope, Target
from cloudsealed.audits.records.blocks import OBSERVATIONS, Block, Blocks
from cloudsealed.audits.records.ledger import Ledger, RecordedCalls, Recorder, StoredCalls
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.shard_store import Lease, Shard, Shards, Step
from cloudsealed.audits.skew import NO_HORIZON
from cloudsealed.audits.steps.apply import Applier
from cloudsealed.audits.steps.collect import collect
from cloudsealed.audits.steps.derive import derive
from cloudsealed.audits.steps.evaluate import Evaluator
from cloudsealed.audits.steps.plan import tasks_of
from cloudsealed.audits.steps.regions import settle_regions
from cloudsealed.audits.store import AuditStore
from cloudsealed.collectors.model import Answer, CallRequest, Unit
from cloudsealed.findings.pin_store import Pin
from cloudsealed.kit.clock import rfc3339
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.policies.service import PolicySet
from cloudsealed.policies.yielding import NO_YIELDS, Yields
from cloudsealed.resources.seen_store import blocks_of, pin_block
from cloudsealed.storage.database import Database
from cloudsealed.storage.objects import month_of
from cloudsealed.testing.factories import add_audits, make_audit
from cloudsealed.vocabulary import AuditStatus, CallOutcome, PolicyKind

TENANT, ACCOUNT, REGION = "ten_a", "123456789012", "eu-west-1"
Failed = tuple[CallOutcome, str]


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Cloud:
    """Queues (name to attributes) and topics of one account; a Caller.

    `faults` says how calls fail, by operation or by (operation, queue). `asked` is every call.
    """

    clock: Clock
    queues: dict[str, dict[str, Any]] = field(default_factory=dict)
    topics: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    faults: dict[str | tuple[str, str], Failed] = field(default_factory=dict)
    asked: list[Unit] = field(default_factory=list)
    before: Callable[[Unit], None] = lambda _unit: None

    def call(self, request: CallRequest) -> Answer:
        unit = request.unit
        self.before(unit)
        self.asked.append(unit)
        queue = orjson.loads(unit.parameters).get("QueueUrl", "").rpartition("/")[2]
        failed = self.faults.get((unit.operation, queue)) or self.faults.get(unit.operation)
        if failed:
            return Answer(failed[0], None, self.clock(), error_code=failed[1])
        document = self._document(unit.operation, queue)
        outcome = CallOutcome.OK if any(document.values()) else CallOutcome.EMPTY
        return Answer(outcome, document, self.clock())

    def _document(self, operation: str, queue: str) -> Mapping[str, Any]:
        if operation == "ListQueues":
            return {"QueueUrls": [f"https://sqs/{ACCOUNT}/{name}" for name in self.queues]}
        if operation == "GetQueueAttributes":
            return {"Attributes": self.queues[queue]}
        if operation == "ListTopics":
            place = f"arn:aws:sns:{REGION}:{ACCOUNT}"
            return {"Topics": [{"TopicArn": f"{place}:{name}"} for name in self.topics]}
        if operation == "GetResources":
            return {"ResourceTagMappingList": list(self._tagged())}
        return {"Tags": self.tags} if operation == "ListQueueTags" else {}

    def _tagged(self) -> Iterator[Mapping[str, Any]]:
        tags = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        for name in self.queues if tags else ():
            arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
            yield {"ResourceARN": arn, "Tags": tags}


class Pass:
    """One audit of a `Cloud`, phase by phase; the phases are those of the product's runner."""

    def __init__(
        self, database: Database, now: Clock, types: tuple[str, ...], **changes: Any
    ) -> None:
        self.database = database
        self.clock = now
        self.store = AuditStore(database, now)
        self.shards = Shards(database, now)
        values: dict[str, Any] = {
            "status": AuditStatus.COLLECTING,
            "scope": Scope(resource_types=types),
            "targets": (Target("con_a", ACCOUNT, "aws", (REGION,)),),
            "clock": rfc3339(now()),
            "created_at": rfc3339(now()),
            "started_at": rfc3339(now()),
        }
        self.audit = make_audit(**values | changes)
        add_audits(database, TENANT, self.audit)
        self.id = self.audit.id
        self.tasks = tasks_of(self.audit.targets or (), self.audit.scope)
        self.ledger = Ledger(database, tenant=TENANT, audit_id=self.audit.source_id)
        self.snapshots = Snapshots(database, tenant=TENANT, audit_id=self.id)
        self.blocks = Blocks(database, tenant=TENANT, audit_id=self.id)
        self.yields = NO_YIELDS
        self.pins: list[Pin] = []

    def take(self, owner: str = "worker") -> Lease:
        lease = self.shards.take(tenant=TENANT, ident=self.id, owner=owner)
        assert lease is not None
        return lease

    def collect(
        self,
        cloud: Cloud,
        lease: Lease | None = None,
        tick: Callable[[int], None] | None = None,
        seen: Callable[[int], None] = lambda _number: None,
    ) -> None:
        lease = lease or self.take()
        with Recorder(lease, self.id) as recorder:
            caller = RecordedCalls(self.ledger, cloud, recorder)
            collect(
                self.tasks,
                dict.fromkeys(self.audit.connection_ids, caller),
                recorder,
                workers=4,
                tick=tick or (lambda _ended: None),
                seen=seen,
            )
        recorder.stop_if_asked()
        settle_regions(self.database, lease)

    def collected(self, lease: Lease) -> None:
        """End what it collected under a lease: its account is to be judged."""
        with lease.closing() as connection:
            lease.set_in(connection, status=AuditStatus.EVALUATING)
            self.shards.add(
                connection, tenant=TENANT, ident=self.id, new=[Shard(Step.JUDGE, ACCOUNT)]
            )

    def judge(self, *policies: PolicyVersion, seconds: float = 60, together: float = 3_600) -> None:
        checks = tuple(p for p in policies if p.kind is PolicyKind.CHECK)
        classes = tuple(p for p in policies if p.kind is PolicyKind.CLASSIFICATION)
        lease, clock = self.take(), self.audit.clock
        self.yields = Yields.of(checks)
        assert clock is not None
        derive(
            lease=lease,
            tasks=self.tasks,
            stored=StoredCalls(self.ledger, clock),
            clock=clock,
            done=lambda _number: None,
        )
        evaluator = Evaluator(
            policies=PolicySet(checks, classes),
            snapshots=self.snapshots,
            clock=clock,
            extent=Extent(self.audit.targets or ()),
            seconds=seconds,
            together=together,
        )
        evaluator.run(lease, lambda _number: None)

    def apply(
        self,
        horizon: str = NO_HORIZON,
        yields: Yields | None = None,
        withdraw: tuple[str, ...] = (),
    ) -> list[str]:
        """Apply it; `yields` are the tenant's own, else those of the policies that it judged by."""
        applier = Applier(
            database=self.database,
            lease=self.take(),
            snapshots=self.snapshots,
            horizon=horizon,
            yields=yields or self.yields,
        )
        for block in blocks_of(applier.resources()):
            with self.database.write() as connection:
                month = month_of(self.clock())
                pin_block(connection, tenant=TENANT, audit=self.id, block=block, month=month)
        failing = applier.findings()
        if withdraw:
            applier.withdraw(withdraw, [(ACCOUNT, REGION)], rfc3339(self.clock()))
        applier.settle([(ACCOUNT, REGION)])
        self.pins = failing
        return [pin[0] for pin in failing]

    def withdraw(self, *policy_ids: str) -> None:
        applier = Applier(database=self.database, lease=self.take(), snapshots=self.snapshots)
        applier.withdraw(policy_ids, [(ACCOUNT, REGION)], rfc3339(self.clock()))

    def observations(self) -> list[Block]:
        return self.blocks.all(OBSERVATIONS)

    def lines(self, key: str) -> dict[str, dict[str, Any]]:
        """Return the observations of one policy by the queue's name."""
        block = self.blocks.find(OBSERVATIONS, key, ACCOUNT, REGION)
        assert block is not None
        return {line["native_id"].rpartition(":")[2]: line for line in self.blocks.lines(block)}
