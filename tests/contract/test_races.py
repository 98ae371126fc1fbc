"""Of parallel writers with one entity tag exactly one wins: every noun, on both databases."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import TextClause, text
from tests.contract.conftest import MakeTenant, Tenant, serving
from tests.waiting import SECONDS, until

from cloudsealed import working
from cloudsealed.api.app import TABLES
from cloudsealed.audits.shard_store import Shards
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.tenancy import take_turn
from cloudsealed.wiring import build_services

WRITERS = 20
ROUNDS = 3
ROLE_ARN = "arn:aws:iam::123456789012:role/a"
POLICY = {
    "title": "t",
    "dimension": "cost",
    "severity": "low",
    "resource_types": ["aws.s3.bucket"],
    "fail_when": "true",
}
APP = {"name": "app", "redirect_uris": ["https://app.example.com/"], "scopes": ["findings:read"]}

Made = Callable[[Tenant, str], str]


def _posted(tenant: Tenant, path: str, body: Any) -> str:
    answer = tenant.http.post(path, json=body)
    assert answer.is_success, answer.text
    return str(answer.headers["location"])


def _connection(tenant: Tenant, name: str) -> str:
    return _posted(
        tenant, "/v1/connections", {"provider": "aws", "name": name, "role_arn": ROLE_ARN}
    )


def _schedule(tenant: Tenant, name: str) -> str:
    connection = _connection(tenant, f"of {name}").rpartition("/")[2]
    body = {"name": name, "cron": "0 3 * * *", "audit": {"connection_ids": [connection]}}
    return _posted(tenant, "/v1/schedules", body)


def _client(tenant: Tenant, name: str) -> str:
    made = tenant.http.post("/v1/service_accounts", json={"name": name, "role": "viewer"}).json()
    body = {"name": name, "user_id": made["id"], "scopes": ["findings:read"]}
    return _posted(tenant, "/v1/oauth/clients", body)


NOUNS: dict[str, tuple[Made, Callable[[str], Any]]] = {
    "connections": (_connection, lambda name: {"name": name}),
    "schedules": (_schedule, lambda name: {"name": name}),
    "views": (
        lambda tenant, name: _posted(
            tenant, "/v1/views", {"name": name, "of": "findings", "query": {}}
        ),
        lambda name: {"name": name},
    ),
    "policies": (
        lambda tenant, name: _posted(tenant, "/v1/policies", {**POLICY, "key": name}),
        lambda name: {"title": name, "fail_when": f"'{name}' == 'x'"},
    ),
    "findings": (
        lambda tenant, _name: f"/v1/findings/{tenant.add_findings(1)[0]}",
        lambda name: {"triage": {"state": "acknowledged", "note": name}},
    ),
    "users": (
        lambda tenant, name: _posted(
            tenant, "/v1/users", {"email": f"{tenant.id}.{name}@example.com", "role": "viewer"}
        ),
        lambda name: {"name": name},
    ),
    "clients": (_client, lambda name: {"name": name}),
    "apps": (
        lambda tenant, _name: _posted(tenant, "/v1/oauth/apps", APP),
        lambda name: {"name": name},
    ),
    "tokens": (
        lambda tenant, name: _posted(
            tenant, "/v1/tokens", {"name": name, "scopes": ["findings:read"]}
        ),
        lambda _name: None,
    ),
}
"""By noun: how an object is made, and what changes it."""

OTHER_FIELD = {
    "connections": ("regions", (["us-west-1"], ["us-west-2"])),
    "schedules": ("cron", ("0 4 * * *", "0 5 * * *")),
    "views": ("group_by", ("policy", "account")),
    "policies": ("severity", ("high", "critical")),
    "users": ("role", ("auditor", "editor")),
    "apps": ("redirect_uris", (["https://b.example.com/"], ["https://c.example.com/"])),
}
"""By noun: a field beside its name, and two values of it."""


def _changing(method: str) -> set[str]:
    """Return the nouns that have an operation of a method, as their paths name them."""
    paths = [op.path for table in TABLES for op in table.operations if op.method == method]
    return {path.removesuffix("/{id}").rpartition("/")[2] for path in paths}


CHANGED, DELETED = _changing("PATCH"), _changing("DELETE")


@pytest.fixture
def racing(storage_settings: Settings, make_tenant: MakeTenant) -> Iterator[Tenant]:
    """A tenant of an installation on each database."""
    ensure_keys(storage_settings.key_path)
    services = build_services(storage_settings)
    for url in serving(services):
        yield make_tenant(services, url)


def at_once(asks: Sequence[Callable[[], Any]]) -> list[int]:
    """Ask everything at the same moment; return the statuses."""
    gate = threading.Barrier(len(asks))

    def ask(each: Callable[[], Any]) -> int:
        gate.wait(SECONDS)
        return int(each().status_code)

    with ThreadPoolExecutor(len(asks)) as pool:
        return list(pool.map(ask, asks))


def with_tag(tenant: Tenant, path: str) -> dict[str, str]:
    return {"If-Match": tenant.http.get(path).headers["etag"]}


def test_every_noun_that_changes_is_raced() -> None:
    assert NOUNS.keys() >= CHANGED


def test_of_parallel_changes_with_one_tag_exactly_one_is_made(racing: Tenant) -> None:
    for noun in sorted(CHANGED):
        make, change = NOUNS[noun]
        path = make(racing, f"{noun}-made")
        for turn in range(ROUNDS):
            tag = with_tag(racing, path)
            bodies = [change(f"{noun}-{turn}-{number}") for number in range(WRITERS)]
            statuses = at_once(
                [
                    lambda body=body: racing.http.patch(path, json=body, headers=tag)  # noqa: B023
                    for body in bodies
                ]
            )
            assert Counter(statuses) == {200: 1, 412: WRITERS - 1}, noun


def test_of_parallel_changes_each_event_begins_with_what_the_one_before_ended_with(
    racing: Tenant,
) -> None:
    path = NOUNS["policies"][0](racing, "policy-made")
    bodies = [{"title": f"title {number}"} for number in range(WRITERS)]
    changes = [partial(racing.http.patch, path, json=body) for body in bodies]
    assert set(at_once(changes)) == {200}
    working.chain_events(racing.services)
    told = racing.http.get("/v1/events?type=policy.changed&limit=200").json()["data"]
    told.sort(key=lambda event: int(event["sequence"]))
    assert len(told) == WRITERS
    assert [event["before"] for event in told[1:]] == [event["after"] for event in told[:-1]]
    assert told[-1]["after"] == racing.http.get(path).json()


def test_of_parallel_changes_and_deletions_with_one_tag_exactly_one_is_made(racing: Tenant) -> None:
    for noun in sorted(DELETED & NOUNS.keys()):
        make, change = NOUNS[noun]
        for turn in range(ROUNDS):
            path = make(racing, f"{noun}-{turn}")
            tag = with_tag(racing, path)
            changes = [
                partial(racing.http.patch, path, json=change(f"{noun}-{turn}-{n}"), headers=tag)
                for n in range(WRITERS // 2 if noun in CHANGED else 0)
            ]
            deletes = [partial(racing.http.delete, path, headers=tag)] * (WRITERS // 2)
            statuses = Counter(at_once([*changes, *deletes]))
            assert statuses[200] + statuses[204] == 1, (noun, statuses)
            assert statuses.keys() <= {200, 204, 404, 412}, (noun, statuses)
            assert racing.http.get(path).status_code == (200 if statuses[200] else 404)


def test_of_changes_without_a_tag_none_is_lost_to_another_field(racing: Tenant) -> None:
    for noun in sorted(OTHER_FIELD):
        path = NOUNS[noun][0](racing, f"{noun}-shared")
        for turn in range(ROUNDS * 2):
            name, (field, values) = f"{noun} {turn}", OTHER_FIELD[noun]
            body = {field: values[turn % 2]}
            named = "title" if noun == "policies" else "name"
            statuses = at_once(
                [
                    lambda: racing.http.patch(path, json={named: name}),  # noqa: B023
                    lambda: racing.http.patch(path, json=body),  # noqa: B023
                ]
            )
            found = racing.http.get(path).json()
            assert statuses == [200, 200]
            assert (found[named], found[field]) == (name, values[turn % 2]), noun


def test_a_change_without_a_tag_is_never_lost_to_one_with_a_tag(racing: Tenant) -> None:
    """Who has the tag wins only if nobody wrote since; the other's words stay in any order."""
    for noun in sorted(OTHER_FIELD):
        path = NOUNS[noun][0](racing, f"{noun}-shared")
        for turn in range(ROUNDS):
            tag = with_tag(racing, path)
            name, (field, values) = f"{noun} {turn}", OTHER_FIELD[noun]
            body = {field: values[turn % 2]}
            named = "title" if noun == "policies" else "name"
            statuses = at_once(
                [
                    lambda: racing.http.patch(path, json={named: name}, headers=tag),  # noqa: B023
                    lambda: racing.http.patch(path, json=body),  # noqa: B023
                ]
            )
            found = racing.http.get(path).json()
            assert statuses[1] == 200
            assert found[field] == values[turn % 2]
            assert (found[named] == name) == (statuses[0] == 200), noun


