"""Audits: the list of them, and the form that starts one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudsealed.auth.model import Scope
from cloudsealed.console.language import worded
from cloudsealed.console.look import Look, View
from cloudsealed.kit.clock import parse_rfc3339
from cloudsealed.vocabulary import AuditKind, AuditStatus

LIST = "/v1/audits"
FILTERS = {
    "status": worded("Status"),
    "kind": worded("Kind"),
    "connection": worded("Connection"),
    "parent": worded("Reanalysis of"),
}
_NEGATED = tuple(f"{name}_not" for name in FILTERS)
SCOPE = {
    "regions": worded("Only these regions"),
    "services": worded("Only these services"),
    "resource_types": worded("Only these types"),
}
EXAMPLES = {
    "regions": "eu-west-1, us-east-1",
    "services": "s3, ec2, iam",
    "resource_types": "aws.s3.bucket",
}


async def connections_of(look: Look) -> Sequence[Mapping[str, Any]]:
    """Return the connections that the visitor may see, 200 at most."""
    if not look.may(Scope.CONNECTIONS_READ):
        return ()
    found: Sequence[Mapping[str, Any]] = (await look.api.value("/v1/connections", limit="200"))[
        "data"
    ]
    return found


def names_of(connections: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what connections are called, by id."""
    return {each["id"]: each["name"] for each in connections}


def seconds_of(audit: Mapping[str, Any]) -> float | None:
    """Return how long an audit worked; None while it has not ended, or never began."""
    if audit["started_at"] is None or audit["finished_at"] is None:
        return None
    took = parse_rfc3339(audit["finished_at"]) - parse_rfc3339(audit["started_at"])
    return max(0.0, took.total_seconds())


async def _gather(look: Look) -> Mapping[str, Any]:
    filters = {name: look.query.get(name, ()) for name in (*FILTERS, *_NEGATED)}
    page = await look.api.get(LIST, **filters, cursor=look.one("cursor"), limit=look.one("limit"))
    connections = await connections_of(look)
    return {
        "page": page,
        "spans": {each["id"]: seconds_of(each) for each in page["data"]},
        "connections": connections,
        "names": names_of(connections),
        "filter_names": FILTERS,
        "statuses": tuple(AuditStatus),
        "kinds": tuple(AuditKind),
        "may_start": look.may(Scope.AUDITS_WRITE),
        "may_connect": look.may(Scope.CONNECTIONS_WRITE),
    }


async def _gather_new(look: Look) -> Mapping[str, Any]:
    connections = await connections_of(look)
    wanted = look.form.get("connection") or look.query.get("connection", ())
    return {
        "connections": connections,
        "wanted": wanted or ([connections[0]["id"]] if len(connections) == 1 else ()),
        "scope_names": SCOPE,
        "examples": EXAMPLES,
        "may_start": look.may(Scope.AUDITS_WRITE),
        "may_connect": look.may(Scope.CONNECTIONS_WRITE),
    }


def asked_for(look: Look) -> dict[str, Any]:
    """Return the audit that a form asks for, as the API takes it."""
    scope = {name: words for name in SCOPE if (words := look.words_sent(name))}
    body: dict[str, Any] = {"connection_ids": list(look.form.get("connection", ()))}
    if scope:
        body["scope"] = scope
    if policies := look.words_sent("policies"):
        body["policies"] = policies
    return body


async def _start(look: Look) -> str:
    made = await look.api.send("POST", LIST, asked_for(look))
    return f"/audits/{made['id']}"


VIEWS = (
    View("/audits", "audits/list.html", _gather),
    View("/audits/new", "audits/new.html", _gather_new, _start),
)
