"""Schedules start audits and reports once a due time, say what came of it, and hold up no other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
import pytest
from sqlalchemy import bindparam
from tests.audits.world import Clock
from tests.program import program
from tests.waiting import SECONDS

from cloudsealed import working
from cloudsealed.connections.schedules import model
from cloudsealed.connections.schedules.model import ScheduleNotFoundError
from cloudsealed.jobs import admitted
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.policies.model import NameAlreadyExistsError, QuotaExceededError
from cloudsealed.reports.model import ReportNotReadyError
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.schema import audits, jobs, schedules
from cloudsealed.testing.factories import add_connections, make_connection
from cloudsealed.vocabulary import ScheduleKind
from cloudsealed.wiring import Services, build_services

NEVER = "con_01JD0000000000000000000000"
ADMITS = dict.fromkeys(ScheduleKind, admitted)


@dataclass
class World:
    """An installation with a tenant, a connection and a clock that is moved by hand."""

    services: Services
    clock: Clock
    tenant: str
    connection: str

    def body(self, **changes: Any) -> dict[str, Any]:
        audit = {"connection_ids": [self.connection]}
        return {"name": "nightly", "cron": "0 2 * * *", "audit": audit} | changes

    def report(self, **changes: Any) -> dict[str, Any]:
        report = {"kind": "executive_summary"} | changes
        return {"name": "weekly", "cron": "0 3 * * *", "report": report}

    def create(self, body: dict[str, Any] | None = None) -> str:
        body = self.body() if body is None else body
        return str(
            self._loaded(self.services.schedules.create(tenant=self.tenant, body=body))["id"]
        )

    def change(self, ident: str, **body: Any) -> dict[str, Any]:
        return self._loaded(
            self.services.schedules.update(tenant=self.tenant, ident=ident, body=body)
        )

    def get(self, ident: str) -> dict[str, Any]:
        return self._loaded(self.services.schedules.get(tenant=self.tenant, ident=ident))

    def fire(self) -> int:
        return self.services.schedules.fire_due(tenant=self.tenant)

    def run(self, ident: str) -> dict[str, Any]:
        return self._loaded(
            self.services.schedules.run(tenant=self.tenant, ident=ident, admits=ADMITS)
        )

    def audits(self) -> list[dict[str, Any]]:
        page = self.services.audits.list(tenant=self.tenant, filters={}, limit=200)
        return [self._loaded(item) for item in page.items]

    def finish(self, ident: str, status: str = "completed") -> None:
        """Have an audit ended, as a worker would in a long while."""
        statement = (
            audits.update()
            .where(audits.c.id == bindparam("ident"))
            .values(status=bindparam("new_status"))
        )
        with self.services.database.write() as connection:
            connection.run(statement, {"ident": ident, "new_status": status})

    def jobs(self) -> list[tuple[str, str]]:
        statement = jobs.select().with_only_columns(jobs.c.kind, jobs.c.subject)
        with self.services.database.read() as connection:
            return sorted((row[0], row[1]) for row in connection.all(statement))

    @staticmethod
    def _loaded(content: bytes) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(content)
        return found


@pytest.fixture
def world(storage_settings: Settings) -> Iterator[World]:
    ensure_keys(storage_settings.key_path)
    clock = Clock()
    services = build_services(storage_settings, clock=clock)
    tenant, connection = services.tenants.create(name="Acme").id, make_connection()
    add_connections(services.database, tenant, connection)
    yield World(services, clock, tenant, connection.id)
    services.database.close()


def test_a_schedule_says_what_it_starts_and_when(world: World) -> None:
    found = world.get(world.create(world.body(timezone="Europe/Berlin", cron="0 2 1 * *")))
    assert found["audit"] == {"connection_ids": [world.connection], "scope": None, "policies": None}
    assert found["report"] is None
    assert (found["last_run_at"], found["last_result"]) == (None, None)
    assert found["next_run_at"] == "2026-01-01T01:00:00.000Z"
    assert found["upcoming"] == [
        f"2026-0{month}-{day}.000Z"
        for month, day in (
            (1, "01T01:00:00"),
            (2, "01T01:00:00"),
            (3, "01T01:00:00"),
            (4, "01T00:00:00"),
            (5, "01T00:00:00"),
        )
    ]


def test_a_report_is_asked_for_in_a_language_and_an_older_schedule_says_none(world: World) -> None:
    report = {"kind": "executive_summary", "language": "es"}
    ident = world.create(world.body(audit=None, report=report))
    assert world.get(ident)["report"]["language"] == "es"
    old = {"kind": "executive_summary", "framework": None, "filters": {}, "connection_ids": None}
    statement = schedules.update().where(schedules.c.id == bindparam("ident"))
    with world.services.database.write() as connection:
        connection.run(statement.values(request=orjson.dumps(old).decode()), {"ident": ident})
    assert world.get(ident)["report"] == {**old, "language": None}


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"audit": None}, "audit"),
    ({"report": {"kind": "executive_summary"}}, "audit"),
    ({"audit": {}}, "audit.connection_ids"),
    ({"audit": {"connection_ids": [NEVER]}}, "audit.connection_ids[0]"),
    ({"audit": {"connection_ids": ["CON"], "nope": 1}}, "audit.nope"),
    ({"audit": {"connection_ids": ["CON"], "policies": ["no-such"]}}, "audit.policies"),
    ({"audit": {"connection_ids": ["CON"], "scope": {"services": ["x"]}}}, "audit.scope.services"),
    ({"audit": None, "report": {"kind": "poem"}}, "report.kind"),
    ({"audit": None, "report": {"kind": "compliance_evidence"}}, "report.framework"),
    (
        {"audit": None, "report": {"kind": "compliance_evidence", "framework": "x"}},
        "report.framework",
    ),
    ({"audit": None, "report": {"kind": "executive_summary", "audit_id": "x"}}, "report.audit_id"),
    (
        {"audit": None, "report": {"kind": "executive_summary", "filters": {"severity": "x"}}},
        "report.filters.severity",
    ),
    (
        {"audit": None, "report": {"kind": "executive_summary", "connection_ids": [NEVER]}},
        "report.connection_ids[0]",
    ),
    ({"name": " "}, "name"),
    ({"cron": "nope"}, "cron"),
    ({"enabled": "yes"}, "enabled"),
    ({"start_at": "now"}, "start_at"),
)


def test_a_body_that_is_wrong_names_the_field(world: World) -> None:
    for changes, field in WRONG:
        audit = changes.get("audit")
        if audit and audit.get("connection_ids") == ["CON"]:
            changes = {"audit": {**audit, "connection_ids": [world.connection]}}
        with pytest.raises(CloudSealedError) as caught:
            world.create(world.body(**changes))
        assert caught.value.status == 422
        assert [detail["field"] for detail in caught.value.details] == [field]


def test_a_name_is_taken_once_and_the_number_is_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = world.create(), world.create(world.body(name="other"))
    with pytest.raises(NameAlreadyExistsError):
        world.create()
    with pytest.raises(NameAlreadyExistsError):
        world.change(second, name="nightly")
    assert world.change(first, name="nightly")["name"] == "nightly"
    monkeypatch.setattr("cloudsealed.connections.schedules.service.MOST_SCHEDULES", 2)
    with pytest.raises(QuotaExceededError, match="2 schedules"):
        world.create(world.body(name="third"))
    world.services.schedules.delete(tenant=world.tenant, ident=first)
    world.create()
    assert model.MOST_SCHEDULES == 100


def test_a_change_moves_the_next_time_only_when_the_times_change(world: World) -> None:
    ident = world.create()
    assert world.change(ident, name="renamed")["next_run_at"] == "2026-01-01T02:00:00.000Z"
    assert world.change(ident, cron="0 4 * * *")["next_run_at"] == "2026-01-01T04:00:00.000Z"
    assert world.change(ident, timezone="Asia/Tokyo")["next_run_at"] == "2026-01-01T19:00:00.000Z"
    off = world.change(ident, enabled=False)
    assert (off["next_run_at"], off["upcoming"]) == (None, [])
    world.clock.move(days=3)
    assert world.fire() == 0
    on = world.change(ident, enabled=True)
    assert on["next_run_at"] == "2026-01-04T19:00:00.000Z"
    assert on["cron"] == "0 4 * * *"
    with pytest.raises(CloudSealedError, match="schedule of an audit"):
        world.change(ident, report={"kind": "executive_summary"})
    scoped = {"connection_ids": [world.connection], "scope": {"regions": ["eu-west-1"]}}
    assert world.change(ident, audit=scoped)["audit"]["scope"] == {"regions": ["eu-west-1"]}


def test_a_due_time_starts_one_audit_however_often_one_looks(world: World) -> None:
    ident = world.create()
    assert world.fire() == 0
    world.clock.move(hours=1, minutes=59)
    assert world.fire() == 0
    world.clock.move(minutes=1)
    assert [world.fire() for _ in range(3)] == [1, 0, 0]
    found = world.get(ident)
    (audit,) = world.audits()
    assert found["last_result"] == {"id": audit["id"], "error": None}
    assert found["last_run_at"] == "2026-01-01T02:00:00.000Z"
    assert found["next_run_at"] == "2026-01-02T02:00:00.000Z"
    assert (audit["kind"], audit["status"]) == ("live", "queued")
    assert world.jobs() == [("audit", audit["id"])]


def test_what_was_missed_is_made_up_for_by_one_run(world: World) -> None:
    ident = world.create()
    world.clock.move(days=9, hours=5)
    assert [world.fire(), world.fire()] == [1, 0]
    assert len(world.audits()) == 1
    assert world.get(ident)["next_run_at"] == "2026-01-11T02:00:00.000Z"


def test_a_run_is_left_out_while_the_last_one_goes_on(world: World) -> None:
    ident = world.create()
    world.clock.move(hours=2)
    world.fire()
    (first,) = world.audits()
    for _ in range(2):  # also the second time it is known what has not ended
        world.clock.move(days=1)
        assert world.fire() == 1
        assert len(world.audits()) == 1
        skipped = world.get(ident)["last_result"]
        assert (skipped["id"], skipped["error"]["code"]) == (None, "audit_not_finished")
        assert first["id"] in skipped["error"]["message"]
    world.finish(first["id"], "canceled")
    world.clock.move(days=1)
    world.fire()
    assert len(world.audits()) == 2
    assert world.get(ident)["last_result"] == {"id": world.audits()[0]["id"], "error": None}


def test_an_audit_that_was_deleted_holds_up_nothing(world: World) -> None:
    world.create()
    world.clock.move(hours=2)
    world.fire()
    (first,) = world.audits()
    world.finish(first["id"])
    world.services.audits.delete(tenant=world.tenant, ident=first["id"])
    world.clock.move(days=1)
    world.fire()
    assert len(world.audits()) == 1


def test_a_report_is_of_the_newest_completed_audit_of_its_connections(world: World) -> None:
    other = make_connection(name="other")
    add_connections(world.services.database, world.tenant, other)
    of_any = world.create(world.report())
    of_one = world.create({**world.report(connection_ids=[world.connection]), "name": "one"})
    world.clock.move(days=1)
    assert world.fire() == 2
    for ident in (of_any, of_one):
        error = world.get(ident)["last_result"]["error"]
        assert error["code"] == "audit_not_finished"
        assert "has completed yet" in error["message"]
    made = [
        orjson.loads(
            world.services.audits.create(tenant=world.tenant, body={"connection_ids": ids})
        )["id"]
        for ids in ([world.connection, other.id], [world.connection], [other.id], [other.id])
    ]
    for ident in made[:3]:
        world.finish(ident)
    again = orjson.loads(
        world.services.audits.reanalyze(tenant=world.tenant, ident=made[0], body={})
    )["id"]
    world.finish(again)
    world.clock.move(days=1)
    assert world.fire() == 2
    used = {
        ident: orjson.loads(
            world.services.reports.get(
                tenant=world.tenant, ident=world.get(ident)["last_result"]["id"]
            )
        )["audit_id"]
        for ident in (of_any, of_one)
    }
    assert used == {of_any: made[2], of_one: made[1]}
    assert [kind for kind, _ in world.jobs()].count("report") == 2


def test_a_report_is_left_out_while_the_last_one_is_being_made(world: World) -> None:
    ident = world.create(world.report())
    audit = orjson.loads(
        world.services.audits.create(
            tenant=world.tenant, body={"connection_ids": [world.connection]}
        )
    )["id"]
    world.finish(audit)
    first = world.run(ident)
    with pytest.raises(ReportNotReadyError, match=first["id"]):
        world.run(ident)
    world.services.reports.delete(tenant=world.tenant, ident=first["id"])
    assert world.run(ident)["audit_id"] == audit


def test_a_connection_that_went_is_what_the_last_result_says(world: World) -> None:
    ident = world.create()
    world.services.connections.delete(tenant=world.tenant, ident=world.connection)
    world.clock.move(days=1)
    assert world.fire() == 1
    error = world.get(ident)["last_result"]["error"]
    assert error["code"] == "invalid_field"
    assert world.connection in error["message"]
    assert world.get(ident)["next_run_at"] > "2026-01-02"


def test_one_that_breaks_holds_up_no_other_and_stays_due(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = world.create()
    fine = world.create(world.report())
    world.clock.move(days=1)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(type(world.services.audits), "add", fail)
        assert world.fire() == 1
    assert world.get(broken)["next_run_at"] == "2026-01-01T02:00:00.000Z"
    assert world.get(fine)["last_run_at"] is not None
    assert world.fire() == 1
    assert len(world.audits()) == 1


def test_a_run_by_hand_leaves_the_times_as_they_are(world: World) -> None:
    ident = world.create(world.body(enabled=False))
    made = world.run(ident)
    assert made["object"] == "audit"
    found = world.get(ident)
    assert (found["last_result"]["id"], found["next_run_at"]) == (made["id"], None)
    with pytest.raises(CloudSealedError, match="has not ended") as caught:
        world.run(ident)
    assert caught.value.status == 409
    assert world.get(ident)["last_result"]["id"] == made["id"]


def test_a_schedule_is_its_tenants_alone(world: World) -> None:
    ident, other = world.create(), world.services.tenants.create(name="Other").id
    world.clock.move(days=1)
    assert world.services.schedules.fire_due(tenant=other) == 0
    for use in (world.services.schedules.get, world.services.schedules.delete):
        with pytest.raises(ScheduleNotFoundError):
            use(tenant=other, ident=ident)
    with pytest.raises(ScheduleNotFoundError):
        world.services.schedules.run(tenant=other, ident=ident, admits=ADMITS)


def test_housekeeping_starts_what_is_due(world: World) -> None:
    world.create()
    world.clock.move(days=1)
    working.housekeep(world.services)
    assert len(world.audits()) == 1


def test_runs_by_hand_at_once_start_one_audit(world: World) -> None:
    ident, start = world.create(), threading.Barrier(6)

    def one(_: int) -> int:
        start.wait(SECONDS)
        try:
            world.run(ident)
        except CloudSealedError as error:
            return error.status
        return 202

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(one, range(6))) == [202] + [409] * 5
    assert len(world.audits()) == 1


_WORKER = """
import os, sys
from datetime import datetime
from cloudsealed.settings import Settings
from cloudsealed.wiring import build_services