def test_of_parallel_requests_with_one_key_one_works_and_the_others_are_told(
    racing: Tenant,
) -> None:
    for turn in range(ROUNDS):
        body, key = {"name": "ci", "scopes": ["findings:read"]}, {"Idempotency-Key": f"k-{turn}"}
        answers: list[Any] = []

        def ask() -> Any:
            answers.append(racing.http.post("/v1/tokens", json=body, headers=key))  # noqa: B023
            return answers[-1]  # noqa: B023

        statuses = Counter(at_once([ask] * WRITERS))
        assert statuses.keys() <= {201, 409}
        refused = {a.json()["error"]["code"] for a in answers if a.status_code == 409}
        assert refused <= {"idempotency_in_progress"}
        made = [a for a in answers if a.status_code == 201]
        assert len({answer.json()["id"] for answer in made}) == 1
        assert sum("idempotency-replayed" not in answer.headers for answer in made) == 1
        assert ask().json()["id"] == made[0].json()["id"]
    listed = racing.http.get("/v1/tokens", params={"limit": 200}).json()["data"]
    assert sum(each["name"] == "ci" for each in listed) == ROUNDS


def test_what_goes_before_and_after_a_mismatch_is_said_in_the_order_of_the_contract(
    racing: Tenant,
) -> None:
    path, stale = _connection(racing, "one"), {"If-Match": '"stale"'}
    _connection(racing, "two")
    policy = NOUNS["policies"][0](racing, "own")
    queued = _audit(racing, path)
    asked = [
        racing.http.patch("/v1/connections/con_x", json={"name": 5}, headers=stale),
        racing.http.patch(path, json={"name": 5}, headers=stale),
        racing.http.patch(policy, json={"fail_when": "resource."}, headers=stale),
        racing.http.patch(path, json={"name": "two"}, headers=stale),
        racing.http.delete(queued, headers=stale),
        racing.http.patch(path, json={"name": "two"}),
        racing.http.delete(queued),
    ]
    assert [answer.json()["error"]["code"] for answer in asked] == [
        "connection_not_found",
        "invalid_field",
        "invalid_policy_expression",
        "etag_mismatch",
        "etag_mismatch",
        "name_already_exists",
        "audit_not_finished",
    ]


