"""Who did what: each operation that changes or hands out something has its event, and no secret."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
import pytest
from tests.contract.conftest import MOMENT
from tests.waiting import until

from cloudsealed.api.app import TABLES
from cloudsealed.api.operation import Operation
from cloudsealed.audits.shard_store import Shards
from cloudsealed.events.verify import verify_events
from cloudsealed.findings.model import Triage
from cloudsealed.reports.model import Report, ReportFormat, ReportRequest
from cloudsealed.reports.store import ReportStore
from cloudsealed.vocabulary import ReportKind, ReportStatus, Role, TriageState

Step = Callable[[Any, Any], httpx.Response]

OPERATIONS = {op.name: op for table in TABLES for op in table.operations}
ROLE = "arn:aws:iam::123456789012:role/audit"
CHECK = {
    "key": "k",
    "title": "t",
    "dimension": "cost",
    "severity": "low",
    "resource_types": ["aws.s3.bucket"],
    "fail_when": "true",
}
CALLBACK = "https://a.example/cb"
UNTIL = "2999-01-31T09:30:00.000Z"
TRIAGE = {"triage": {"state": "accepted_risk", "note": "Bastion", "expires_at": UNTIL}}


def made(answer: httpx.Response) -> str:
    assert answer.status_code in (201, 202), answer.text
    return str(answer.json()["id"])


def _connection(t: Any) -> str:
    body = {"provider": "aws", "name": "main", "role_arn": ROLE}
    return f"/v1/connections/{made(t.http.post('/v1/connections', json=body))}"


def _schedule(t: Any) -> str:
    audit = {"connection_ids": [_connection(t).rpartition("/")[2]]}
    body = {"name": "n", "cron": "0 2 * * *", "audit": audit}
    return f"/v1/schedules/{made(t.http.post('/v1/schedules', json=body))}"


def _view(t: Any) -> str:
    body = {"name": "n", "of": "findings", "query": {}, "shared": True}
    return f"/v1/views/{made(t.http.post('/v1/views', json=body))}"


def _policy(t: Any) -> str:
    return f"/v1/policies/{made(t.http.post('/v1/policies', json=CHECK))}"


def _token(t: Any) -> str:
    body = {"name": "x", "scopes": ["findings:read"]}
    return f"/v1/tokens/{made(t.http.post('/v1/tokens', json=body))}"


def _user(t: Any) -> str:
    body = {"email": f"{t.id.lower()}@example.com", "role": "viewer"}
    return f"/v1/users/{made(t.http.post('/v1/users', json=body))}"


def _account(t: Any) -> httpx.Response:
    return t.http.post("/v1/service_accounts", json={"name": "n", "role": "viewer"})  # type: ignore[no-any-return]


def _client(t: Any) -> str:
    body = {"name": "c", "user_id": made(_account(t)), "scopes": ["findings:read"]}
    return f"/v1/oauth/clients/{made(t.http.post('/v1/oauth/clients', json=body))}"


APP = {"name": "a", "redirect_uris": [CALLBACK], "scopes": ["findings:read"]}


def _app(t: Any) -> str:
    return f"/v1/oauth/apps/{made(t.http.post('/v1/oauth/apps', json=APP))}"


def _grant(t: Any) -> str:
    app = t.http.post("/v1/oauth/apps", json=APP).json()
    asked = {"response_type": "code", "client_id": app["client_id"], "redirect_uri": CALLBACK}
    token = t.http.headers["Authorization"].removeprefix("Bearer ")
    caller = t.services.tokens.authenticator.authenticate(token, "127.0.0.1")
    place = t.services.oauth.allow(t.services.oauth.ask(urlencode(asked).encode()), caller)
    form = {name: app[name] for name in ("client_id", "client_secret")}
    form |= {"grant_type": "authorization_code", "code": httpx.URL(place).params["code"]}
    assert t.http.post("/oauth/token", data=form, auth=_nobody).status_code == 200
    return f"/v1/oauth/grants/{t.http.get('/v1/oauth/grants').json()['data'][0]['id']}"


def _nobody(request: httpx.Request) -> httpx.Request:
    del request.headers["Authorization"]
    return request


def _queued(t: Any) -> str:
    body = {"connection_ids": [_connection(t).rpartition("/")[2]]}
    return f"/v1/audits/{made(t.http.post('/v1/audits', json=body))}"


def _stopped(t: Any) -> str:
    path = _queued(t)
    ident = path.rpartition("/")[2]
    store = Shards(t.services.database, t.services.clock)
    lease = store.take(tenant=t.id, ident=ident, owner="worker")
    assert lease is not None
    error = {"code": "cloud_session_expired", "message": "m"}
    lease.set(status="failed", error=error, finished_at=MOMENT)
    return path


def _report(t: Any) -> str:
    content = b"%PDF-1.7"
    file = ReportFormat("pdf", len(content), "0" * 64)
    report = Report(
        "rep_01JD0000000000000000000000",
        ReportStatus.READY,
        ReportRequest(ReportKind.REMEDIATION_PLAN, "aud_x"),
        MOMENT,
        expires_at="2999-01-01T00:00:00.000Z",
        formats=(file,),
    )
    ReportStore(t.services.database).add(tenant=t.id, report=report)
    t.services.blobs.put(file.blob(report.id), io.BytesIO(content).getvalue())
    return f"/v1/reports/{report.id}"


def _report_of(audit: str) -> dict[str, str]:
    return {"kind": "executive_summary", "audit_id": audit}


def _finding(t: Any) -> str:
    return f"/v1/findings/{t.add_findings(1)[0]}"


WRITES: Mapping[str, Step] = {
    "triage_finding": lambda t, _: t.http.patch(_finding(t), json=TRIAGE),
    "triage_findings": lambda t, _: t.http.post(
        "/v1/findings/bulk", json={"ids": t.add_findings(2), **TRIAGE}
    ),
    "create_audit": lambda t, _: t.http.post(
        "/v1/audits", json={"connection_ids": [_connection(t).rpartition("/")[2]]}
    ),
    "reanalyze_audit": lambda t, completed: t.http.post(f"/v1/audits/{completed(t)}/reanalyze"),
    "cancel_audit": lambda t, _: t.http.post(f"{_queued(t)}/cancel"),
    "resume_audit": lambda t, _: t.http.post(f"{_stopped(t)}/resume"),
    "delete_audit": lambda t, completed: t.http.delete(f"/v1/audits/{completed(t)}"),
    "simulate_policy": lambda t, completed: t.http.post(
        "/v1/policies/simulate", json={"policy": CHECK, "audit_ids": [completed(t)]}
    ),
    "create_policy": lambda t, _: t.http.post("/v1/policies", json=CHECK),
    "update_policy": lambda t, _: t.http.patch(_policy(t), json={"severity": "high"}),
    "delete_policy": lambda t, _: t.http.delete(_policy(t)),
    "create_report": lambda t, completed: t.http.post("/v1/reports", json=_report_of(completed(t))),
    "delete_report": lambda t, _: t.http.delete(_report(t)),
    "create_connection": lambda t, _: t.http.post(
        "/v1/connections", json={"provider": "aws", "name": "one", "role_arn": ROLE}
    ),
    "update_connection": lambda t, _: t.http.patch(_connection(t), json={"name": "other"}),
    "test_connection": lambda t, _: t.http.post(f"{_connection(t)}/test"),
    "delete_connection": lambda t, _: t.http.delete(_connection(t)),
    "create_schedule": lambda t, _: t.http.post(
        "/v1/schedules",
        json={
            "name": "n",
            "cron": "0 2 * * *",
            "audit": {"connection_ids": [_connection(t).rpartition("/")[2]]},
        },
    ),
    "update_schedule": lambda t, _: t.http.patch(_schedule(t), json={"enabled": False}),
    "run_schedule": lambda t, _: t.http.post(f"{_schedule(t)}/run"),
    "delete_schedule": lambda t, _: t.http.delete(_schedule(t)),
    "create_view": lambda t, _: t.http.post(
        "/v1/views", json={"name": "n", "of": "resources", "query": {"region": "global"}}
    ),
    "update_view": lambda t, _: t.http.patch(_view(t), json={"query": {"severity": "high"}}),
    "delete_view": lambda t, _: t.http.delete(_view(t)),
    "create_token": lambda t, _: t.http.post(
        "/v1/tokens", json={"name": "x", "scopes": ["findings:read"]}
    ),
    "rotate_token": lambda t, _: t.http.post(f"{_token(t)}/rotate"),
    "revoke_token": lambda t, _: t.http.delete(_token(t)),
    "invite_user": lambda t, _: t.http.post(
        "/v1/users", json={"email": f"{t.id.lower()}@example.com", "role": "viewer"}
    ),
    "create_service_account": lambda t, _: _account(t),
    "update_user": lambda t, _: t.http.patch(_user(t), json={"role": "editor"}),
    "invite_user_again": lambda t, _: t.http.post(f"{_user(t)}/invite"),
    "remove_user": lambda t, _: t.http.delete(_user(t)),
    "create_oauth_app": lambda t, _: t.http.post("/v1/oauth/apps", json=APP),
    "update_oauth_app": lambda t, _: t.http.patch(_app(t), json={"name": "b"}),
    "rotate_oauth_app_secret": lambda t, _: t.http.post(f"{_app(t)}/rotate"),
    "delete_oauth_app": lambda t, _: t.http.delete(_app(t)),
    "revoke_oauth_grant": lambda t, _: t.http.delete(_grant(t)),
    "create_oauth_client": lambda t, _: t.http.post(
        "/v1/oauth/clients",
        json={"name": "c", "user_id": made(_account(t)), "scopes": ["findings:read"]},
    ),
    "update_oauth_client": lambda t, _: t.http.patch(_client(t), json={"name": "d"}),
    "rotate_oauth_client_secret": lambda t, _: t.http.post(f"{_client(t)}/rotate"),
    "delete_oauth_client": lambda t, _: t.http.delete(_client(t)),
}
"""Each operation that changes something, as it is asked of a new tenant."""


@pytest.fixture(autouse=True)
def _no_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_every_operation_that_may_change_something_is_tried_here() -> None:
    changing = {name for name, op in OPERATIONS.items() if op.writes}
    assert changing - WRITES.keys() == {"validate_policy"}
    assert WRITES.keys() <= changing


@pytest.mark.parametrize("name", WRITES)
def test_a_change_is_an_event_with_who_what_before_and_after_and_no_secret(
    tenant: Any, completed: Any, name: str
) -> None:
    secrets = _watched(tenant)
    answer = WRITES[name](tenant, completed)
    assert answer.is_success, answer.text
    event, *others = _of(tenant, answer)
    assert len(others) == (1 if name == "triage_findings" else 0)
    operation, actor = OPERATIONS[name], event["actor"]
    assert event["type"] == operation.event
    assert (actor["kind"], actor["user_id"]) == ("user", tenant.user_id)
    assert (actor["credential_id"], actor["ip"]) == (_me(tenant)["token_id"], "127.0.0.1")
    assert (actor["email"], actor["credential_name"]) == (_me(tenant)["user"]["email"], "test")
    _fits(tenant, operation, answer, event)
    told = orjson.dumps(tenant.every("/v1/events")).decode()
    assert secrets
    assert [secret for secret in secrets if secret in told] == []


def _fits(t: Any, operation: Operation, answer: httpx.Response, event: Mapping[str, Any]) -> None:
    """Compare what an event says of its object with what the API says of it."""
    before, after = event["before"], event["after"]
    shown = after or before
    assert event["subject"] == shown["id"]
    is_of_path = "{id}" in operation.path and not operation.tells_made
    assert (before is not None) == (is_of_path or operation.name == "triage_findings")
    if operation.method == "DELETE":
        gone = t.http.get(answer.request.url.path)
        assert after == (None if gone.status_code == 404 else gone.json())
    if operation.method == "PATCH":
        assert after == answer.json()
        assert after != before
    if operation.method == "POST" and is_of_path:
        path = operation.path.partition("{id}")[0] + event["subject"]
        assert after == t.http.get(path).json()
    if before is None:
        assert after == {k: v for k, v in answer.json().items() if k not in operation.secrets}


def _me(t: Any) -> Any:
    return t.http.get("/v1/me").json()


def _of(t: Any, answer: httpx.Response) -> list[Any]:
    """Return the events of one request."""
    ident = answer.headers["x-request-id"]
    return [event for event in t.every("/v1/events") if event["request_id"] == ident]


def _watched(t: Any) -> list[str]:
    """Return a list to which every secret comes that an answer shows from here on."""
    found = [t.http.headers["Authorization"].removeprefix("Bearer ")]

    def look(answer: httpx.Response) -> None:
        answer.read()
        for operation in OPERATIONS.values():
            body = answer.json() if operation.secrets and answer.content[:1] == b"{" else {}
            found.extend(
                str(body[key]).rpartition("=")[2] for key in operation.secrets if body.get(key)
            )

    t.http.event_hooks["response"].append(look)
    return found


def test_a_change_that_changes_nothing_or_is_refused_is_no_event(tenant: Any) -> None:
    finding, policy = _finding(tenant), _policy(tenant)
    count = len(tenant.every("/v1/events"))
    for answer, status in (
        (tenant.http.patch(policy, json={}), 200),
        (tenant.http.patch(policy, json={"title": "t"}), 200),
        (tenant.http.patch(policy, json={"severity": "worst"}), 422),
        (tenant.http.patch(finding, json={"triage": None}), 200),
        (tenant.http.patch(finding, json=TRIAGE, headers={"If-Match": '"x"'}), 412),
        (tenant.http.delete("/v1/policies/nothing"), 404),
    ):
        assert answer.status_code == status, answer.text
    assert len(tenant.every("/v1/events")) == count


def test_a_repeated_request_is_one_event(tenant: Any) -> None:
    headers = {"Idempotency-Key": "k"}
    for _ in range(2):
        assert tenant.http.post("/v1/policies", json=CHECK, headers=headers).status_code == 201
    assert len(tenant.http.get("/v1/events?type=policy.created").json()["data"]) == 1


def test_every_read_of_evidence_and_download_has_an_event() -> None:
    told = {name for name, op in OPERATIONS.items() if op.event and not op.writes}
    files = {n for n, op in OPERATIONS.items() if not op.is_json and not op.is_followed}
    evidence = {n for n, op in OPERATIONS.items() if op.scope == "evidence:read"}
    assert told == files | evidence


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("list_audit_calls", lambda t, completed: f"/v1/audits/{completed(t)}/calls"),
        ("download_report", lambda t, _: f"{_report(t)}/download?format=pdf"),
        ("export_findings", lambda _t, _c: "/v1/findings/export?severity=high"),
        ("export_events", lambda _t, _c: "/v1/events/export"),
    ],
)
def test_a_read_that_is_told_has_its_event_within_seconds(
    tenant: Any, completed: Any, name: str, path: Callable[[Any, Any], str]
) -> None:
    where = path(tenant, completed)
    assert tenant.http.head(where).status_code == 200  # which hands nothing out
    answer = tenant.http.get(where)
    assert answer.status_code == 200
    until(lambda: _of(tenant, answer), "the event is there")
    (event,) = _of(tenant, answer)
    assert event["type"] == OPERATIONS[name].event
    assert event["actor"]["user_id"] == tenant.user_id
    assert event["subject"] in {*where.split("/"), tenant.id}
    asked = {k: [v] for k, v in answer.request.url.params.items()}
    assert event["data"] == {"operation": name, "query": asked}
    assert len(tenant.http.get(f"/v1/events?type={event['type']}").json()["data"]) == 1


def test_events_are_found_by_who_by_what_and_from_where(tenant: Any) -> None:
    policy = _policy(tenant)
    other = tenant.client(tenant.token())
    token, ident = other.get("/v1/me").json()["token_id"], policy.rpartition("/")[2]
    other.patch(policy, json={"severity": "critical"})
    other.close()

    def types(**filters: str) -> list[str]:
        answer = tenant.http.get("/v1/events", params=filters)
        assert answer.status_code == 200, answer.text
        return [event["type"] for event in answer.json()["data"]]

    both = ["policy.changed", "policy.created"]
    assert types(subject=ident) == both
    assert types(credential=token) == ["policy.changed"]
    assert types(actor=tenant.user_id) == both
    assert types(actor=tenant.user_id, category="policy", type="policy.created") == both[1:]
    assert types(ip="127.0.0.1") == both
    assert types(ip="192.0.2.1") == types(actor="usr_01JD0000000000000000000000") == []
    assert "policy.changed" not in types(actor_kind="operator")


def test_an_export_of_events_is_a_chain_that_verifies(tenant: Any) -> None:
    policy = _policy(tenant)
    export = tenant.http.get("/v1/events/export")
    assert export.headers["content-type"] == "application/jsonl"
    first = verify_events("first", io.BytesIO(export.content), None)
    assert (first.problems, first.tenant, first.first) == ([], tenant.id, 1)
    lines = [orjson.loads(line) for line in export.content.splitlines()]
    assert lines[-1]["after"] == tenant.http.get(policy).json()
    tenant.http.delete(policy)
    more = tenant.http.get(f"/v1/events/export?after={first.last}")
    second = verify_events("second", io.BytesIO(more.content), None)
    assert (second.problems, second.first, second.previous) == ([], first.last + 1, first.hash)
    table = tenant.http.get("/v1/events/export?format=csv&category=policy").text
    assert [row.split(",")[3] for row in table.splitlines()] == [
        "type",
        "policy.created",
        "policy.deleted",
    ]
    refused = tenant.http.get("/v1/events/export?after=x")
    assert refused.json()["error"]["code"] == "invalid_after_filter"
    listed = tenant.http.get("/v1/events").json()["data"]
    assert [e["sequence"] for e in listed][-first.last :] == list(range(first.last, 0, -1))


@pytest.mark.inside
def test_policies_and_reports_say_who_made_and_who_last_changed_them(
    tenant: Any, completed: Any
) -> None:
    policy = tenant.http.post("/v1/policies", json=CHECK).json()
    assert (policy["created_by"], policy["updated_by"]) == (tenant.user_id, tenant.user_id)
    other = tenant.client(tenant.token(role=Role.EDITOR))
    editor = other.get("/v1/me").json()["user"]["id"]
    changed = other.patch(f"/v1/policies/{policy['id']}", json={"severity": "critical"}).json()
    other.close()
    assert (changed["created_by"], changed["updated_by"]) == (tenant.user_id, editor)
    assert tenant.http.get("/v1/policies").json()["data"][0] == changed
    report = tenant.http.post("/v1/reports", json=_report_of(completed(tenant))).json()
    assert (report["created_by"], report["updated_by"]) == (tenant.user_id, tenant.user_id)
    assert tenant.http.get(f"/v1/reports/{report['id']}").json() == report


def test_who_accepted_a_risk_when_why_and_until_when_is_answered_on_the_finding(
    tenant: Any,
) -> None:
    path = _finding(tenant)
    tenant.http.patch(path, json={"triage": {"state": "acknowledged"}})
    other = tenant.client(tenant.token(role=Role.EDITOR))
    editor = other.get("/v1/me").json()["user"]
    bulk = {"ids": [path.rpartition("/")[2]], **TRIAGE}
    assert other.post("/v1/findings/bulk", json=bulk).json()["updated"] == 1
    other.close()
    accepted = tenant.http.get(path).json()["triage"]
    assert tenant.http.delete(f"/v1/users/{editor['id']}").status_code == 204
    tenant.http.patch(path, json={"triage": None})

    history = tenant.http.get(f"{path}/triage_history").json()["data"]
    states = [each["triage"] and each["triage"]["state"] for each in history]
    assert states == [None, "accepted_risk", "acknowledged"]
    withdrawn, decided, first = history
    assert decided["triage"] == accepted == withdrawn["previous"]
    assert (decided["decided_by"], decided["decided_by_name"]) == (editor["id"], editor["name"])
    assert accepted["note"] == "Bastion"
    assert accepted["expires_at"] == UNTIL
    assert first["previous"] is None
    event = tenant.http.get("/v1/events", params={"subject": bulk["ids"][0], "limit": 1}).json()
    assert event["data"][0]["id"] == withdrawn["event_id"]
    assert event["data"][0]["after"] == tenant.http.get(path).json()
    page = tenant.http.get(f"{path}/triage_history?limit=2").json()
    more = tenant.http.get(f"{path}/triage_history?limit=2&cursor={page['next_cursor']}").json()
    assert [*page["data"], *more["data"]] == history
    assert more["has_more"] is False
    assert tenant.http.get("/v1/findings/fnd_x/triage_history").status_code == 404


def test_a_decision_from_before_events_told_of_them_is_the_first_of_the_history(
    tenant: Any,
) -> None:
    old = Triage(TriageState.ACCEPTED_RISK, None, "old", None, MOMENT, tenant.user_id)
    path = f"/v1/findings/{tenant.add_findings(1, triage=old)[0]}/triage_history"
    (alone,) = tenant.http.get(path).json()["data"]
    assert (alone["event_id"], alone["decided_at"]) == (None, MOMENT)
    tenant.http.patch(path.rpartition("/")[0], json=TRIAGE)
    newer, older = tenant.http.get(path).json()["data"]
    assert newer["event_id"] is not None
    assert older == alone
