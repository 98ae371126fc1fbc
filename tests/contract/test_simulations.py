"""POST /v1/policies/simulate and GET /v1/simulations/{id}, over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from cloudsealed import working
from cloudsealed.engine import Expression, Rule, compile_rule
from cloudsealed.kit.clock import utc_now
from cloudsealed.policies.rules import compile_classification

CHECK = {
    "key": "buckets-have-owners",
    "title": "Buckets have owners",
    "dimension": "compliance",
    "severity": "medium",
    "resource_types": ["aws.s3.bucket"],
    "fail_when": "tag(resource, 'owner') == null",
}
CLASSIFICATION = {
    "kind": "classification",
    "key": "prod",
    "title": "Production",
    "when": "true",
    "set": {"severity": "critical"},
    "reason": "it matters",
}


def _work(tenant: Any, kind: str) -> None:
    """Run every job of a kind that waits, also those of other tenants."""
    worker = working.worker(tenant.services)
    while worker.run_once(kind):
        pass


def test_a_simulation_is_work_with_a_place_and_a_budget(tenant: Any, completed: Any) -> None:
    audit = completed(tenant)
    made = tenant.http.post("/v1/policies/simulate", json={"policy": CHECK, "audit_ids": [audit]})
    assert made.status_code == 202, made.text
    assert made.headers["location"] == f"{tenant.url}/v1/simulations/{made.json()['id']}"
    assert made.headers["x-ratelimit-resource"] == "simulations"
    assert made.json()["status"] == "queued"
    _work(tenant, "simulation")
    done = tenant.http.get(made.headers["location"])
    assert done.json()["status"] == "completed"
    assert [result["audit_id"] for result in done.json()["results"]] == [audit]
    assert done.headers["etag"]
    assert tenant.http.get("/v1/policies?source=custom").json()["data"] == []


def test_a_simulation_runs_from_its_begin_and_not_from_its_first_result(
    tenant: Any, completed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"policy": CHECK, "audit_ids": [completed(tenant)]}
    place = tenant.http.post("/v1/policies/simulate", json=asked).headers["location"]
    seen = []

    def now(_tenant: str) -> datetime:  # what is in force is asked for before anything is judged
        seen.append(tenant.http.get(place).json())
        return utc_now()

    with monkeypatch.context() as patch:
        patch.setattr(tenant.services.policies, "_now", now)
        _work(tenant, "simulation")
    assert {(found["status"], len(found["results"])) for found in seen} == {("running", 0)}
    assert tenant.http.get(place).json()["status"] == "completed"


def test_a_classification_needs_no_audit_and_a_check_does(tenant: Any) -> None:
    tenant.add_findings(2)
    made = tenant.http.post("/v1/policies/simulate", json={"policy": CLASSIFICATION})
    assert made.status_code == 202, made.text
    refused = tenant.http.post("/v1/policies/simulate", json={"policy": CHECK})
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "missing_field"
    assert "audit_ids" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "missing_field"),
        ({"policy": "no-such-policy", "audit_ids": ["AUDIT"]}, 404, "policy_not_found"),
        ({"policy": {**CHECK, "fail_when": "resource."}}, 422, "invalid_policy_expression"),
        ({"policy": {**CHECK, "fail_when": "resource.Oops"}}, 422, "invalid_policy_expression"),
        ({"policy": {**CHECK, "nope": 1}}, 422, "unknown_field"),
        ({"policy": 7}, 422, "invalid_field"),
        ({"policy": CHECK, "audit_ids": []}, 422, "invalid_field"),
        ({"policy": CHECK, "audit_ids": ["AUDIT", "AUDIT"]}, 422, "invalid_field"),
        ({"policy": CHECK, "audit_ids": [f"aud_{i}" for i in range(11)]}, 422, "invalid_field"),
        ({"policy": CHECK, "audit_ids": ["aud_none"]}, 422, "invalid_field"),
        ({"policy": CHECK, "audit_ids": ["AUDIT"], "dry_run": True}, 422, "unknown_field"),
    ],
)
def test_what_cannot_be_simulated_is_refused_and_spends_nothing(
    tenant: Any, completed: Any, body: Any, status: int, code: str
) -> None:
    audit = completed(tenant)
    if "audit_ids" in body:
        body = {**body, "audit_ids": [audit if i == "AUDIT" else i for i in body["audit_ids"]]}
    answer = tenant.http.post("/v1/policies/simulate", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    spent = tenant.http.get("/v1/rate_limit").json()["resources"]["simulations"]
    assert spent["used"] == 0


def test_an_audit_that_is_not_finished_cannot_be_judged(tenant: Any, completed: Any) -> None:
    queued = tenant.http.post(f"/v1/audits/{completed(tenant)}/reanalyze").json()["id"]
    answer = tenant.http.post(
        "/v1/policies/simulate", json={"policy": CHECK, "audit_ids": [queued]}
    )
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "audit_not_finished"


def test_a_built_in_policy_is_simulated_by_its_key_alone(tenant: Any, completed: Any) -> None:
    tenant.services.policies.synchronize(tenant=tenant.id)
    key, audits = "aws-s3-bucket-versioning-off", [completed(tenant)]
    body = {"policy": {**CHECK, "key": key}, "audit_ids": audits}
    refused = tenant.http.post("/v1/policies/simulate", json=body)
    assert refused.json()["error"]["code"] == "builtin_policy_immutable"
    taken = tenant.http.post("/v1/policies/simulate", json={"policy": key, "audit_ids": audits})
    assert taken.status_code == 202, taken.text
    assert taken.json()["policy"]["key"] == key


@pytest.mark.inside
def test_a_classification_tells_when_it_was_applied(tenant: Any) -> None:
    made = tenant.http.post("/v1/policies", json=CLASSIFICATION).json()
    assert made["applied_at"] is None
    _work(tenant, "classification")
    applied = tenant.http.get(f"/v1/policies/{made['id']}").json()["applied_at"]
    assert applied >= made["created_at"]
    renamed = tenant.http.patch(f"/v1/policies/{made['id']}", json={"enabled": True}).json()
    assert renamed["applied_at"] == applied
    changed = tenant.http.patch(f"/v1/policies/{made['id']}", json={"when": "false"}).json()
    assert changed["applied_at"] is None


def test_the_process_of_the_api_only_compiles(
    tenant: Any, completed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def evaluated(*_: Any, **__: Any) -> None:
        raise AssertionError("a customer's expression was evaluated")

    monkeypatch.setattr(Rule, "_judge", lambda _rule: evaluated)
    monkeypatch.setattr(Expression, "evaluate", evaluated)
    audit = completed(tenant)
    for body in (CHECK, CLASSIFICATION):
        assert tenant.http.post("/v1/policies/validate", json=body).json()["valid"]
        made = tenant.http.post("/v1/policies", json=body)
        assert made.status_code == 201
        asked = {"policy": body, "audit_ids": [audit]}
        assert tenant.http.post("/v1/policies/simulate", json=asked).status_code == 202
        changed = tenant.http.patch(f"/v1/policies/{made.json()['id']}", json={"title": "Other"})
        assert changed.status_code == 200
    with pytest.raises(AssertionError, match="was evaluated"):
        compile_classification(CLASSIFICATION).evaluate({}, utc_now())
    with pytest.raises(AssertionError, match="was evaluated"):
        compile_rule(fail_when="true").judge({}, {}, utc_now())
