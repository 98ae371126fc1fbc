"""A server killed with keys in flight leaves each key with its work done whole, or not begun."""

from __future__ import annotations

import itertools
import os
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import select
from tests.program import Started, program
from tests.servers import free_port
from tests.waiting import SECONDS, until

from cloudsealed.auth.model import ALL_SCOPES
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.open import open_database
from cloudsealed.storage.schema import idempotency
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import build_services

KEYS = 56
POLICY = {
    "title": "t",
    "dimension": "cost",
    "severity": "low",
    "resource_types": ["aws.s3.bucket"],
    "fail_when": "true",
}
_SERVE = """
import os, sys
from cloudsealed.api.server import Listen, run
from cloudsealed.settings import Settings
from cloudsealed.wiring import build_services

listen = Listen(port=int(sys.argv[1]))
with listen.taken() as taken:
    run(build_services(Settings.from_environment(os.environ)), listen, taken)
"""
_numbers = itertools.count()


class Asked:
    """A POST with a key of its own, and the answer that was got."""

    def __init__(self, number: int) -> None:
        self.name = f"made-{next(_numbers)}"
        self.path, self.body = self._said(number)
        self.answer: httpx.Response | None = None

    def _said(self, number: int) -> tuple[str, dict[str, Any]]:
        name, uri = self.name, "https://app.example.com/"
        arn = "arn:aws:iam::123456789012:role/a"
        scopes = ["findings:read"]
        return [
            ("/v1/tokens", {"name": name, "scopes": scopes}),
            ("/v1/oauth/apps", {"name": name, "scopes": scopes, "redirect_uris": [uri]}),
            ("/v1/policies", {**POLICY, "key": name}),
            ("/v1/connections", {"provider": "aws", "name": name, "role_arn": arn}),
        ][number % 4]

    def ask(self, http: httpx.Client) -> httpx.Response:
        self.answer = http.post(self.path, json=self.body, headers={"Idempotency-Key": self.name})
        return self.answer

    @property
    def ident(self) -> str:
        assert self.answer is not None
        assert self.answer.status_code == 201, self.answer.text
        return str(self.answer.json()["id"])


class Running:
    """A server in a process of its own, over the store of some settings, and an admin's client."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = f"http://127.0.0.1:{free_port()}"
        ensure_keys(settings.key_path)
        services = build_services(settings)
        tenant = services.tenants.create(name="Acme").id
        user = services.users.create(tenant=tenant, email="ann@example.com", role=Role.ADMIN)
        self._token = services.tokens.issue(
            tenant=tenant, user_id=user.id, name="t", scopes=ALL_SCOPES
        ).text
        services.database.close()
        self.process: Started
        self.http: httpx.Client

    def start(self) -> None:
        environment = {
            **os.environ,
            "CLOUDSEALED_DATA_DIR": str(self.settings.data_dir),
            "CLOUDSEALED_DATABASE_URL": self.settings.database_url,
            "CLOUDSEALED_LIMIT_CORE": "100000/minute",
        }
        port = self.url.rpartition(":")[2]
        self.process = program().start(port, code=_SERVE, environment=environment)
        self.http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self._token}"}, trust_env=False
        )
        until(self._answers, "the server answers")

    def _answers(self) -> bool:
        assert self.process.poll() is None, "the server ended"
        try:
            return self.http.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(SECONDS)
        self.http.close()


@pytest.fixture
def running(storage_settings: Settings) -> Iterator[Running]:
    found = Running(storage_settings)
    found.start()
    yield found
    found.kill()


def killed(running: Running, answers: int) -> list[Asked]:
    """Send every key at once, and kill the server once so many were answered."""
    asked = [Asked(number) for number in range(KEYS)]
    gate = threading.Barrier(KEYS + 1)

    def ask(each: Asked) -> None:
        gate.wait()
        try:
            each.ask(running.http)
        except httpx.TransportError:
            each.answer = None

    with ThreadPoolExecutor(KEYS) as pool:
        done = [pool.submit(ask, each) for each in asked]
        gate.wait()
        until(lambda: sum(each.answer is not None for each in asked) >= answers, "answers come")
        running.kill()
        for each in done:
            each.result()
    assert any(each.answer is None for each in asked), "nothing was in flight"
    return asked


def kept(settings: Settings) -> dict[str, str]:
    """Return the id of the object that each key made, by key."""
    columns = (idempotency.c.key, idempotency.c.status, idempotency.c.body)
    database = open_database(settings)
    with database.read() as connection:
        rows = connection.all(select(*columns))
    database.close()
    assert {status for _key, status, _body in rows} <= {201}
    return {key: orjson.loads(bytes(body))["id"] for key, _status, body in rows}


def made(http: httpx.Client) -> Counter[tuple[str, str]]:
    """Return how often there is an object of each name, with its id."""
    found: Counter[tuple[str, str]] = Counter()
    for path in ("/v1/tokens", "/v1/oauth/apps", "/v1/policies?source=custom", "/v1/connections"):
        cursor: str | None = ""
        while cursor is not None:
            page = http.get(path, params={"limit": 200, **({"cursor": cursor} if cursor else {})})
            for each in page.json()["data"]:
                name = each["key"] if each["object"] == "policy" else each["name"]
                if name.startswith("made-"):
                    found[name, each["id"]] += 1
            cursor = page.json()["next_cursor"]
    return found


def test_each_key_of_a_killed_server_makes_exactly_one_object_and_is_answered_again(
    running: Running,
) -> None:
    asked = killed(running, KEYS // 4)
    seen = {each.name: each.ident for each in asked if each.answer is not None}
    left = kept(running.settings)
    assert seen.items() <= left.items()
    running.start()
    assert made(running.http) == Counter(left.items())

    replayed = {
        each.name for each in asked if "idempotency-replayed" in each.ask(running.http).headers
    }
    assert replayed == left.keys()
    idents = {each.name: each.ident for each in asked}
    assert left.items() <= idents.items()
    for each in asked:
        again = each.ask(running.http)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json()["id"] == idents[each.name]
    assert made(running.http) == Counter(idents.items())
