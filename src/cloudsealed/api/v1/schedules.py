"""/v1/schedules: audits and reports that come by themselves."""

from __future__ import annotations

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.v1.schemas import schedules as shapes
from cloudsealed.audits.bodies import AUDIT
from cloudsealed.audits.model import AuditNotFinishedError
from cloudsealed.auth.model import Scope
from cloudsealed.connections.model import AmbientCredentialsNotAllowedError
from cloudsealed.connections.schedules import bodies
from cloudsealed.connections.schedules.store import LISTING
from cloudsealed.policies.model import NameAlreadyExistsError, QuotaExceededError
from cloudsealed.reports.bodies import SCHEDULED
from cloudsealed.reports.model import ReportNotReadyError
from cloudsealed.storage import schema
from cloudsealed.vocabulary import EventType, ScheduleKind

_WORKS = {ScheduleKind.AUDIT: AUDIT, ScheduleKind.REPORT: SCHEDULED}

TABLE = Table(
    "Schedules",
    "Audits and reports that come by themselves.",
    getter=lambda call: call.services.schedules.get(**call.one),
    rows=schema.schedules,
)
_BUDGETS = {ScheduleKind.AUDIT: "audits", ScheduleKind.REPORT: "reports"}


@TABLE.lists(
    "/v1/schedules", Listed.of(LISTING), scope=Scope.SCHEDULES_READ, answer=shapes.Schedule
)
def list_schedules(call: Call) -> Reply:
    """List schedules.

    What comes by itself, and when it comes next.
    """
    return call.services.schedules.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.makes(
    "/v1/schedules",
    scope=Scope.SCHEDULES_WRITE,
    answer=shapes.Schedule,
    body=bodies.schedule(_WORKS),
    errors=(NameAlreadyExistsError, QuotaExceededError, AmbientCredentialsNotAllowedError),
    event=EventType.SCHEDULE_CREATED,
)
def create_schedule(call: Call) -> Reply:
    """Add a schedule of an audit or of a report.

    A run spends no request budget. It is left out, and `last_result` says so, while what the last
    one started has not ended. Runs that were missed while nothing worked are made up for by one.
    """
    return call.services.schedules.create(tenant=call.tenant, body=call.body)


@TABLE.gets("/v1/schedules/{id}", scope=Scope.SCHEDULES_READ, answer=shapes.Schedule)
def get_schedule(call: Call) -> Reply:
    """Retrieve a schedule and its next five times.

    Also what its last run made, or why it made nothing.
    """
    return call.services.schedules.get(**call.one, deadline=call.deadline)


@TABLE.changes(
    "/v1/schedules/{id}",
    scope=Scope.SCHEDULES_WRITE,
    answer=shapes.Schedule,
    body=bodies.schedule_change(_WORKS),
    errors=(NameAlreadyExistsError, AmbientCredentialsNotAllowedError),
    event=EventType.SCHEDULE_CHANGED,
)
def update_schedule(call: Call) -> Reply:
    """Change a schedule; `audit` and `report` are replaced whole.

    What is left out stays. The next run follows the new times.
    """
    return call.services.schedules.update(**call.one, body=call.body)


@TABLE.makes(
    "/v1/schedules/{id}/run",
    made_at="/v1/{object}s",
    scope=Scope.SCHEDULES_WRITE,
    status=202,
    heavy=tuple(_BUDGETS.values()),
    answer=shapes.StartedWork,
    errors=(AuditNotFinishedError, ReportNotReadyError, AmbientCredentialsNotAllowedError),
    event=EventType.SCHEDULE_RUN,
)
def run_schedule(call: Call) -> Reply:
    """Start now what a schedule starts.

    Answers the new audit or report, and spends that one's request budget. The schedule's times
    stay as they are.
    """
    admits = {kind: call.admits[budget] for kind, budget in _BUDGETS.items()}
    return call.services.schedules.run(**call.one, admits=admits)


@TABLE.deletes("/v1/schedules/{id}", scope=Scope.SCHEDULES_WRITE, event=EventType.SCHEDULE_DELETED)
def delete_schedule(call: Call) -> Reply:
    """Remove a schedule; what it started stays.

    A run that has started goes on.
    """
    call.services.schedules.delete(**call.one)
    return None
