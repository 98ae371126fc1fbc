"""Schedules: audits and reports that come by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudsealed.auth.model import Scope
from cloudsealed.console.asking import path_to
from cloudsealed.console.language import worded
from cloudsealed.console.look import Look, View
from cloudsealed.console.views.audits import EXAMPLES, SCOPE, asked_for, connections_of, names_of
from cloudsealed.kit.errors import MissingFieldError
from cloudsealed.vocabulary import ReportKind, ScheduleKind

LIST = "/v1/schedules"
_ONE = f"{LIST}/{{id}}"
FILTERS = {"kind": worded("Kind"), "enabled": worded("In force")}
_NEGATED = tuple(f"{name}_not" for name in FILTERS)
TIMES = {
    "0 6 * * *": worded("Every day at 06:00"),
    "0 6 * * MON": worded("Every Monday at 06:00"),
    "0 6 1 * *": worded("On the first of each month at 06:00"),
    "0 */6 * * *": worded("Every six hours"),
}


async def _gather(look: Look) -> Mapping[str, Any]:
    filters = {name: look.query.get(name, ()) for name in (*FILTERS, *_NEGATED)}
    page = await look.api.get(LIST, **filters, cursor=look.one("cursor"), limit=look.one("limit"))
    return {
        "page": page,
        "filter_names": FILTERS,
        "times": TIMES,
        "may_write": look.may(Scope.SCHEDULES_WRITE),
    }


async def _gather_new(look: Look) -> Mapping[str, Any]:
    frameworks = []
    if look.may(Scope.POLICIES_READ):
        frameworks = (await look.api.value("/v1/frameworks", limit="200"))["data"]
    kind = look.sent("kind") or look.one("kind", ScheduleKind.AUDIT)
    return {
        "connections": await connections_of(look),
        "wanted": look.form.get("connection") or look.query.get("connection", ()),
        "kind": kind,
        "kinds": tuple(ScheduleKind),
        "report_kinds": tuple(ReportKind),
        "frameworks": frameworks,
        "times": TIMES,
        "scope_names": SCOPE,
        "examples": EXAMPLES,
        "may_connect": look.may(Scope.CONNECTIONS_WRITE),
        "may_write": look.may(Scope.SCHEDULES_WRITE),
    }


async def _add(look: Look) -> str:
    body: dict[str, Any] = {
        "name": look.sent("name"),
        "cron": look.sent("cron") or look.sent("time"),
        "timezone": look.sent("timezone") or None,
    }
    if look.sent("kind") == ScheduleKind.REPORT:
        report: dict[str, Any] = {
            "kind": look.sent("report"),
            "framework": look.sent("framework") or None,
            "language": look.sent("language") or None,
        }
        if wanted := list(look.form.get("connection", ())):
            report["connection_ids"] = wanted
        body["report"] = report
    else:
        body["audit"] = asked_for(look)
    made = await look.api.send("POST", LIST, body)
    return f"/schedules/{made['id']}"


async def _gather_one(look: Look) -> Mapping[str, Any]:
    schedule = await look.api.get(path_to(_ONE, id=look.ident))
    return {
        "schedule": schedule,
        "names": names_of(await connections_of(look)),
        "times": TIMES,
        "may_write": look.may(Scope.SCHEDULES_WRITE),
    }


async def _act(look: Look) -> str:
    path, wanted = path_to(_ONE, id=look.ident), look.sent("do")
    if wanted == "delete":
        await look.api.send("DELETE", path)
        return "/schedules"
    if wanted == "run":
        made = await look.api.send("POST", f"{path}/run")
        return f"/audits/{made['id']}" if made["object"] == "audit" else look.visit.path
    if wanted not in ("pause", "resume"):
        raise MissingFieldError("do")
    await look.api.send("PATCH", path, {"enabled": wanted == "resume"})
    return look.visit.path


VIEWS = (
    View("/schedules", "schedules/list.html", _gather),
    View("/schedules/new", "schedules/new.html", _gather_new, _add),
    View("/schedules/{id}", "schedules/one.html", _gather_one, _act),
)
