"""Resources whose ids are not theirs alone, that had another id before, or that others own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
from tests.audits.world import ACCOUNT, REGION, TENANT, Clock, Cloud, Pass

from cloudsealed.audits.records import snapshots
from cloudsealed.audits.records.blocks import OBSERVATIONS, SNAPSHOTS
from cloudsealed.audits.simulations.forecast import Forecast
from cloudsealed.audits.steps import again, collisions, plan
from cloudsealed.collectors.model import Row
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.findings.model import Triage
from cloudsealed.findings.store import FindingStore
from cloudsealed.policies.service import PolicyService
from cloudsealed.resources.store import ResourceStore
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import FindingStatus, Outcome, Resolution, TriageState

SERVICE, VPC = "aws.ecs.service", "aws.ec2.vpc"
OTHER = "999988887777"
ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
SINGLE = "resource.Service.desiredCount == 1"


@dataclass
class Shared(Cloud):
    """Clusters (name to the tasks of its one service, `web`) and VPCs (id to owner)."""

    clusters: dict[str, int] = field(default_factory=dict)
    vpcs: dict[str, str] = field(default_factory=dict)

    def _document(self, operation: str, queue: str) -> Mapping[str, Any]:
        asked = orjson.loads(self.asked[-1].parameters)
        if operation == "ListClusters":
            return {"clusterArns": [f"{ECS}:cluster/{name}" for name in self.clusters]}
        if operation == "ListServices":
            return {"serviceArns": [f"{ECS}:service/web"]}
        if operation == "DescribeServices":
            count = self.clusters[asked["cluster"].rpartition("/")[2]]
            return {"services": [{"serviceName": "web", "desiredCount": count}]}
        if operation == "DescribeVpcs":
            return {"Vpcs": [{"VpcId": name, "OwnerId": who} for name, who in self.vpcs.items()]}
        return super()._document(operation, queue)


@pytest.fixture
def cloud(clock: Clock) -> Shared:
    return Shared(clock)


Look = Callable[..., Pass]


@pytest.fixture
def look(begin: Any, cloud: Shared, clock: Clock, check: Any) -> Look:
    """Returns an audit of one type that has come to its end."""

    def look(kind: str, fail_when: str, **said: Any) -> Pass:
        clock.move(seconds=10)
        audit: Pass = begin(kind)
        audit.collect(cloud)
        audit.judge(check(fail_when, resource_types=[kind], **said))
        audit.apply()
        return audit

    return look


@contextmanager
def as_before(kind: str, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Build the ids of a type as its row built them before."""
    row = RESOURCE_TYPES[kind]
    assert row.formerly_native_id is not None
    old = replace(row, native_id=row.formerly_native_id, formerly_native_id=None)
    rows: dict[str, Row] = {**RESOURCE_TYPES, kind: old}
    with patch.context() as patched:
        for module in (plan, snapshots):
            patched.setattr(module, "RESOURCE_TYPES", rows)
        yield


def standing(present: Any) -> dict[str, tuple[Any, ...]]:
    return {f.id: (f.status, f.resolution, f.resource.native_id) for f in present().values()}


def triaged(database: Database, ident: str) -> Triage:
    said = Triage(TriageState.ACCEPTED_RISK, "ann", "known", None, "2026-01-01T00:00:00Z", "usr_a")
    FindingStore(database).replace(
        tenant=TENANT, ident=ident, change=lambda found: replace(found, triage=said)
    )
    return said


def ids(database: Database) -> dict[str, str]:
    page = ResourceStore(database).page(
        tenant=TENANT, filters={}, sort="-id", after=None, limit=100
    )
    return {doc["native_id"]: doc["id"] for doc in (orjson.loads(row[2]) for row in page.rows)}


def test_services_of_one_name_in_two_clusters_are_two_resources(
    look: Look, cloud: Shared, present: Any
) -> None:
    cloud.clusters = {"blue": 1, "green": 3}
    audit = look(SERVICE, SINGLE)
    [block] = audit.snapshots.listings()
    assert [line[0] for line in audit.blocks.lines(block)] == [
        f"{ECS}:service/blue/web",
        f"{ECS}:service/green/web",
    ]
    [finding] = present().values()
    assert finding.resource.native_id == f"{ECS}:service/blue/web"