now = None
services = build_services(Settings.from_environment(os.environ), clock=lambda: now)
tenant = services.tenants.all()[0].id
print("ready", flush=True)
for line in sys.stdin:
    now = datetime.fromisoformat(line.strip())
    print(services.schedules.fire_due(tenant=tenant), flush=True)
"""


def test_two_worker_processes_start_each_due_time_once(world: World) -> None:
    settings = world.services.settings
    environment = {
        "CLOUDSEALED_DATA_DIR": str(settings.data_dir),
        "CLOUDSEALED_DATABASE_URL": settings.database_url,
    }
    idents = [world.create(world.body(name=f"n{number}")) for number in range(20)]
    start = partial(program().talk, code=_WORKER, environment=environment)
    with start() as one, start() as other:
        workers = (one, other)
        assert [worker.said() for worker in workers] == ["ready", "ready"]
        for day in range(1, 5):
            for worker in workers:
                worker.tell(datetime(2026, 1, day, 2, 0, day, tzinfo=UTC).isoformat())
            assert sum(int(worker.said()) for worker in workers) == len(idents)
            assert len(world.audits()) == len(idents) * day
            for audit in world.audits():
                world.finish(audit["id"])
    assert {world.get(ident)["next_run_at"] for ident in idents} == {"2026-01-05T02:00:00.000Z"}
