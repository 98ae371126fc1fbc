"""Connections name a cloud scope once, hold no access key, and open only for whom they may."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from tests.waiting import SECONDS

from cloudsealed.connections.model import AmbientCredentialsNotAllowedError, ConnectionNotFoundError
from cloudsealed.connections.service import ConnectionService
from cloudsealed.connections.store import LISTING, ConnectionStore
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.policies.model import NameAlreadyExistsError
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import tenants
from cloudsealed.storage.tenancy import turn
from cloudsealed.testing.factories import add_connections, make_connection

TENANT = "ten_a"
ROLE = {"provider": "aws", "name": "Main", "role_arn": "arn:aws:iam::123456789012:role/audit"}
AMBIENT = {"provider": "aws", "name": "Here"}


def service(database: Database, count: int = 2, ambient: str = "") -> ConnectionService:
    return ConnectionService(
        database=database,
        clock=lambda: datetime(2026, 1, 31, tzinfo=UTC),
        settings=Settings(ambient_credentials=ambient),
        tenant_count=lambda: count,
    )


@pytest.fixture
def connections(database: Database) -> ConnectionService:
    with database.write() as connection:
        row = {"tenant_id": TENANT, "name": "x", "created_at": "2026-01-01T00:00:00.000Z"}
        connection.run(tenants.insert(), row)
    return service(database)


def create(connections: ConnectionService, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = orjson.loads(connections.create(tenant=TENANT, body=ROLE | changes))
    return made


def names(connections: ConnectionService, **filters: tuple[str, ...]) -> list[str]:
    found, after = list[str](), None
    while True:
        page = connections.list(tenant=TENANT, filters=filters, after=after, limit=2)
        found += [orjson.loads(item)["name"] for item in page.items]
        after = page.next
        if after is None:
            return found


def test_a_connection_by_role_has_an_external_id_of_its_own(connections: ConnectionService) -> None:
    first, second = create(connections), create(connections, name="Other", regions=["eu-west-1"])
    assert first["method"] == "assume_role"
    assert len(first["external_id"]) == 32
    assert first["external_id"] != second["external_id"]
    assert second["regions"] == ["eu-west-1"]
    assert orjson.loads(connections.get(tenant=TENANT, ident=first["id"])) == first
    with pytest.raises(ConnectionNotFoundError):
        connections.get(tenant="ten_b", ident=first["id"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"provider": "moon"}, "provider"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"role_arn": "arn:aws:iam::1:role/x"}, "role_arn"),
        ({"role_arn": "arn:aws:iam::123456789012:user/x"}, "role_arn"),
        ({"role_arn": "arn:aws:iam::123456789012:role/x\n"}, "role_arn"),
        ({"role_arn": None, "method": "assume_role"}, "role_arn"),
        ({"method": "ambient"}, "role_arn"),
        ({"method": "import"}, "method"),
        ({"regions": []}, "regions"),
        ({"regions": ["europe"]}, "regions"),
        ({"regions": ["eu-west-1\n"]}, "regions"),
        ({"external_id": "mine"}, "external_id"),
        ({"secret_access_key": "x"}, "secret_access_key"),
    ],
)
def test_a_body_that_is_wrong_names_the_field(
    connections: ConnectionService, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(CloudSealedError) as caught:
        create(connections, **changes)
    assert [detail["field"] for detail in caught.value.details] == [field]
    assert names(connections) == []


def test_a_name_is_taken_once_until_its_connection_is_removed(
    connections: ConnectionService,
) -> None:
    first, second = create(connections), create(connections, name="Second")
    with pytest.raises(NameAlreadyExistsError):
        create(connections)
    with pytest.raises(NameAlreadyExistsError):
        connections.update(tenant=TENANT, ident=second["id"], body={"name": "Main"})
    connections.update(tenant=TENANT, ident=first["id"], body={"name": "Main"})
    connections.delete(tenant=TENANT, ident=first["id"])
    with pytest.raises(ConnectionNotFoundError):
        connections.delete(tenant=TENANT, ident=first["id"])
    connections.update(tenant=TENANT, ident=second["id"], body={"name": "Main"})
    connections.delete(tenant=TENANT, ident=second["id"])
    create(connections)
    assert names(connections) == ["Main"]


def test_of_those_who_take_a_name_at_once_one_has_it(connections: ConnectionService) -> None:
    barrier, raised = threading.Barrier(6), list[type[BaseException]]()

    def run() -> None:
        barrier.wait()
        try:
            create(connections)
        except BaseException as error:
            raised.append(type(error))

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert raised == [NameAlreadyExistsError] * 5
    assert names(connections) == ["Main"]


def test_those_who_ensure_a_connection_at_once_have_the_same_one(
    connections: ConnectionService,
) -> None:
    barrier, found = threading.Barrier(6), list[str]()

    def run() -> None:
        barrier.wait()
        found.append(connections.ensure(tenant=TENANT, name="Main", body=ROLE))

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert len(found) == 6
    assert len(set(found)) == 1


def test_name_and_regions_change_and_nothing_else(connections: ConnectionService) -> None:
    made = create(connections)
    changed = orjson.loads(
        connections.update(
            tenant=TENANT, ident=made["id"], body={"name": "New", "regions": ["us-east-1"]}
        )
    )
    assert changed == made | {"name": "New", "regions": ["us-east-1"]}
    for body in ({"role_arn": "arn:aws:iam::123456789012:role/other"}, {"method": "ambient"}):
        with pytest.raises(CloudSealedError, match="cannot be changed"):
            connections.update(tenant=TENANT, ident=made["id"], body=body)
    same = {"role_arn": made["role_arn"], "method": "assume_role", "provider": "aws"}
    assert orjson.loads(connections.update(tenant=TENANT, ident=made["id"], body=same)) == changed
    for region in ("europe", ""):
        with pytest.raises(CloudSealedError, match="regions"):
            connections.update(tenant=TENANT, ident=made["id"], body={"regions": [region]})
    assert orjson.loads(connections.get(tenant=TENANT, ident=made["id"])) == changed


def test_filters_narrow(connections: ConnectionService, database: Database) -> None:
    made = [
        make_connection(name="50% off", account="1" * 12),
        make_connection(name="Main", account="2" * 12),
        make_connection(name="main-2", account=None),
    ]
    add_connections(database, TENANT, *made)
    add_connections(database, "ten_b", make_connection(name="Main"))
    assert {item.name for item in LISTING.filters} == {"provider", "account", "name"}
    assert names(connections) == ["main-2", "Main", "50% off"]
    assert names(connections, provider=("aws",)) == ["main-2", "Main", "50% off"]
    assert names(connections, account=("2" * 12,)) == ["Main"]
    assert names(connections, name=("MAIN",)) == ["main-2", "Main"]
    assert names(connections, name=("%",)) == ["50% off"]
    assert sorted(ConnectionStore(database).all(tenant=TENANT), key=lambda c: c.id) == made


def test_the_account_that_a_connection_leads_to_is_kept(connections: ConnectionService) -> None:
    made = create(connections)
    connections.learn_account(tenant=TENANT, ident=made["id"], account="123456789012")
    assert connections.find(tenant=TENANT, ident=made["id"]).account == "123456789012"


def test_an_account_that_is_known_waits_for_no_writer_of_its_tenant(
    connections: ConnectionService, database: Database
) -> None:
    known = {"tenant": TENANT, "ident": create(connections)["id"], "account": "123456789012"}
    connections.learn_account(**known)
    learning = threading.Thread(target=connections.learn_account, kwargs=known, daemon=True)
    with turn(database, tenant=TENANT):
        learning.start()
        learning.join(SECONDS)
        assert not learning.is_alive()


def test_the_processs_own_credentials_are_for_one_tenant_alone(
    connections: ConnectionService, database: Database
) -> None:
    for refused in (connections, service(database, ambient="ten_b")):
        with pytest.raises(AmbientCredentialsNotAllowedError):
            refused.create(tenant=TENANT, body=AMBIENT)
    alone = service(database, count=1)
    made = orjson.loads(alone.create(tenant=TENANT, body=AMBIENT))
    assert (made["method"], made["external_id"]) == ("ambient", None)
    with pytest.raises(AmbientCredentialsNotAllowedError):
        connections.open(tenant=TENANT, ident=made["id"])
    named = service(database, ambient=TENANT)
    assert orjson.loads(named.create(tenant=TENANT, body=AMBIENT | {"name": "B"}))["name"] == "B"


CLUSTER = {"provider": "kubernetes", "name": "Cluster", "context": "production"}


def test_a_cluster_says_its_context_and_nothing_of_a_role(connections: ConnectionService) -> None:
    made: dict[str, Any] = orjson.loads(
        service(connections._store.database, 1).create(tenant=TENANT, body=CLUSTER)
    )
    assert (made["context"], made["role_arn"], made["external_id"]) == ("production", None, None)
    assert made["method"] == "ambient"
    again = orjson.loads(connections.get(tenant=TENANT, ident=made["id"]))
    assert again == made
    with pytest.raises(CloudSealedError, match="cannot be changed"):
        connections.update(tenant=TENANT, ident=made["id"], body={"context": "other"})
    same = {"context": "production", "name": "Renamed"}
    renamed = orjson.loads(connections.update(tenant=TENANT, ident=made["id"], body=same))
    assert (renamed["name"], renamed["context"]) == ("Renamed", "production")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (CLUSTER | {"role_arn": ROLE["role_arn"]}, "role_arn is no field of a connection to Kub"),
        (CLUSTER | {"regions": ["eu-west-1"]}, "regions is no field of a connection to Kubernetes"),
        (CLUSTER | {"method": "assume_role"}, "method is no way to Kubernetes; there is ambient"),
        (ROLE | {"context": "x"}, "context is no field of a connection to AWS"),
    ],
)
def test_what_another_provider_has_is_refused(
    connections: ConnectionService, body: dict[str, Any], said: str
) -> None:
    with pytest.raises(CloudSealedError, match=said) as refused:
        connections.create(tenant=TENANT, body=body)
    assert refused.value.status == 422