def test_what_was_known_under_a_former_id_goes_on_under_the_new_one(
    look: Look, cloud: Shared, database: Database, present: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.clusters = {"blue": 1}
    with as_before(SERVICE, monkeypatch):
        first = look(SERVICE, SINGLE)
    [before] = present().values()
    assert before.resource.native_id == f"{ECS}:service/web"
    said, known = triaged(database, before.id), ids(database)
    second = look(SERVICE, SINGLE)
    [after] = present().values()
    assert (after.id, after.triage, after.status) == (before.id, said, FindingStatus.OPEN)
    assert after.first_seen_at == before.first_seen_at
    assert after.resource == replace(before.resource, native_id=f"{ECS}:service/blue/web")
    assert ids(database) == {after.resource.native_id: known[before.resource.native_id]}
    [episode] = FindingStore(database).history(tenant=TENANT, ident=after.id)
    assert {first.id, second.id} <= set(episode)
    assert look(SERVICE, SINGLE)
    assert next(iter(present().values())).fingerprint == after.fingerprint


def test_a_former_id_that_several_had_goes_on_as_that_of_the_one_that_was_seen(
    look: Look, cloud: Shared, present: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.clusters = {"green": 1}
    with as_before(SERVICE, monkeypatch):
        look(SERVICE, SINGLE)
    [before] = present().values()
    cloud.clusters = {"blue": 1, "green": 1}
    look(SERVICE, SINGLE)
    stood = standing(present)
    assert stood[before.id] == (FindingStatus.OPEN, None, f"{ECS}:service/green/web")
    assert sorted(native for _, _, native in stood.values()) == [
        f"{ECS}:service/blue/web",
        f"{ECS}:service/green/web",
    ]


def test_the_findings_of_one_that_is_gone_are_not_inherited_by_one_of_its_name(
    look: Look, cloud: Shared, present: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.clusters = {"blue": 1}
    with as_before(SERVICE, monkeypatch):
        look(SERVICE, SINGLE)
    [before] = present().values()
    cloud.clusters = {"green": 1}
    look(SERVICE, SINGLE)
    stood = standing(present)
    assert stood.pop(before.id)[:2] == (FindingStatus.RESOLVED, Resolution.RESOURCE_DELETED)
    [(status, _, native_id)] = stood.values()
    assert (status, native_id) == (FindingStatus.OPEN, f"{ECS}:service/green/web")


def test_a_policy_that_is_judged_later_finds_its_findings_under_the_former_id(
    look: Look, cloud: Shared, present: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.clusters = {"blue": 1}
    with as_before(SERVICE, monkeypatch):
        look(SERVICE, SINGLE)
    [before] = present().values()
    look(SERVICE, "false", key="another")
    look(SERVICE, SINGLE)
    [after] = present().values()
    assert (after.id, after.status) == (before.id, FindingStatus.OPEN)


def test_what_no_longer_fails_under_its_new_id_is_fixed(
    look: Look, cloud: Shared, present: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.clusters = {"blue": 1}
    with as_before(SERVICE, monkeypatch):
        look(SERVICE, SINGLE)
    [before] = present().values()
    cloud.clusters = {"blue": 2}
    look(SERVICE, SINGLE)
    assert standing(present) == {
        before.id: (FindingStatus.RESOLVED, Resolution.FIXED, f"{ECS}:service/blue/web")
    }


def test_an_audit_from_before_is_read_by_the_ids_of_today(
    look: Look, cloud: Shared, present: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.clusters = {"blue": 1}
    with as_before(SERVICE, monkeypatch):
        first = look(SERVICE, SINGLE)
    look(SERVICE, SINGLE)
    [finding] = present().values()
    [listing] = first.snapshots.listings()
    [(_, snapshot)] = first.snapshots.of(listing)
    assert snapshot["native_id"] == finding.resource.native_id
    block = first.blocks.find(OBSERVATIONS, "queues", ACCOUNT, REGION)
    assert block is not None
    found = first.snapshots.line_about(block, finding.resource.native_id)
    assert found is not None
    line = orjson.loads(found[1])
    assert line["native_id"] == f"{ECS}:service/web"
    assert first.snapshots.print_today(block, line) == finding.fingerprint
    assert first.snapshots.line_about(block, f"{ECS}:service/green/web") is None


def test_a_simulation_of_an_audit_from_before_opens_and_closes_nothing(
    look: Look,
    cloud: Shared,
    database: Database,
    clock: Clock,
    check: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cloud.clusters = {"blue": 1}
    with as_before(SERVICE, monkeypatch):
        first = look(SERVICE, SINGLE)
    look(SERVICE, SINGLE)
    forecast = Forecast(
        database=database,
        policies=PolicyService(database=database, clock=clock),
        clock=clock,
        tenant=TENANT,
        seconds=60,
    )
    told = forecast.of_check(check(SINGLE, resource_types=[SERVICE]), first.audit)
    assert (told["counts"]["fail"], told["would_open"], told["would_close"]) == (1, 0, 0)


def test_a_list_whose_ids_are_built_anew_has_not_shrunk(
    look: Look,
    begin: Any,
    cloud: Shared,
    database: Database,
    check: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(again, "LEAST", 1)
    cloud.clusters = {"blue": 1}
    with as_before(SERVICE, monkeypatch):
        look(SERVICE, SINGLE)
    for clusters, lost in (({"blue": 1}, 0), ({}, 1)):
        cloud.clusters = clusters
        audit = begin(SERVICE)
        audit.collect(cloud)
        audit.judge(check(SINGLE, resource_types=[SERVICE]))
        found = again.shrunk(database, tenant=TENANT, audit_id=audit.id, tasks=audit.tasks)
        assert [each.missing for each in found] == [1] * lost, clusters


class TwoNames(dict[str, dict[str, Any]]):
    """Queues of which one is listed at two addresses, which has never been seen of SQS."""

    def __iter__(self) -> Iterator[str]:
        yield from [*super().__iter__(), "elsewhere/one"]

    def __getitem__(self, name: str) -> dict[str, Any]:
        return super().__getitem__(name.rpartition("/")[2])


def test_an_id_that_two_resources_have_is_unknown_and_both_are_named(
    look: Look, cloud: Shared, present: Any
) -> None:
    cloud.queues = {"one": {"A": "bad"}, "two": {"A": "good"}}
    look("aws.sqs.queue", "resource.Attributes.A == 'bad'")
    before = {f.resource.native_id: f.status for f in present().values()}
    cloud.queues = TwoNames(cloud.queues)
    audit = look("aws.sqs.queue", "resource.Attributes.A == 'bad'")
    lines = audit.lines("queues")
    assert lines["one"]["outcome"] == Outcome.UNKNOWN
    assert lines["two"]["outcome"] == Outcome.PASS
    [reason] = lines["one"]["reasons"]
    both = (f"https://sqs/{ACCOUNT}/one", f"https://sqs/{ACCOUNT}/elsewhere/one")
    assert all(each in reason["message"] for each in both)
    assert {f.resource.native_id: f.status for f in present().values()} == before
    [block] = audit.observations()
    assert block.header["complete"] == {"aws.sqs.queue": False}
    [remark] = collisions.remarks((), audit.snapshots.listings())
    assert (remark["kind"], remark["message"]) == ("id_collision", reason["message"])
    assert collisions.remarks((remark,), audit.snapshots.listings()) == (remark,)


def test_what_a_list_names_twice_while_it_changes_is_one_resource(
    look: Look, cloud: Shared
) -> None:
    class Twice(dict[str, dict[str, Any]]):
        def __iter__(self) -> Iterator[str]:
            yield from [*super().__iter__()] * 2

    cloud.queues = Twice({"one": {"A": "bad"}})
    audit = look("aws.sqs.queue", "resource.Attributes.A == 'bad'")
    assert audit.lines("queues")["one"]["outcome"] == Outcome.FAIL
    [block] = audit.snapshots.listings()
    assert (block.kind, block.header["complete"], block.count) == (SNAPSHOTS, True, 1)


def test_a_policy_does_not_apply_to_what_another_account_owns(
    look: Look, cloud: Shared, present: Any, database: Database
) -> None:
    cloud.vpcs = {"vpc-own": ACCOUNT, "vpc-shared": OTHER}
    audit = look(VPC, "true")
    block = audit.blocks.find(OBSERVATIONS, "queues", ACCOUNT, REGION)
    assert block is not None
    lines = {line["native_id"]: line for line in audit.blocks.lines(block)}
    shared = lines[f"arn:aws:ec2:{REGION}:{OTHER}:vpc/vpc-shared"]
    assert shared["outcome"] == Outcome.NOT_APPLICABLE
    assert (shared["reasons"][0]["kind"], shared["reasons"][0]["owner"]) == (
        "owned_by_another",
        OTHER,
    )
    own = f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/vpc-own"
    assert lines[own]["outcome"] == Outcome.FAIL
    assert [f.resource.native_id for f in present().values()] == [own]
    assert block.header["complete"] == {VPC: True}


def test_a_policy_that_says_so_judges_what_another_account_owns(
    look: Look, cloud: Shared, present: Any
) -> None:
    cloud.vpcs = {"vpc-shared": OTHER}
    look(VPC, "resource.OwnerId != '123456789012'", foreign=True)
    [finding] = present().values()
    assert finding.resource.native_id == f"arn:aws:ec2:{REGION}:{OTHER}:vpc/vpc-shared"
    assert finding.resource.account == ACCOUNT


def test_a_finding_of_what_another_owns_ends_as_one_that_no_policy_judges(
    look: Look, cloud: Shared, present: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.vpcs = {"vpc-shared": ACCOUNT}
    with as_before(VPC, monkeypatch):
        look(VPC, "true")
    [before] = present().values()
    cloud.vpcs = {"vpc-shared": OTHER}
    look(VPC, "true")
    native_id = f"arn:aws:ec2:{REGION}:{OTHER}:vpc/vpc-shared"
    assert standing(present) == {
        before.id: (FindingStatus.RESOLVED, Resolution.POLICY_CHANGED, native_id)
    }


def test_a_resource_says_which_account_owns_it(
    look: Look, cloud: Shared, database: Database
) -> None:
    cloud.vpcs = {"vpc-own": ACCOUNT, "vpc-shared": OTHER}
    look(VPC, "true")
    page = ResourceStore(database).page(
        tenant=TENANT, filters={}, sort="-id", after=None, limit=100
    )
    docs = [orjson.loads(row[2]) for row in page.rows]
    assert {doc["owner_account"] for doc in docs} == {ACCOUNT, OTHER}
    assert {doc["account"] for doc in docs} == {ACCOUNT}
