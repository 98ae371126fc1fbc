"""Whatever requests of however many tenants wait for in the database, others are answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psycopg
import pytest
from tests.contract.conftest import Tenant, prepared, serving
from tests.servers import PostgresServer
from tests.waiting import SECONDS, until

from cloudsealed.api.app import THREADS
from cloudsealed.kit.ids import new_id
from cloudsealed.wiring import Services

MANY = 12
ROLE_ARN = "arn:aws:iam::123456789012:role/a"
Asked = list[Future[httpx.Response]]
Make = Callable[[], Tenant]


@pytest.fixture(scope="module")
def place(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Services, str]]:
    """An installation on PostgreSQL, and where it is served."""
    folder = tmp_path_factory.mktemp("fair")
    services = prepared(folder, database_url=postgres.create("fair", "migrated"))
    for url in serving(services):
        yield services, url
    postgres.drop("fair")


@pytest.fixture
def make(place: tuple[Services, str], make_tenant: Callable[..., Tenant]) -> Make:
    """Return what makes tenants of the installation."""
    return lambda: make_tenant(*place)


def add(tenant: Tenant) -> httpx.Response:
    body = {"provider": "aws", "name": new_id("c"), "role_arn": ROLE_ARN}
    return tenant.http.post("/v1/connections", json=body, timeout=SECONDS)


def findings(tenant: Tenant) -> httpx.Response:
    return tenant.http.get("/v1/findings", timeout=SECONDS)


@contextmanager
def hanging(
    lock: str, ask: Callable[[Tenant], httpx.Response], *tenants: Tenant, at_work: int
) -> Iterator[Asked]:
    """Have each tenant ask many times for what waits for a lock, and let go of that at the end."""
    services: Services = tenants[0].services
    with (
        psycopg.connect(services.settings.database_url) as holding,
        ThreadPoolExecutor(MANY * len(tenants)) as pool,
    ):
        holding.execute(lock.encode())
        asked = [pool.submit(ask, tenant) for tenant in tenants for _ in range(MANY)]
        until(lambda: services.database.pool_status()["in_use"] == at_work, "they hang", SECONDS)
        yield asked
        assert sum(not each.done() for each in asked) >= at_work, "they hang still"
        holding.rollback()


def outcomes(asked: Asked) -> Counter[int]:
    """Return how often each status came; who was refused was told when to ask again."""
    answers = [each.result() for each in asked]
    assert all("retry-after" in each.headers for each in answers if each.status_code == 503)
    return Counter(each.status_code for each in answers)


def reads_are_answered(*clients: httpx.Client) -> None:
    for http in clients * 5:
        for path in ("/v1/me", "/v1/connections", "/v1/findings/summary", "/v1/rate_limit"):
            assert http.get(path, timeout=SECONDS).status_code == 200


def test_writes_of_one_token_that_hang_keep_neither_its_tenant_nor_others_waiting(
    make: Make,
) -> None:
    ann, ben = make(), make()
    with ann.client(ann.token()) as other:
        lock = "LOCK TABLE connections IN EXCLUSIVE MODE"
        with hanging(lock, add, ann, at_work=4) as asked:
            reads_are_answered(ben.http, other)
    found = outcomes(asked)
    assert set(found) <= {201, 503}
    assert found[201] >= 4


def test_writes_that_hang_of_however_many_tenants_keep_no_read_waiting_and_no_write_for_long(
    make: Make,
) -> None:
    many, ben = [make() for _ in range(4)], make()
    lock = "LOCK TABLE connections IN EXCLUSIVE MODE"
    with hanging(lock, add, *many, at_work=THREADS * 3 // 4) as asked:
        reads_are_answered(ben.http)
        token = {"name": "ci", "scopes": ["findings:read"]}
        until(
            lambda: ben.http.post("/v1/tokens", json=token, timeout=SECONDS).status_code == 503,
            "who would wait with them is told",
            SECONDS,
        )
        reads_are_answered(ben.http)
    assert set(outcomes(asked)) == {201, 503}
    assert ben.http.post("/v1/tokens", json=token).status_code == 201


def test_reads_that_hang_of_however_many_tenants_keep_neither_short_reads_nor_writes_waiting(
    make: Make,
) -> None:
    many, ben = [make() for _ in range(4)], make()
    lock = "LOCK TABLE findings IN ACCESS EXCLUSIVE MODE"
    with hanging(lock, findings, *many, at_work=THREADS * 3 // 4) as asked:
        for _ in range(5):
            for path in ("/v1/me", "/v1/connections", "/v1/rate_limit", "/v1/tokens"):
                assert ben.http.get(path, timeout=SECONDS).status_code == 200
            assert add(ben).status_code == 201
    assert set(outcomes(asked)) <= {200, 503}
    assert findings(ben).status_code == 200
