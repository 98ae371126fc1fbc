"""What one does with schedules: list, add, change, run now; and start what is due.

A due time is claimed in the transaction that adds the work, so it counts once however many workers
look. What was missed while none ran is made up for by one run, and the times go on from then.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from cloudsealed.connections.schedules import bodies
from cloudsealed.connections.schedules.model import (
    MOST_SCHEDULES,
    Schedule,
    Work,
    read_kind,
    read_timing,
)
from cloudsealed.connections.schedules.store import ScheduleStore, decode
from cloudsealed.jobs import Admit, admitted
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.ids import new_id
from cloudsealed.kit.shapes import read_body, refuse
from cloudsealed.policies.model import NameAlreadyExistsError, QuotaExceededError
from cloudsealed.storage.database import Connection, Database, ServiceUnavailableError
from cloudsealed.storage.keyset import Page
from cloudsealed.storage.tenancy import turn
from cloudsealed.vocabulary import ScheduleKind

log = logging.getLogger(__name__)


class ScheduleService:
    """The use cases of schedules. `works` says how each kind of work is started."""

    def __init__(
        self, *, database: Database, clock: Clock, works: Mapping[ScheduleKind, Work]
    ) -> None:
        self._store = ScheduleStore(database)
        self._clock = clock
        self._works = works
        forms = {kind: work.form for kind, work in works.items()}
        self._new, self._change = bodies.schedule(forms), bodies.schedule_change(forms)

    def list(
        self,
        *,
        tenant: str,
        filters: Mapping[str, tuple[str, ...]],
        sort: str = "-id",
        after: Position | None = None,
        limit: int = 50,
        deadline: float | None = None,
    ) -> Page:
        """Return a page of schedules."""
        rows = self._store.page(
            tenant=tenant, filters=filters, sort=sort, after=after, limit=limit, deadline=deadline
        )
        items = (self._said(decode(row[2:])) for row in rows.rows)
        return Page([orjson.dumps(item.public()) for item in items], rows.next)

    def get(self, *, tenant: str, ident: str, deadline: float | None = None) -> bytes:
        """Return one schedule with its next times; raises ScheduleNotFoundError."""
        return self._whole(self._store.get(tenant=tenant, ident=ident, deadline=deadline))

    def create(self, *, tenant: str, body: Any) -> bytes:
        """Add a schedule of {name, cron, timezone?, enabled?} and one of {audit} and {report}."""
        now, asked = self._clock(), read_body(self._new, body)
        kind, timing = read_kind(asked), read_timing(asked, now)
        request = self._works[kind].read(tenant=tenant, body=body[kind])
        item = Schedule(
            id=new_id("sch"),
            kind=kind,
            request=request,
            created_at=rfc3339(now),
            next_run_at=None,
            **timing,
        )
        item = replace(item, next_run_at=item.next_run(now))
        with turn(self._store.database, tenant=tenant) as connection:
            self._refuse_taken(connection, tenant, item)
            if self._store.count(connection, tenant=tenant) >= MOST_SCHEDULES:
                raise QuotaExceededError(f"A tenant has at most {MOST_SCHEDULES} schedules")
            self._store.insert(connection, tenant=tenant, item=item)
        return self._whole(item)

    def update(self, *, tenant: str, ident: str, body: Any) -> bytes:
        """Change a schedule; its next time is counted from now when its times change."""
        now, asked = self._clock(), read_body(self._change, body)
        kind = self._store.get(tenant=tenant, ident=ident).kind
        for other in ScheduleKind:
            if other is not kind and asked.get(other) is not None:
                raise refuse(other, f"cannot be set on a schedule of an {kind}")
        given: dict[str, Any] = {}
        if kind in asked:
            given["request"] = self._works[kind].read(tenant=tenant, body=body[kind])
        with turn(self._store.database, tenant=tenant) as connection:
            old = self._store.get_in(connection, tenant=tenant, ident=ident)
            item = replace(old, **read_timing(asked, now, old), **given)
            if (item.timetable, item.enabled) != (old.timetable, old.enabled):
                item = replace(item, next_run_at=item.next_run(now))
            self._refuse_taken(connection, tenant, item)
            self._store.update(connection, tenant=tenant, item=item)
        return self._whole(item)

    def delete(self, *, tenant: str, ident: str) -> None:
        """Remove a schedule; what it started stays. Raises ScheduleNotFoundError."""
        with turn(self._store.database, tenant=tenant) as connection:
            self._store.delete(connection, tenant=tenant, ident=ident)

    def run(self, *, tenant: str, ident: str, admits: Mapping[ScheduleKind, Admit]) -> bytes:
        """Start what a schedule starts, now; return the audit or report. Its times stay.

        Raises ScheduleNotFoundError, and why it cannot be started.
        """
        with turn(self._store.database, tenant=tenant) as connection:
            item = self._store.get_in(connection, tenant=tenant, ident=ident)
            started = self._works[item.kind].start(
                connection,
                tenant=tenant,
                request=item.request,
                last=item.made_id,
                admit=admits[item.kind],
            )
            self._record(connection, tenant, replace(item, made_id=started.id, error=None))
        return started.content

    def fire_due(self, *, tenant: str) -> int:
        """Start what is due; return how many runs that were. One that fails holds up no other."""
        fired = 0
        for item in self._store.due(tenant=tenant, now=rfc3339(self._clock())):
            try:
                fired += self._fire(tenant, item)
            except ServiceUnavailableError:
                raise
            except Exception:
                log.exception("schedule %s: it stays due", item.id)
        return fired

    def _fire(self, tenant: str, seen: Schedule) -> bool:
        with turn(self._store.database, tenant=tenant) as connection:
            item = self._store.claim(connection, tenant=tenant, item=seen)
            if item is None:
                return False
            item = replace(item, next_run_at=item.next_run(self._clock()))
            try:
                started = self._works[item.kind].start(
                    connection,
                    tenant=tenant,
                    request=item.request,
                    last=item.made_id,
                    admit=admitted,
                )
                item = replace(item, made_id=started.id, error=None)
            except ServiceUnavailableError:
                raise
            except CloudSealedError as error:
                item = replace(item, error={"code": error.code, "message": error.message})
            self._record(connection, tenant, item)
        return True

    def _record(self, connection: Connection, tenant: str, item: Schedule) -> None:
        item = replace(item, last_run_at=rfc3339(self._clock()))
        self._store.update(connection, tenant=tenant, item=item)

    def _refuse_taken(self, connection: Connection, tenant: str, item: Schedule) -> None:
        if self._store.named(connection, tenant=tenant, name=item.name) not in (None, item.id):
            raise NameAlreadyExistsError(f"A schedule with the name {item.name} exists")

    def _whole(self, item: Schedule) -> bytes:
        return orjson.dumps(self._said(item).public() | {"upcoming": item.upcoming()})

    def _said(self, item: Schedule) -> Schedule:
        return replace(item, request={**self._works[item.kind].unsaid, **item.request})
