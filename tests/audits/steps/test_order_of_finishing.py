"""The order in which audits finish changes no finding: shown on the real store."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, select
from tests.migrated import migrated_file

from cloudsealed.audits.records import blocks
from cloudsealed.audits.records.blocks import Spool
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.shard_store import Shards
from cloudsealed.audits.steps.apply import Applier
from cloudsealed.findings.codec import moved
from cloudsealed.findings.model import fingerprint
from cloudsealed.findings.store import FindingStore
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.clock import utc_now
from cloudsealed.storage import objects
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.storage.schema import findings, resources
from cloudsealed.testing.factories import add_audits, make_audit
from cloudsealed.vocabulary import AuditStatus, Outcome, Severity

TENANT, ACCOUNT, REGION = "ten_a", "123456789012", "eu-west-1"
TYPE, POLICY, KEY = "aws.sqs.queue", "pol_a", "policy-a"
NAMES = ("one", "two", "three")


@dataclass(frozen=True)
class Pass:
    """One audit's word on one cell: `outcomes` by resource; what is absent was not listed.

    One that `withdraws` found the policy disabled: it lists, and judges nothing. Conditions of a
    policy give `severity`; None is that they could not be read. `word` is what a failure shows.
    """

    at: int
    outcomes: dict[str, Outcome]
    complete: bool
    version: int
    withdraws: bool = False
    severity: str | None = "critical"
    word: str = "a"

    def moment(self) -> str:
        return f"2026-01-01T00:00:{self.at:02d}.000Z"


PASSES = st.builds(
    Pass,
    at=st.integers(0, 5),
    outcomes=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(list(Outcome)), max_size=3),
    complete=st.booleans(),
    version=st.integers(1, 2),
    withdraws=st.sampled_from((False, False, False, True)),
    severity=st.sampled_from((None, None, "critical", "medium")),
    word=st.sampled_from(("a", "a", "a", "b")),
)


@contextmanager
def world() -> Iterator[SqliteDatabase]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cloudsealed.db").write_bytes(migrated_file())
        database = SqliteDatabase(Path(folder) / "cloudsealed.db")
        yield database
        database.close()


def audit_id(number: int) -> str:
    return f"aud_{number:026d}"


def write(database: SqliteDatabase, number: int, spoken: Pass) -> None:
    """Write an audit that is about to reconcile: its row, its snapshots, its observations."""
    ident = audit_id(number)
    audit = make_audit(
        id=ident, status=AuditStatus.SEALING, targets=None, clock=None, created_at=spoken.moment()
    )
    add_audits(database, TENANT, audit)
    place: dict[str, Any] = {"account": ACCOUNT, "region": REGION}
    with database.write() as connection:
        addresses = {
            name: objects.put(connection, TENANT, canonical(snapshot(name)), "2026-01")
            for name in spoken.outcomes
        }
        blocks.put(
            connection,
            tenant=TENANT,
            audit_id=ident,
            kind=blocks.SNAPSHOTS,
            key=TYPE,
            **place,
            lines=Spool.of(
                TENANT, "2026-01", [[name, addresses[name]] for name in sorted(addresses)]
            ),
            header={
                "connection_id": "con_a",
                "complete": spoken.complete,
                "outcome": "ok",
                "observed_at": spoken.moment(),
                "gap": None,
            },
        )
        if spoken.withdraws:
            return
        blocks.put(
            connection,
            tenant=TENANT,
            audit_id=ident,
            kind=blocks.OBSERVATIONS,
            key=KEY,
            **place,
            lines=Spool.of(
                TENANT,
                "2026-01",
                [line(name, spoken, addresses[name]) for name in sorted(addresses)],
            ),
            header={
                "policy_id": POLICY,
                "policy_version": spoken.version,
                "policy_digest": "x",
                "dimension": "security",
                "severity": own(spoken),
                "observed_at": spoken.moment(),
                "connection_id": "con_a",
                "complete": {TYPE: spoken.complete},
                "gaps": [],
            },
        )


def snapshot(name: str) -> dict[str, Any]:
    return {
        "provider": "aws",
        "account": ACCOUNT,
        "region": REGION,
        "type": TYPE,
        "native_id": name,
        "name": name,
        "tags": {},
        "document": {},
        "relations": {},
        "unread": {},
        "sources": {},
        "created": None,
    }


def own(spoken: Pass) -> str:
    """Return the severity of a version of the policy."""
    return "high" if spoken.version == 1 else "low"


def line(name: str, spoken: Pass, address: str) -> dict[str, Any]:
    outcome = spoken.outcomes[name]
    return {
        "native_id": name,
        "type": TYPE,
        "outcome": outcome,
        "severity": spoken.severity or own(spoken),
        **({"base_severity": spoken.severity} if spoken.severity else {"severity_open": True}),
        "fingerprint": fingerprint(
            policy_key=KEY, provider="aws", account=ACCOUNT, region=REGION, native_id=name
        ),
        "snapshot": address,
        "title": f"{name} {spoken.word}",
        "evidence": [{"path": "x", "value": spoken.word}] if outcome is Outcome.FAIL else [],
        "reasons": [],
        "classified_by": None,
        "suppressed": False,
    }


def finish(database: SqliteDatabase, number: int, spoken: Pass) -> None:
    lease = Shards(database, utc_now).take(
        tenant=TENANT, ident=audit_id(number), owner=f"worker-{number}"
    )
    assert lease is not None
    snapshots = Snapshots(database, tenant=TENANT, audit_id=audit_id(number))
    applier = Applier(database=database, lease=lease, snapshots=snapshots)
    applier.resources()
    applier.findings()
    if spoken.withdraws:
        applier.withdraw([POLICY], [(ACCOUNT, REGION)], spoken.moment())


def present(database: SqliteDatabase) -> dict[str, tuple[Any, ...]]:
    """Return what the product now says of every finding, its ids and history aside."""
    store = FindingStore(database)
    statement = select(findings.c.id).where(findings.c.tenant_id == bindparam("tenant"))
    with database.read() as connection:
        idents = [row[0] for row in connection.all(statement, {"tenant": TENANT})]
    loaded = [store.get(tenant=TENANT, ident=ident) for ident in idents]
    for each in loaded:
        doc, _policy, _version, followed = store.served(tenant=TENANT, ident=each.id)
        shown = orjson.loads(moved(doc, followed))
        assert (shown["last_seen_at"], shown["audit_id"]) == (each.last_seen_at, each.audit_id)
        last = store.history(tenant=TENANT, ident=each.id)[-1]
        assert (last[1], last[-1], last[4]) == (each.last_observation, *astuple(each.looked))
    return {
        f.resource.native_id: (
            f.status,
            f.resolution,
            f.severity,
            f.base_severity,
            f.evidence,
            f.policy_version,
            f.title,
            f.last_observation,
            f.last_seen_at,
            f.audit_id,
            f.looked,
            f.resolved,
        )
        for f in loaded
    }


def states(database: SqliteDatabase) -> dict[str, str]:
    with database.read() as connection:
        return dict(connection.all(select(resources.c.native_id, resources.c.state)))


def told_in(
    order: tuple[int, ...],
    passes: list[Pass],
    told: Callable[[SqliteDatabase], dict[str, Any]] = present,
) -> dict[str, Any]:
    with world() as database:
        for number, spoken in enumerate(passes):
            write(database, number, spoken)
        for number in order:
            finish(database, number, passes[number])
        return told(database)


@settings(max_examples=100)
@given(passes=st.lists(PASSES, min_size=2, max_size=6), data=st.data())
def test_whatever_the_order_in_which_audits_finish_the_findings_are_the_same(
    passes: list[Pass], data: st.DataObject
) -> None:
    in_time = tuple(sorted(range(len(passes)), key=lambda n: (passes[n].at, n)))
    other = tuple(data.draw(st.permutations(range(len(passes)))))
    assert told_in(other, passes) == told_in(in_time, passes)


@settings(max_examples=50)
@given(
    passes=st.lists(PASSES, min_size=2, max_size=6, unique_by=lambda spoken: spoken.at),
    data=st.data(),
)
def test_whatever_the_order_in_which_audits_finish_the_same_resources_are_there(
    passes: list[Pass], data: st.DataObject
) -> None:
    in_time = tuple(sorted(range(len(passes)), key=lambda n: passes[n].at))
    other = tuple(data.draw(st.permutations(range(len(passes)))))
    assert told_in(other, passes, states) == told_in(in_time, passes, states)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_an_old_fail_that_arrives_late_does_not_reopen_what_was_fixed(
    order: tuple[int, ...],
) -> None:
    passes = [
        Pass(1, {"one": Outcome.FAIL}, complete=True, version=1),
        Pass(2, {"one": Outcome.PASS}, complete=True, version=1),
        Pass(3, {"one": Outcome.UNKNOWN}, complete=True, version=1),
    ]
    told = told_in(order, passes)
    assert told["one"][:2] == ("resolved", "fixed")
    assert told["one"][7] is Outcome.UNKNOWN


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_a_severity_that_could_not_be_read_is_the_last_that_was_by_the_policys_version(
    order: tuple[int, ...],
) -> None:
    fails = {"one": Outcome.FAIL}
    passes = [
        Pass(1, fails, complete=True, version=1, severity="medium"),
        Pass(2, fails, complete=True, version=1, severity=None),
        Pass(3, {"one": Outcome.PASS}, complete=True, version=1),
        Pass(4, fails, complete=True, version=1, severity=None),
    ]
    assert told_in(order, passes)["one"][2] is Severity.MEDIUM
    changed = [*passes[:3], Pass(4, fails, complete=True, version=2, severity=None)]
    assert told_in(order, changed)["one"][2] is Severity.LOW, "the new version's own"


def test_finishing_twice_changes_nothing() -> None:
    passes = [
        Pass(1, {"one": Outcome.FAIL, "two": Outcome.PASS}, complete=True, version=1),
        Pass(2, {"two": Outcome.FAIL}, complete=True, version=2),
    ]
    assert told_in((0, 1, 0, 1, 1), passes) == told_in((0, 1), passes)
