"""Work that cannot be done is refused where it is asked for, or else says why, by its code."""

from __future__ import annotations

from typing import Any

from tests.contract.conftest import MakeTenant, Tenant

from cloudsealed import working

CODE = "ambient_credentials_not_allowed"


def test_what_would_open_an_ambient_connection_is_refused_before_it_is_accepted(
    strict_tenant: Tenant, make_tenant: MakeTenant
) -> None:
    http, services = strict_tenant.http, strict_tenant.services
    ambient = {"provider": "aws", "name": "here"}
    connection = http.post("/v1/connections", json=ambient).json()["id"]
    asked = {"connection_ids": [connection]}
    nightly: dict[str, Any] = {"name": "nightly", "cron": "0 3 * * *", "audit": asked}
    schedule = http.post("/v1/schedules", json=nightly).headers["location"]
    accepted = http.post("/v1/audits", json=asked).headers["location"]

    make_tenant(services, strict_tenant.url)
    budget = http.get("/v1/rate_limit").json()["resources"]["audits"]["used"]
    for answer, field in (
        (http.post("/v1/connections", json={**ambient, "name": "there"}), None),
        (http.post(f"/v1/connections/{connection}/test"), None),
        (http.post("/v1/audits", json=asked), "connection_ids[0]"),
        (http.post("/v1/schedules", json={**nightly, "name": "x"}), "audit.connection_ids[0]"),
        (http.patch(schedule, json={"audit": asked}), "audit.connection_ids[0]"),
        (http.post(f"{schedule}/run"), "audit.connection_ids[0]"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, CODE)
        details = answer.json()["error"].get("details", [])
        assert [each["field"] for each in details] == ([field] if field else [])
    assert http.get("/v1/rate_limit").json()["resources"]["audits"]["used"] == budget

    worker = working.worker(services)
    while worker.run_once("audit"):
        pass
    failed = http.get(accepted).json()
    assert (failed["status"], failed["error"]["code"]) == ("failed", CODE)
    assert "role_arn" in failed["error"]["message"]


def test_work_whose_connection_was_removed_before_it_ran_says_so(strict_tenant: Tenant) -> None:
    http = strict_tenant.http
    role = {"provider": "aws", "name": "x", "role_arn": "arn:aws:iam::123456789012:role/a"}
    connection = http.post("/v1/connections", json=role).json()["id"]
    accepted = http.post("/v1/audits", json={"connection_ids": [connection]}).headers["location"]
    assert http.delete(f"/v1/connections/{connection}").status_code == 204
    worker = working.worker(strict_tenant.services)
    while worker.run_once("audit"):
        pass
    failed = http.get(accepted).json()
    assert failed["error"] == {
        "code": "connection_not_found",
        "message": f"No such connection: {connection}",
    }
