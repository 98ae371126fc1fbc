"""An audit is followed by server-sent events, as any client of them reads those."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from tests.contract.conftest import CONNECTION, MOMENT, MakeTenant, Tenant, prepared, serving
from tests.waiting import SECONDS, until

from cloudsealed.api import events, feed
from cloudsealed.api.server import Listen, server
from cloudsealed.audits.model import NO_PROGRESS
from cloudsealed.auth.model import Scope
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.schema import audits
from cloudsealed.testing.factories import add_audits, make_audit


class Followed:
    """An audit whose row the test changes as a worker would."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.id = new_id("aud")
        self.path = f"/v1/audits/{self.id}/events"
        audit = make_audit(
            id=self.id, connection_ids=(CONNECTION,), targets=None, clock=MOMENT, created_at=MOMENT
        )
        add_audits(tenant.services.database, tenant.id, audit)

    def set(self, **columns: Any) -> None:
        this = audits.update().where(audits.c.tenant_id == self.tenant.id, audits.c.id == self.id)
        with self.tenant.services.database.write() as connection:
            connection.run(this.values(**columns), {})

    def progress(self, done: int) -> None:
        self.set(
            progress=orjson.dumps({**NO_PROGRESS, "tasks_done": done, "tasks_total": 8}).decode()
        )

    @contextmanager
    def open(self, token: str | None = None, **headers: str) -> Iterator[Reader]:
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        with self.tenant.http.stream(
            "GET", self.path, headers={**sent, **headers}, timeout=SECONDS
        ) as answer:
            yield Reader(answer)


class Reader:
    """Reads events as the standard says."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.lines = answer.iter_lines()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        fields: dict[str, str] = {}
        for line in self.lines:
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            else:
                if "data" in fields:
                    yield {**fields, "data": orjson.loads(fields["data"])}
                fields = {}

    def next(self) -> dict[str, Any]:
        return next(iter(self))


@pytest.fixture
def audit(tenant: Tenant) -> Followed:
    return Followed(tenant)


def test_a_stream_tells_how_the_audit_stands_until_it_ends(audit: Followed) -> None:
    with audit.open() as reader:
        assert reader.answer.headers["content-type"].startswith("text/event-stream")
        assert reader.answer.headers["x-ratelimit-resource"] == "core"
        assert "content-encoding" not in reader.answer.headers
        first = reader.next()
        assert (first["event"], first["data"]["status"]) == ("status", "queued")
        audit.set(status="collecting", started_at=MOMENT)
        assert reader.next()["data"]["status"] == "collecting"
        audit.progress(2)
        more = reader.next()
        assert (more["event"], more["data"]["progress"]["percent"]) == ("progress", 25)
        audit.set(status="completed", finished_at=MOMENT)
        [last] = list(reader)
    assert (last["data"]["status"], last["data"]["progress"]["percent"]) == ("completed", 100)
    assert last["data"].keys() == first["data"].keys() > {"error", "finished_at"}
    assert len({first["id"], more["id"], last["id"]}) == 3


def test_who_comes_back_is_told_only_what_is_new_and_204_at_the_end(audit: Followed) -> None:
    with audit.open() as reader:
        known = reader.next()["id"]
    with audit.open(**{"Last-Event-ID": known}) as reader:
        audit.progress(4)
        new = reader.next()
        assert (new["data"]["progress"]["percent"], new["id"] != known) == (50, True)
    audit.set(status="failed", error='{"code":"x","message":"y"}', finished_at=MOMENT)
    with audit.open(**{"Last-Event-ID": new["id"]}) as reader:
        [last] = list(reader)
    assert last["data"]["error"] == {"code": "x", "message": "y"}
    again = audit.tenant.http.get(audit.path, headers={"Last-Event-ID": last["id"]})
    assert (again.status_code, again.content) == (204, b"")
    with audit.open(**{"Last-Event-ID": "nonsense"}) as reader:
        assert [event["id"] for event in reader] == [last["id"]]


def test_a_stream_ends_when_its_token_is_revoked_or_its_audit_deleted(audit: Followed) -> None:
    token = audit.tenant.token(Scope.AUDITS_READ)
    with audit.open(token) as reader:
        reader.next()
        ident = audit.tenant.http.get("/v1/tokens?limit=1").json()["data"][0]["id"]
        assert audit.tenant.http.delete(f"/v1/tokens/{ident}").status_code == 204
        assert list(reader) == []
    with audit.open() as reader:
        reader.next()
        audit.set(deleted_at=MOMENT)
        assert list(reader) == []
    assert audit.tenant.http.get(audit.path).json()["error"]["code"] == "audit_not_found"


def test_a_comment_comes_while_nothing_changes(
    audit: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "BEAT_SECONDS", 0.05)
    with audit.open() as reader:
        reader.next()
        assert any(line.startswith(":") for line in reader.lines)


def test_a_head_and_a_foreign_audit_open_nothing(audit: Followed, make_tenant: MakeTenant) -> None:
    head = audit.tenant.http.head(audit.path)
    assert (head.status_code, head.content) == (200, b"")
    other = make_tenant(audit.tenant.services, audit.tenant.url)
    refused = other.http.get(audit.path)
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "audit_not_found")
    plain = audit.tenant.http.get(audit.path, headers={"Accept": "application/json"})
    assert plain.status_code == 406


def test_streams_are_bounded_by_token_tenant_and_process(
    tmp_path: Path, make_tenant: MakeTenant
) -> None:
    services = prepared(tmp_path, streams=12)  # three of a tenant
    for url in serving(services):
        found = [Followed(make_tenant(services, url)) for _ in range(5)]
        with ExitStack() as stack:
            last, readers = found[4], []
            for each in found[:4]:
                for _ in range(3):
                    readers.append(stack.enter_context(each.open(each.tenant.token())))
                    readers[-1].next()
            for each, status, code in (
                (found[0], 429, "rate_limited"),
                (last, 503, "service_unavailable"),
            ):
                answer = each.tenant.http.get(each.path)
                assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
                assert code != "rate_limited" or int(answer.headers["retry-after"]) > 0
        until(partial(_opens, last), "a place is free when others have gone")


def _opens(audit: Followed) -> bool:
    with audit.open() as reader:
        return reader.answer.status_code == 200


@pytest.mark.inside
def test_streams_hold_no_thread_and_one_look_tells_them_all(audit: Followed) -> None:
    with ExitStack() as stack:
        readers = [stack.enter_context(audit.open())]
        readers[0].next()
        before = threading.active_count()
        readers += [stack.enter_context(audit.open()) for _ in range(feed.OF_A_TOKEN - 1)]
        for reader in readers[1:]:
            reader.next()
        assert threading.active_count() <= before + 1  # a look's, which comes and goes
        refused = audit.tenant.http.get(audit.path)
        assert refused.status_code == 429
        audit.set(status="canceled", finished_at=MOMENT)
        for reader in readers:
            assert [event["data"]["status"] for event in reader] == ["canceled"]


def test_streams_end_at_once_and_in_order_when_the_server_stops(
    tmp_path: Path, make_tenant: MakeTenant
) -> None:
    services = prepared(tmp_path)
    running = server(services, Listen(port=0))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until(lambda: running.started, "the server starts")
    port = running.servers[0].sockets[0].getsockname()[1]
    audit = Followed(make_tenant(services, f"http://127.0.0.1:{port}"))
    with audit.open() as reader:
        reader.next()
        running.should_exit = True
        assert list(reader) == []  # a stream that breaks off would raise
    thread.join(SECONDS)
    assert not thread.is_alive()
    services.database.close()
