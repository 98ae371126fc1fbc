"""Reports: made once or by a schedule, watched until they are ready, looked at, downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudsealed.auth.model import Scope
from cloudsealed.console.asking import ApiRefusedError, path_to
from cloudsealed.console.language import worded
from cloudsealed.console.look import Look, Passage, View
from cloudsealed.console.views.frameworks import completed_audits
from cloudsealed.vocabulary import Dimension, ReportKind, ReportStatus, ScheduleKind, Severity

LIST, _ONE = "/v1/reports", "/v1/reports/{id}"
_SCHEDULES = "/v1/schedules"
_FILTERS = {"kind": worded("Kind"), "status": worded("Status"), "audit": worded("Audit")}
TELLS = {
    "executive_summary": worded("Where you stand, what moved and what matters first, for managers"),
    "remediation_plan": worded("What to do in which order, with the steps, for who mends it"),
    "compliance_evidence": worded("Each control of a framework with its evidence, for auditors"),
}
CHOICES = {"severity": tuple(Severity)[::-1], "dimension": tuple(Dimension)}
"""The filters of a report that are ticked."""
LINES = {
    "account": worded("Accounts"),
    "region": worded("Regions"),
    "resource_type": worded("Types of resources"),
    "policy": worded("Policies"),
}
"""The filters of a report that are written, one value a line."""
TIMES = {
    "": worded("Now, once"),
    "0 6 * * *": worded("Every day at 6"),
    "0 6 * * MON": worded("Every Monday at 6"),
    "0 6 1 * *": worded("On the first of every month at 6"),
    "own": worded("At other times"),
}


async def _list(look: Look) -> Mapping[str, Any]:
    asked = {name: look.query.get(name) for name in _FILTERS}
    page = await look.api.get(LIST, **asked, cursor=look.one("cursor"), limit=look.one("limit"))
    scheduled = None
    if look.may(Scope.SCHEDULES_READ):
        found = await look.api.value(_SCHEDULES, kind=ScheduleKind.REPORT, limit="200")
        scheduled = len(found["data"])
    return {
        "page": page,
        "scheduled": scheduled,
        "audits": {each["id"]: each for each in await completed_audits(look)},
        "filter_names": _FILTERS,
        "kinds": tuple(ReportKind),
        "states": tuple(ReportStatus),
        "may_make": look.may(Scope.REPORTS_WRITE),
    }


async def _form(look: Look) -> Mapping[str, Any]:
    frameworks = []
    if look.may(Scope.POLICIES_READ):
        frameworks = (await look.api.value("/v1/frameworks", limit="200"))["data"]
    return {
        "audits": await completed_audits(look),
        "frameworks": frameworks,
        "tells": TELLS,
        "choices": CHOICES,
        "lines": LINES,
        "times": TIMES,
        "may_make": look.may(Scope.REPORTS_WRITE),
        "may_schedule": look.may(Scope.SCHEDULES_WRITE),
    }


async def _make(look: Look) -> str:
    """Make a report now, or have it made at the times that were chosen."""
    body = _asked(look)
    when = look.sent("when")
    if not when:
        report = await look.api.send("POST", LIST, {**body, "audit_id": look.sent("audit")})
        return f"/reports/{report['id']}"
    schedule = {
        "name": look.sent("name"),
        "cron": look.sent("cron") if when == "own" else when,
        "timezone": look.sent("timezone") or None,
        "report": body,
    }
    made = await look.api.send("POST", _SCHEDULES, schedule)
    return f"/schedules/{made['id']}"


def _asked(look: Look) -> dict[str, Any]:
    """Return what a form says of a report but whose audit it tells of."""
    kind = look.sent("kind")
    is_evidence = kind == ReportKind.COMPLIANCE_EVIDENCE
    ticked = {name: list(look.form.get(name, ())) for name in CHOICES}
    written = {name: look.sent(name).split() for name in LINES}
    filters = {name: held for name, held in {**ticked, **written}.items() if held}
    return {
        "kind": kind,
        "framework": look.sent("framework") or None if is_evidence else None,
        "filters": filters or None,
        "language": look.sent("language") or None,
    }


async def _one(look: Look) -> Mapping[str, Any]:
    report = await look.api.get(path_to(_ONE, id=look.ident))
    audit = None
    if look.may(Scope.AUDITS_READ):
        try:
            audit = await look.api.value(f"/v1/audits/{report['audit_id']}")
        except ApiRefusedError:  # it is deleted: the report tells of it all the same
            audit = None
    return {
        "report": report,
        "audit": audit,
        "tells": TELLS,
        "is_made": report["status"] in (ReportStatus.QUEUED, ReportStatus.RUNNING),
        "files": {each["format"]: each for each in report["formats"]},
        "may_make": look.may(Scope.REPORTS_WRITE),
    }


async def _delete(look: Look) -> str:
    await look.api.send("DELETE", path_to(_ONE, id=look.ident))
    return "/reports"


VIEWS = (
    View("/reports", "reports/list.html", _list),
    View("/reports/new", "reports/new.html", _form, _make),
    View("/reports/{id}", "reports/one.html", _one, _delete),
)
PASSAGES = (
    Passage("/reports/{id}/download", f"{_ONE}/download"),
    Passage("/reports/{id}/pdf", f"{_ONE}/download?format=pdf", frames=True),
)
