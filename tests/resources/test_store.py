"""Resources rest in rows with their tags, and are found by what they are and by tag."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import pytest

from cloudsealed.resources import store as rows
from cloudsealed.resources.model import Resource, ResourceNotFoundError
from cloudsealed.resources.service import ResourceService
from cloudsealed.resources.store import LISTING, ResourceStore
from cloudsealed.storage import objects
from cloudsealed.storage.database import Database
from cloudsealed.testing.factories import ACCOUNT, add_resources, make_resource
from cloudsealed.vocabulary import ResourceState

TENANT = "ten_a"


def ids(database: Database, **filters: tuple[str, ...]) -> list[str]:
    store, found, after = ResourceStore(database), list[str](), None
    while True:
        page = store.page(tenant=TENANT, filters=filters, sort="-id", after=after, limit=2)
        found += [row[0] for row in page.rows]
        after = page.next
        if after is None:
            return found


@pytest.fixture
def four(database: Database) -> list[Resource]:
    """Store four resources of a tenant, and one of another that is tagged like the first."""
    made = [
        make_resource(tags={"env": "prod", "team": "a"}, name="Orders", connection_id="con_1"),
        make_resource(tags={"env": "test"}, type="aws.s3.bucket", account="2" * 12, name=None),
        make_resource(tags={"owner": "prod"}, region="global", audit_id="aud_b", name="100%_done"),
        make_resource(state=ResourceState.DELETED, native_id="arn:aws:sqs:::gone", name="orders-2"),
    ]
    add_resources(database, TENANT, *made)
    add_resources(database, "ten_b", make_resource(tags={"env": "prod"}))
    return made


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [3, 2, 1, 0]),
        ({"type": ("aws.s3.bucket",)}, [1]),
        ({"native_id": ("arn:aws:sqs:::gone",)}, [3]),
        ({"connection": ("con_1",)}, [0]),
        ({"connection": ("con_1", "con_a")}, [3, 2, 1, 0]),
        ({"account": (ACCOUNT,)}, [3, 2, 0]),
        ({"region": ("global",)}, [2]),
        ({"state": ("deleted",)}, [3]),
        ({"state": ("deleted", "present")}, [3, 2, 1, 0]),
        ({"provider": ("aws",)}, [3, 2, 1, 0]),
        ({"tag_key": ("env",)}, [1, 0]),
        ({"tag_value": ("prod",)}, [2, 0]),
        ({"tag_key": ("env",), "type": ("aws.sqs.queue",)}, [0]),
        ({"tag_key": ("ENV",)}, []),
        ({"tag_key": ("owner",), "tag_value": ("prod",)}, [2]),
        ({"tag_key": ("env",), "tag_value": ("prod",)}, [0]),
        ({"tag_key": ("team",), "tag_value": ("prod",)}, []),
        ({"tag_key": ("env", "owner"), "tag_value": ("prod", "test")}, [2, 1, 0]),
        ({"tag": ("env=prod",)}, [0]),
        ({"tag": ("env=prod", "env=test")}, [1, 0]),
        ({"tag": ("env=prod", "team=a")}, [0]),
        ({"tag": ("env=test", "team=a")}, []),
        ({"tag_not": ("env=prod", "owner=prod")}, [3, 1]),
        ({"tag_key_not": ("env",)}, [3, 2]),
        ({"state_not": ("deleted",)}, [2, 1, 0]),
        ({"type_not": ("aws.s3.bucket",)}, [3, 2, 0]),
        ({"service": ("s3",)}, [1]),
        ({"service_not": ("s3",)}, [3, 2, 0]),
        ({"name": ("Orders", "done")}, [3, 2, 0]),
        ({"name": ("ORDERS",)}, [3, 0]),
        ({"name": ("%_",)}, [2]),
        ({"name": ("r_d",)}, []),
        ({"search": ("ORDERS",)}, [3, 0]),
        ({"search": ("sqs:::GO",)}, [3]),
        ({"search": ("%_", "sqs:::gone")}, [3, 2]),
        ({"owner": ("prod",)}, [2]),
        ({"owner": ("prod", "a")}, [2, 0]),
        ({"owner_not": ("prod",)}, [3, 1, 0]),
    ],
)
def test_filters_narrow(
    database: Database,
    four: list[Resource],
    filters: Mapping[str, tuple[str, ...]],
    expected: list[int],
) -> None:
    assert ids(database, **filters) == [four[number].id for number in expected]


def test_every_filter_is_tried_here() -> None:
    assert {item.name for item in LISTING.filters} == {
        "native_id",
        "type",
        "connection",
        "account",
        "region",
        "state",
        "provider",
        "audit",
        "tag_key",
        "tag_value",
        "tag",
        "tag_pair",
        "service",
        "name",
        "search",
        "owner",
    }


def test_an_update_replaces_the_row_and_all_of_its_tags(
    database: Database, four: list[Resource]
) -> None:
    changed = make_resource(
        id=four[0].id, native_id=four[0].identity.native_id, tags={"env": "dev"}, name="new"
    )
    with database.write() as connection:
        rows.update(connection, tenant=TENANT, changed=[changed])
    assert ids(database, tag_value=("prod",)) == [four[2].id]
    assert ids(database, tag_value=("dev",)) == ids(database, name=("new",)) == [four[0].id]
    assert ids(database, tag_key=("team",)) == []
    with database.read() as connection:
        rows_of_b = ResourceStore(database).page(
            tenant="ten_b", filters={"tag_value": ("prod",)}, sort="-id", after=None, limit=5
        )
    assert len(rows_of_b.rows) == 1


def test_a_cell_holds_one_type_in_one_place_and_restores_what_was_stored(
    database: Database, four: list[Resource]
) -> None:
    with database.read() as connection:
        cell = rows.load_cell(
            connection,
            tenant=TENANT,
            provider="aws",
            account=ACCOUNT,
            region="eu-west-1",
            kind="aws.sqs.queue",
        )
    assert set(cell) == {four[0].identity.native_id, four[3].identity.native_id}
    assert {rows.restored(row).id: rows.restored(row) for row in cell.values()} == {
        four[0].id: four[0],
        four[3].id: four[3],
    }


def test_a_resource_is_served_with_its_newest_document_while_that_is_kept(
    database: Database,
) -> None:
    snapshot = orjson.dumps({"document": {"Arn": "é", "N": [1]}})
    with database.write() as connection:
        kept = make_resource(snapshot=objects.put(connection, TENANT, snapshot, "2026-01"))
    add_resources(database, TENANT, kept, expired := make_resource(relations={"vpc": ["v", "w"]}))
    service = ResourceService(database=database)
    body = orjson.loads(service.get(tenant=TENANT, ident=kept.id))
    assert (body["id"], body["document"]) == (kept.id, {"Arn": "é", "N": [1]})
    assert orjson.loads(service.get(tenant=TENANT, ident=expired.id))["document"] is None
    assert service.relations(tenant=TENANT, ident=expired.id)["relations"] == [
        {"name": "vpc", "id": "v", "type": None, "resource_id": None, "resource_name": None},
        {"name": "vpc", "id": "w", "type": None, "resource_id": None, "resource_name": None},
    ]


def test_a_resource_of_another_tenant_is_not_found(
    database: Database, four: list[Resource]
) -> None:
    with pytest.raises(ResourceNotFoundError):
        ResourceStore(database).served(tenant="ten_b", ident=four[0].id)


def test_a_native_id_leads_to_every_resource_that_has_it(database: Database) -> None:
    made = [make_resource(native_id="arn:x", region=region) for region in ("a", "b")]
    add_resources(database, TENANT, *made, make_resource(native_id="arn:y"))
    found = ResourceStore(database).by_native_id(tenant=TENANT, native_id="arn:x")
    assert sorted(row[0] for row in found) == [item.id for item in made]
    assert ResourceStore(database).by_native_id(tenant="ten_b", native_id="arn:x") == []


def test_tags_are_read_for_many_resources_at_once_and_never_a_strangers(database: Database) -> None:
    made = [make_resource(tags=tags) for tags in ({"owner": "web", "env": "prod"}, {}, {"a": "b"})]
    add_resources(database, TENANT, *made)
    strange = make_resource(tags={"owner": "them"})
    add_resources(database, "ten_b", strange)
    idents = [made[0].id, made[1].id, strange.id, "res_none"]
    assert ResourceService(database=database).tags(tenant=TENANT, idents=idents) == {
        made[0].id: {"owner": "web", "env": "prod"},
        made[1].id: {},
    }
