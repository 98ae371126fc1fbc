from __future__ import annotations

from cloudsealed.api.app import TABLES
from cloudsealed.api.gate.limits import OF_TENANTS
from cloudsealed.auth.model import Scope

ANY_CREDENTIAL = {"/v1/me", "/v1/errors", "/v1/rate_limit"}
EVIDENCE = {
    "/v1/findings/{id}/evidence",
    "/v1/findings/{id}/explanation",
    "/v1/findings/{id}/proof",
    "/v1/audits/{id}/calls",
    "/v1/audits/{id}/bundle",
    "/v1/policies/explain",
}


def test_every_operation_needs_the_scope_of_its_noun() -> None:
    operations = [operation for table in TABLES for operation in table.operations]
    assert len(operations) > 30
    for operation in operations:
        path = operation.path
        noun = path.removeprefix("/v1/oauth").removeprefix("/v1").split("/")[1]
        noun = {
            "frameworks": "policies",
            "resource_types": "policies",
            "grants": "tokens",
            "simulations": "findings",
            "service_accounts": "users",
            "clients": "apps",
        }.get(noun, noun)
        if path == "/v1/resources/{id}/findings":
            noun = "findings"
        reads = operation.method == "GET" or path == "/v1/policies/validate"
        expected: Scope | None = (
            Scope(f"{noun}:{'read' if reads else 'write'}")
            if (path not in ANY_CREDENTIAL)
            else None
        )
        if path in EVIDENCE:
            expected = Scope.EVIDENCE_READ
        assert operation.scope is expected, (operation.method, path)


def test_what_starts_work_has_a_budget_and_what_makes_a_secret_hides_it() -> None:
    operations = [operation for table in TABLES for operation in table.operations]
    heavy = [op for op in operations if op.status == 202 or op.name.startswith("export_")]
    assert all(bool(op.heavy) == (op in heavy) for op in operations)
    secret = {op.name for op in operations if op.secrets}
    assert secret == {
        "create_token",
        "rotate_token",
        "create_oauth_app",
        "rotate_oauth_app_secret",
        "invite_user",
        "invite_user_again",
        "create_oauth_client",
        "rotate_oauth_client_secret",
    }


def test_what_costs_more_than_this_process_has_a_budget_of_the_tenant_and_its_own_threads() -> None:
    operations = [operation for table in TABLES for operation in table.operations]
    assert {op.name: op.costs.budget for op in operations if op.costs} == {
        "get_finding_explanation": "explanations",
        "create_policy": "explanations",
        "update_policy": "explanations",
        "validate_policy": "explanations",
        "explain_policy": "explanations",
        "test_connection": "connection_tests",
    }
    assert {name for op in operations for name in op.budgets} == set(OF_TENANTS)


def test_every_post_but_what_changes_nothing_takes_an_idempotency_key() -> None:
    without = {
        op.path for t in TABLES for op in t.operations if op.method == "POST" and not op.once
    }
    assert without == {"/v1/policies/validate", "/v1/policies/explain"}


def test_every_single_object_has_an_entity_tag() -> None:
    operations = [op for table in TABLES for op in table.operations]
    objects = [op for op in operations if op.method == "GET" and op.path.endswith("/{id}")]
    assert len(objects) > 10
    assert [op.path for op in objects if not (op.tagged and op.is_conditional)] == []
