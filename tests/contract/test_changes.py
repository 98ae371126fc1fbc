"""PATCH changes what its body has; an empty one changes nothing, on every noun that has it."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.api.app import TABLES

ROLE = "arn:aws:iam::123456789012:role/audit"


def _connection(tenant: Any) -> str:
    body = {"provider": "aws", "name": "main", "role_arn": ROLE}
    return str(tenant.http.post("/v1/connections", json=body).json()["id"])


def _finding(tenant: Any) -> str:
    ident = str(tenant.add_findings(1)[0])
    body = {"triage": {"state": "accepted_risk", "note": "kept"}}
    tenant.http.patch(f"/v1/findings/{ident}", json=body)
    return ident


def _policy(tenant: Any) -> str:
    body = {
        "key": "k",
        "title": "t",
        "dimension": "cost",
        "severity": "low",
        "params": {"days": 1},
        "resource_types": ["aws.s3.bucket"],
        "fail_when": "true",
        "remediation": "do it",
    }
    return str(tenant.http.post("/v1/policies", json=body).json()["id"])


def _builtin(tenant: Any) -> str:
    tenant.services.policies.synchronize(tenant=tenant.id)
    tenant.http.patch("/v1/policies/aws-sqs-queue-public", json={"enabled": False})
    return "aws-sqs-queue-public"


def _schedule(tenant: Any) -> str:
    audit = {"connection_ids": [_connection(tenant)]}
    body = {"name": "n", "cron": "0 2 * * *", "audit": audit}
    return str(tenant.http.post("/v1/schedules", json=body).json()["id"])


def _view(tenant: Any) -> str:
    body = {"name": "n", "of": "findings", "query": {"severity": "high"}, "columns": ["where"]}
    return str(tenant.http.post("/v1/views", json=body).json()["id"])


def _app(tenant: Any) -> str:
    body = {"name": "a", "redirect_uris": ["https://a.example/cb"], "scopes": ["findings:read"]}
    return str(tenant.http.post("/v1/oauth/apps", json=body).json()["id"])


def _client(tenant: Any) -> str:
    account = tenant.http.post("/v1/service_accounts", json={"name": "n", "role": "viewer"}).json()
    body = {"name": "c", "user_id": account["id"], "scopes": ["findings:read"]}
    return str(tenant.http.post("/v1/oauth/clients", json=body).json()["id"])


MAKERS = [
    ("/v1/findings", _finding),
    ("/v1/connections", _connection),
    ("/v1/policies", _policy),
    ("/v1/policies", _builtin),
    ("/v1/schedules", _schedule),
    ("/v1/views", _view),
    ("/v1/oauth/apps", _app),
    ("/v1/oauth/clients", _client),
    ("/v1/users", lambda tenant: tenant.user_id),
]


def test_every_noun_that_changes_is_tried_here() -> None:
    paths = {op.path for table in TABLES for op in table.operations if op.method == "PATCH"}
    assert paths == {f"{path}/{{id}}" for path, _make in MAKERS}


@pytest.mark.parametrize(("path", "make"), MAKERS)
def test_an_empty_change_changes_nothing(tenant: Any, path: str, make: Any) -> None:
    one = f"{path}/{make(tenant)}"
    before = tenant.http.get(one)
    assert before.status_code == 200, before.text
    tag = {"If-Match": before.headers["etag"]}
    changed = tenant.http.patch(one, json={}, headers=tag)
    assert (changed.status_code, changed.json()) == (200, before.json())
    after = tenant.http.get(one)
    assert (after.content, after.headers["etag"]) == (before.content, before.headers["etag"])
    assert tenant.http.patch(f"{path}/nothing", json={}).status_code == 404
    assert tenant.http.patch(one, json={}, headers={"If-Match": '"x"'}).status_code == 412
