"""Resources counted by any facet: now, and as an audit saw them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from tests.audits.world import TENANT as AUDITED
from tests.audits.world import Clock, Cloud
from tests.resources.test_seen_store import audited
from tests.waiting import SECONDS

from cloudsealed.resources import seen_store, summary
from cloudsealed.resources.service import ResourceService
from cloudsealed.resources.summary import GROUPS
from cloudsealed.storage import keyset
from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import tenants
from cloudsealed.testing.factories import ACCOUNT, add_resources, make_resource
from cloudsealed.vocabulary import ResourceState

TENANT = "ten_b"
EXPECTED: dict[str, dict[str | None, int]] = {
    "type": {"aws.sqs.queue": 2, "aws.s3.bucket": 1},
    "service": {"sqs": 2, "s3": 1},
    "provider": {"aws": 3},
    "account": {ACCOUNT: 2, "2" * 12: 1},
    "region": {"eu-west-1": 2, "global": 1},
    "connection": {"con_a": 2, "con_b": 1},
    "state": {"present": 2, "deleted": 1},
    "owner": {"ann": 2, None: 1},
    "tag_key": {"Owner": 1, "env": 1, "team": 1, None: 1},
    "tag": {"Owner=ann": 1, "env=a%20b": 1, "team=ann": 1, None: 1},
}


@pytest.fixture
def estate(database: Database, monkeypatch: pytest.MonkeyPatch) -> ResourceService:
    """Store three resources, and one of another tenant."""
    monkeypatch.setattr(keyset, "SCAN_SECONDS", SECONDS)
    add_resources(
        database,
        TENANT,
        make_resource(tags={"env": "a b", "Owner": "ann"}),
        make_resource(tags={"team": "ann"}, account="2" * 12, region="global"),
        make_resource(type="aws.s3.bucket", connection_id="con_b", state=ResourceState.DELETED),
    )
    add_resources(database, "ten_c", make_resource())
    return ResourceService(database=database)


def counted(found: dict[str, Any], name: str) -> dict[str | None, int]:
    return {group[name]: group["count"] for group in found["groups"]}


def test_any_facet_is_counted_and_its_values_are_those_of_the_filter(
    estate: ResourceService,
) -> None:
    assert set(EXPECTED) == set(GROUPS)
    for name, expected in EXPECTED.items():
        found = estate.summary(tenant=TENANT, group_by=(name,), filters={})
        assert (found["total"], found["complete"]) == (3, True), name
        assert counted(found, name) == expected
        for value in filter(None, expected):
            one = estate.summary(tenant=TENANT, group_by=("type",), filters={name: (value,)})
            assert one["total"] == expected[value], (name, value)


def test_facets_combine_and_tags_are_of_the_chosen_keys(estate: ResourceService) -> None:
    found = estate.summary(tenant=TENANT, group_by=("service", "tag_key", "tag"), filters={})
    groups = [tuple(group.values()) for group in found["groups"]]
    assert groups == [
        ("s3", None, None, 1),
        ("sqs", "Owner", "Owner=ann", 1),
        ("sqs", "env", "env=a%20b", 1),
        ("sqs", "team", "team=ann", 1),
    ]
    filters = {"tag_key": ("env",)}
    found = estate.summary(tenant=TENANT, group_by=("tag",), filters=filters)
    assert (found["total"], counted(found, "tag")) == (1, {"env=a%20b": 1})


def test_a_count_that_ends_at_its_bound_says_so(
    estate: ResourceService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary, "MOST", 1)
    found = estate.summary(tenant=TENANT, group_by=("type",), filters={})
    assert (found["total"], found["complete"]) == (3, False)
    assert counted(found, "type") == {"aws.sqs.queue": 2}
    monkeypatch.setattr(keyset, "SCAN_ROWS", 2)
    found = estate.summary(tenant=TENANT, group_by=("state",), filters={})
    assert (found["total"], found["complete"]) == (2, False)


def test_an_installation_names_the_tags_of_owners(database: Database) -> None:
    add_resources(database, TENANT, make_resource(tags={"Squad": "red", "owner": "ann"}))
    service = ResourceService(database=database, owner_tags=("squad",))
    found = service.summary(tenant=TENANT, group_by=("owner",), filters={"owner": ("red",)})
    assert counted(found, "owner") == {"red": 1}


def test_what_an_audit_saw_is_counted_as_it_saw_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen_store, "SCAN_SECONDS", SECONDS)
    row = {"tenant_id": AUDITED, "name": "Acme", "created_at": "2026-01-01T00:00:00.000Z"}
    with database.write() as connection:
        connection.run(tenants.insert(), row)
    cloud = Cloud(Clock())
    cloud.queues, cloud.tags = {"a": {}, "b": {}}, {"owner": "ann"}
    first = audited(database, cloud)
    cloud.queues, cloud.tags = {"a": {}}, {"owner": "bob"}
    audited(database, cloud)
    service, filters = ResourceService(database=database), {"audit": (first,)}

    def seen(name: str, **others: tuple[str, ...]) -> dict[str | None, int]:
        asked = {**filters, **others}
        found = service.summary(tenant=AUDITED, group_by=(name,), filters=asked)
        assert found["complete"]
        return counted(found, name)

    assert seen("owner") == {"ann": 2}
    assert seen("type", owner=("ann",)) == {"aws.sqs.queue": 2}
    assert seen("type", owner=("bob",)) == {}
    assert seen("tag") == {"owner=ann": 2}
    listed = service.list(tenant=AUDITED, filters={**filters, "search": (":B",)})
    assert ["owner" in orjson.loads(item) for item in listed.items] == [False]
    monkeypatch.setattr(seen_store, "SCAN_ROWS", 1)
    found = service.summary(tenant=AUDITED, group_by=("type",), filters=filters)
    assert (found["total"], found["complete"]) == (1, False)
