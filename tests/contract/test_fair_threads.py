"""Whatever somebody's requests wait for in the database, others are answered."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
from tests.contract.conftest import Tenant, prepared, serving
from tests.servers import PostgresServer
from tests.waiting import SECONDS, until

from cloudsealed.kit.ids import new_id

MANY = 12
ROLE_ARN = "arn:aws:iam::123456789012:role/a"


def add(tenant: Tenant) -> httpx.Response:
    body = {"provider": "aws", "name": new_id("c"), "role_arn": ROLE_ARN}
    return tenant.http.post("/v1/connections", json=body, timeout=SECONDS)


def test_writes_of_one_token_that_hang_keep_neither_its_tenant_nor_others_waiting(
    postgres: PostgresServer, tmp_path: Path, make_tenant: Callable[..., Tenant]
) -> None:
    services = prepared(tmp_path, database_url=postgres.create("fair", "migrated"))
    for url in serving(services):
        answered_while_writes_hang(make_tenant(services, url), make_tenant(services, url))
    postgres.drop("fair")


def answered_while_writes_hang(ann: Tenant, ben: Tenant) -> None:
    database = ann.services.database
    with (
        psycopg.connect(ann.services.settings.database_url) as holding,
        ThreadPoolExecutor(MANY) as pool,
        ann.client(ann.token()) as other,
    ):
        holding.execute("LOCK TABLE connections IN EXCLUSIVE MODE")
        asked = [pool.submit(add, ann) for _ in range(MANY)]
        until(lambda: database.pool_status()["in_use"] == 4, "the token has its share", 60)
        for http in (ben.http, other) * 5:
            for path in ("/v1/me", "/v1/connections", "/v1/findings/summary"):
                assert http.get(path).status_code == 200
        assert not any(each.done() for each in asked)
        holding.rollback()
        assert {each.result().status_code for each in asked} == {201}
