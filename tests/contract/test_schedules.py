"""/v1/schedules over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.auth.model import Scope

ROLE = {"provider": "aws", "role_arn": "arn:aws:iam::123456789012:role/a"}
WEEKLY = {
    "name": "weekly",
    "cron": "0 6 * * MON",
    "timezone": "Europe/Berlin",
    "report": {"kind": "executive_summary", "filters": {"severity": "critical"}},
}


def _nightly(tenant: Any, **changes: Any) -> dict[str, Any]:
    made = tenant.http.post("/v1/connections", json={**ROLE, "name": "production"})
    audit = {"connection_ids": [made.json()["id"]]}
    return {"name": "nightly", "cron": "0 2 * * *", "audit": audit} | changes


def _used(tenant: Any) -> tuple[int, int]:
    budgets = tenant.http.get("/v1/rate_limit").json()["resources"]
    return budgets["audits"]["used"], budgets["reports"]["used"]


def test_a_schedule_is_made_read_changed_and_removed(tenant: Any) -> None:
    made = tenant.http.post("/v1/schedules", json=WEEKLY)
    assert made.status_code == 201, made.text
    found = tenant.http.get(made.headers["location"])
    assert found.json() == made.json()
    assert found.json()["upcoming"][0] == found.json()["next_run_at"]
    assert len(found.json()["upcoming"]) == 5
    assert found.json()["report"] == {
        "kind": "executive_summary",
        "framework": None,
        "filters": {"severity": ["critical"]},
        "language": None,
        "connection_ids": None,
    }
    tag = {"If-Match": found.headers["etag"]}
    changed = tenant.http.patch(made.headers["location"], json={"enabled": False}, headers=tag)
    assert changed.status_code == 200, changed.text
    assert changed.json()["next_run_at"] is None
    assert tenant.http.delete(made.headers["location"], headers=tag).status_code == 412
    assert tenant.http.delete(made.headers["location"]).status_code == 204
    gone = tenant.http.get(made.headers["location"])
    assert gone.json()["error"]["code"] == "schedule_not_found"


def test_schedules_are_listed_by_what_they_start_and_whether_they_do(tenant: Any) -> None:
    nightly = tenant.http.post("/v1/schedules", json=_nightly(tenant)).json()["id"]
    weekly = tenant.http.post("/v1/schedules", json={**WEEKLY, "enabled": False}).json()["id"]
    listed = {
        query: [item["id"] for item in tenant.http.get(f"/v1/schedules{query}").json()["data"]]
        for query in ("", "?kind=audit", "?kind=report", "?enabled=true", "?enabled=false")
    }
    assert listed == {
        "": [weekly, nightly],
        "?kind=audit": [nightly],
        "?kind=report": [weekly],
        "?enabled=true": [nightly],
        "?enabled=false": [weekly],
    }
    refused = tenant.http.get("/v1/schedules?kind=backup").json()["error"]
    assert refused["code"] == "invalid_kind_filter"


def test_a_run_answers_the_audit_and_spends_the_budget_of_audits(tenant: Any) -> None:
    made = tenant.http.post("/v1/schedules", json=_nightly(tenant))
    path = f"{made.headers['location']}/run"
    key = {"Idempotency-Key": "once"}
    run = tenant.http.post(path, headers=key)
    assert run.status_code == 202, run.text
    assert (run.json()["object"], run.json()["status"]) == ("audit", "queued")
    assert run.headers["location"] == f"{tenant.url}/v1/audits/{run.json()['id']}"
    assert tenant.http.get(run.headers["location"]).json() == run.json()
    again = tenant.http.post(path, headers=key)
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.json(), again.headers["location"]) == (run.json(), run.headers["location"])
    busy = tenant.http.post(path)
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "audit_not_finished")
    assert _used(tenant) == (1, 0)
    found = tenant.http.get(made.headers["location"]).json()
    assert found["last_result"] == {"id": run.json()["id"], "error": None}
    assert found["next_run_at"] == made.json()["next_run_at"]


def test_a_run_answers_the_report_and_spends_the_budget_of_reports(
    tenant: Any, completed: Any
) -> None:
    made = tenant.http.post("/v1/schedules", json=WEEKLY)
    path = f"{made.headers['location']}/run"
    early = tenant.http.post(path)
    assert (early.status_code, early.json()["error"]["code"]) == (409, "audit_not_finished")
    assert _used(tenant) == (0, 0)
    audit = completed(tenant)
    run = tenant.http.post(path)
    assert run.status_code == 202, run.text
    assert (run.json()["object"], run.json()["audit_id"]) == ("report", audit)
    assert run.headers["location"] == f"{tenant.url}/v1/reports/{run.json()['id']}"
    busy = tenant.http.post(path)
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "report_not_ready")
    assert _used(tenant) == (0, 1)


def test_a_spent_budget_refuses_a_run_by_hand_and_not_what_is_due(
    strict_tenant: Any, completed: Any
) -> None:
    http, audit = strict_tenant.http, completed(strict_tenant)
    made = http.post("/v1/schedules", json=_nightly(strict_tenant))
    for _ in range(6):
        assert http.post(f"/v1/audits/{audit}/reanalyze").status_code == 202
    refused = http.post(f"{made.headers['location']}/run")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert refused.headers["x-ratelimit-resource"] == "audits"
    found = http.get(made.headers["location"]).json()
    assert (found["last_run_at"], found["last_result"]) == (None, None)
    report = http.post("/v1/schedules", json=WEEKLY)
    assert http.post(f"{report.headers['location']}/run").status_code == 202


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({**WEEKLY, "cron": "*/5 * * * *"}, "invalid_field", "cron"),
        ({**WEEKLY, "timezone": "Moon/Sea"}, "invalid_field", "timezone"),
        (
            {**WEEKLY, "report": {"kind": "compliance_evidence", "framework": "x"}},
            "invalid_field",
            "report.framework",
        ),
        ({**WEEKLY, "audit": {"connection_ids": ["con_x"]}}, "invalid_field", "audit"),
        ({"name": "n", "cron": "0 0 * * *"}, "invalid_field", "audit"),
        ({**WEEKLY, "report": {"audit_id": "aud_x"}}, "unknown_field", "report.audit_id"),
        ([WEEKLY], "invalid_field", "body"),
    ],
)
def test_what_can_be_no_schedule_is_refused(tenant: Any, body: Any, code: str, field: str) -> None:
    answer = tenant.http.post("/v1/schedules", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, code)
    assert [detail["field"] for detail in error["details"]] == [field]


def test_a_scope_of_schedules_is_enough_to_run_one(tenant: Any) -> None:
    made = tenant.http.post("/v1/schedules", json=_nightly(tenant))
    for scope, status in (
        (Scope.SCHEDULES_READ, 403),
        (Scope.AUDITS_WRITE, 403),
        (Scope.SCHEDULES_WRITE, 202),
    ):
        with tenant.client(tenant.token(scope)) as http:
            assert http.post(f"{made.headers['location']}/run").status_code == status
