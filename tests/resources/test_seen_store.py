"""A list pinned to an audit is all that the audit saw, as it saw it, however it is walked."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from tests.audits.world import TENANT, Clock, Cloud, Pass

from cloudsealed.audits.store import AuditStore
from cloudsealed.resources import seen_store as seen
from cloudsealed.resources.seen_store import SeenStore, matches
from cloudsealed.resources.service import ResourceService
from cloudsealed.resources.store import LISTING
from cloudsealed.storage.database import Database, ReadDeadlineError
from cloudsealed.storage.objects import EvidenceExpiredError, drop_unused
from cloudsealed.storage.schema import tenants
from cloudsealed.vocabulary import AuditStatus

Filters = Mapping[str, tuple[str, ...]]


@pytest.fixture
def cloud(database: Database) -> Cloud:
    row = {"tenant_id": TENANT, "name": "Acme", "created_at": "2026-01-01T00:00:00.000Z"}
    with database.write() as connection:
        connection.run(tenants.insert(), row)
    return Cloud(Clock())


def audited(database: Database, cloud: Cloud) -> str:
    audit = Pass(database, cloud.clock, ("aws.sqs.queue", "aws.sns.topic"))
    audit.collect(cloud)
    audit.judge()
    audit.apply()
    audit.take().set(status=AuditStatus.COMPLETED, finished_at="2026-01-01T00:00:00.000Z")
    cloud.clock.move(days=1)
    return audit.id


def walked(database: Database, audit: str, limit: int = 50, **filters: Any) -> list[dict[str, Any]]:
    service, found, after = ResourceService(database=database), list[dict[str, Any]](), None
    while True:
        page = service.list(
            tenant=TENANT, filters={"audit": (audit,), **filters}, after=after, limit=limit
        )
        assert len(page.items) <= limit
        found += map(orjson.loads, page.items)
        after = page.next
        if after is None:
            return found


def test_each_audit_lists_its_whole_set_with_the_snapshots_of_then(
    database: Database, cloud: Cloud
) -> None:
    cloud.queues, cloud.tags["env"] = {"a": {"x": "1"}, "b": {}}, "test"
    first = audited(database, cloud)
    cloud.queues, cloud.tags["env"] = {"b": {"y": "2"}, "c": {}}, "prod"
    cloud.topics.append("t")
    second = audited(database, cloud)
    then, now = walked(database, first), walked(database, second)
    assert {each["name"] for each in then} == {"a", "b"}
    assert {each["name"].rpartition(":")[2] for each in now} == {"b", "c", "t"}
    for found, audit, tags in ((then, first, "test"), (now, second, "prod")):
        assert {each["audit_id"] for each in found} == {audit}
        assert {each["state"] for each in found} == {"present"}
        queues = [each for each in found if each["type"] == "aws.sqs.queue"]
        assert {each["tags"]["env"] for each in queues} == {tags}
    (b,), (b_now,) = ([each for each in found if each["name"] == "b"] for found in (then, now))
    assert b["id"] == b_now["id"]
    assert b["snapshot"] != b_now["snapshot"]
    assert b["last_seen_at"] < b_now["last_seen_at"]
    assert b["first_seen_at"] == b_now["first_seen_at"]
    assert [each["name"] for each in walked(database, first, tag_value=("prod",))] == []
    assert [each["name"] for each in walked(database, first, name=("A",))] == ["a"]


def test_a_walk_is_in_the_order_of_ids_whatever_the_page_and_the_block(
    database: Database, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "BLOCK_LINES", 3)
    cloud.queues = {f"q{number}": {} for number in range(11)}
    audit = audited(database, cloud)
    expected = sorted((each["id"] for each in walked(database, audit)), reverse=True)
    assert len(expected) == 11
    for limit in (1, 3, 4, 50):
        assert [each["id"] for each in walked(database, audit, limit)] == expected
    cloud.queues = {"other": {}}
    audited(database, cloud)
    assert [each["id"] for each in walked(database, audit, 2)] == expected


def test_what_only_narrows_reads_so_many_rows_and_says_that_there_is_more(
    database: Database, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.queues = {f"q{number}": {} for number in range(6)}
    audit = audited(database, cloud)
    monkeypatch.setattr(seen, "SCAN_ROWS", 2)
    page = ResourceService(database=database).list(
        tenant=TENANT, filters={"audit": (audit,), "name": ("nothing",)}
    )
    assert (page.items, page.next is None) == ([], False)
    assert [each["name"] for each in walked(database, audit, name=("q3",))] == ["q3"]


def test_a_page_that_nothing_narrows_is_full_however_long_it_takes(
    database: Database, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.queues = {f"q{number}": {} for number in range(6)}
    audit = audited(database, cloud)
    monkeypatch.setattr(seen, "SCAN_ROWS", 2)
    store = SeenStore(database)
    page = store.page(tenant=TENANT, audit=audit, filters={"audit": (audit,)}, after=None, limit=5)
    assert (len(page.items), page.next is None) == (5, False)


def test_an_audit_that_has_not_completed_or_is_a_strangers_lists_nothing(
    database: Database, cloud: Cloud
) -> None:
    cloud.queues = {"a": {}}
    running = Pass(database, cloud.clock, ("aws.sqs.queue",))
    running.collect(cloud)
    running.judge()
    running.apply()
    assert walked(database, running.id) == walked(database, "aud_never") == []
    done = audited(database, cloud)
    strange = SeenStore(database).page(tenant="ten_b", audit=done, filters={}, after=None, limit=5)
    assert (strange.items, strange.next) == ([], None)


def test_what_retention_dropped_is_said_to_be_gone(database: Database, cloud: Cloud) -> None:
    cloud.queues = {"a": {}}
    audit = audited(database, cloud)
    drop_unused(database, TENANT, before="2999-01")
    with pytest.raises(EvidenceExpiredError):
        walked(database, audit)
    AuditStore(database, cloud.clock).expire(tenant=TENANT, ident=audit)
    with pytest.raises(EvidenceExpiredError, match=audit):
        walked(database, audit)


def test_the_event_loop_reads_no_snapshots(database: Database) -> None:
    with pytest.raises(ReadDeadlineError):
        ResourceService(database=database).list(
            tenant=TENANT, filters={"audit": ("aud_x",)}, deadline=0.005
        )


ROW = {
    "type": "aws.sqs.queue",
    "account": "1",
    "region": "eu",
    "provider": "aws",
    "native_id": "arn:a",
    "state": "present",
    "connection_id": "con_a",
    "name": "Orders",
    "tags": {"env": "prod", "a=": "x"},
    "owner": "ann",
}
PASSING: dict[str, tuple[str, ...]] = {
    "type": ("x", "aws.sqs.queue"),
    "account": ("1",),
    "region": ("eu",),
    "provider": ("aws",),
    "native_id": ("arn:a",),
    "state": ("present",),
    "connection": ("con_a",),
    "name": ("RDER",),
    "tag_key": ("env",),
    "tag_value": ("x",),
    "audit": ("aud_x",),
    "service": ("sns", "sqs"),
    "tag": ("env=dev", "env=prod", "a%3D=x"),
    "owner": ("bob", "ann"),
    "search": ("RN:A",),
}


def test_every_filter_of_the_list_is_judged_on_what_was_seen() -> None:
    names = {item.name for item in LISTING.filters if item.is_public}
    assert names <= PASSING.keys()
    for name, other in itertools.product(PASSING, PASSING):
        pair = {name, other} == {"tag_key", "tag_value"}
        assert matches(ROW, {name: PASSING[name], other: PASSING[other]}) is not pair
    for name in PASSING.keys() - {"audit"}:
        assert not matches(ROW, {name: ("nothing",)})
        assert matches(ROW, {f"{name}_not": ("nothing",)})
    assert not matches(ROW, {"tag": ("env=prod", "a%3D=y")})
    assert not matches(ROW, {"tag_not": ("env=prod", "a%3D=y")})
    assert matches(ROW, {"tag_key": ("env",), "tag_value": ("prod",)})