def _audit(tenant: Tenant, connection: str) -> str:
    return _posted(tenant, "/v1/audits", {"connection_ids": [connection.rpartition("/")[2]]})


def test_a_cancel_waits_for_the_runner_and_not_the_runner_for_it(racing: Tenant) -> None:
    """The runner holds its audit's row, then takes the tenant's turn."""
    connection = _connection(racing, "canceled").rpartition("/")[2]
    path = _posted(racing, "/v1/audits", {"connection_ids": [connection]})
    store = Shards(racing.services.database, racing.services.clock)
    ident = path.rpartition("/")[2]
    lease = store.take(tenant=racing.id, ident=ident, owner="worker")
    assert lease is not None
    with ThreadPoolExecutor(1) as pool:
        with lease.write() as connection_:
            canceled = pool.submit(racing.http.post, f"{path}/cancel")
            until(lambda: _waits(racing), "the cancel waits for the runner")
            take_turn(connection_, tenant=racing.id)
        answer = canceled.result(SECONDS)
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")


def _waits(tenant: Tenant) -> bool:
    """Say whether a statement waits for another's lock; SQLite's wait where nobody sees it."""
    database = tenant.services.database
    if database.name == "sqlite":
        return True
    waiting = text("SELECT 1 FROM pg_locks WHERE NOT granted")
    with ThreadPoolExecutor(1) as pool:  # in a transaction of its own
        return pool.submit(_found, database, waiting).result(SECONDS)


def _found(database: Database, statement: TextClause) -> bool:
    with database.read() as connection:
        return connection.first(statement) is not None
