"""/v1/users and /v1/events: people come and go, and the log tells."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.auth.model import Scope
from cloudsealed.kit.ids import new_id
from cloudsealed.vocabulary import Role


def invite(tenant: Any, role: str = "viewer", **fields: Any) -> Any:
    body = {"email": f"{new_id('x')}@example.com", "role": role, **fields}
    return tenant.http.post("/v1/users", json=body)


def test_a_user_is_invited_changed_and_removed(tenant: Any) -> None:
    answer = invite(tenant, name="Bo")
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{tenant.url}/v1/users/{made['id']}"
    assert made["status"] == "invited"
    link = made.pop("invitation_url")
    assert link.startswith(f"{tenant.services.settings.address}/invitation?token=csin_")
    assert tenant.http.get(f"/v1/users/{made['id']}").json() == made
    changed = tenant.http.patch(f"/v1/users/{made['id']}", json={"role": "editor", "name": "B"})
    assert changed.json() == {**made, "role": "editor", "name": "B"}
    again = tenant.http.post(f"/v1/users/{made['id']}/invite")
    assert again.status_code == 200
    assert again.json()["invitation_url"] != link
    assert tenant.http.delete(f"/v1/users/{made['id']}").status_code == 204
    assert tenant.http.get(f"/v1/users/{made['id']}").json()["error"]["code"] == "user_not_found"


def test_users_are_listed_by_role_and_address(tenant: Any) -> None:
    made = [invite(tenant, role).json() for role in ("viewer", "auditor", "viewer")]
    viewers = tenant.http.get("/v1/users?role=viewer").json()["data"]
    assert [user["id"] for user in viewers] == [made[2]["id"], made[0]["id"]]
    address = made[1]["email"]
    found = tenant.http.get("/v1/users", params={"email": address.upper()}).json()["data"]
    assert [user["id"] for user in found] == [made[1]["id"]]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"role": "viewer"}, "missing_field", "email"),
        ({"email": "a@example.com"}, "missing_field", "role"),
        ({"email": "a@example.com", "role": "owner"}, "invalid_field", "role"),
        ({"email": "nobody", "role": "viewer"}, "invalid_field", "email"),
        ({"email": "a@example.com", "role": "viewer", "x": 1}, "unknown_field", "x"),
    ],
)
def test_a_bad_invitation_names_the_field(tenant: Any, body: Any, code: str, field: str) -> None:
    error = tenant.http.post("/v1/users", json=body).json()["error"]
    assert (error["code"], error["details"][0]["field"]) == (code, field)


def test_an_address_is_taken_once(tenant: Any) -> None:
    body = {"email": f"{new_id('x')}@example.com", "role": "viewer"}
    assert tenant.http.post("/v1/users", json=body).status_code == 201
    refused = tenant.http.post("/v1/users", json={**body, "email": body["email"].upper()})
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "name_already_exists"


def test_a_token_for_users_alone_makes_no_user_more_powerful_than_itself(tenant: Any) -> None:
    with tenant.client(tenant.token(Scope.USERS_WRITE)) as weak:
        body = {"email": f"{new_id('x')}@example.com", "role": "admin"}
        refused = weak.post("/v1/users", json=body)
        assert refused.status_code == 422
        assert refused.json()["error"]["code"] == "invalid_scope"
        assert weak.post(f"/v1/users/{tenant.user_id}/invite").status_code == 422


def test_a_replayed_invitation_hides_its_link(tenant: Any) -> None:
    body, key = {"email": f"{new_id('x')}@example.com", "role": "viewer"}, {"Idempotency-Key": "a"}
    first = tenant.http.post("/v1/users", json=body, headers=key).json()
    second = tenant.http.post("/v1/users", json=body, headers=key)
    assert second.headers["idempotency-replayed"] == "true"
    assert second.json() == {**first, "invitation_url": None}


def test_the_log_tells_who_did_what_to_whose_access(tenant: Any) -> None:
    me = tenant.http.get("/v1/me").json()
    user = invite(tenant).json()
    token = tenant.http.post("/v1/tokens", json={"name": "ci", "scopes": ["findings:read"]}).json()
    tenant.http.post(f"/v1/tokens/{token['id']}/rotate")
    tenant.http.delete(f"/v1/tokens/{token['id']}")
    listed = tenant.http.get("/v1/events?category=security&limit=4").json()["data"]
    assert [(event["type"], event["subject"]) for event in listed] == [
        ("security.token_revoked", token["id"]),
        ("security.token_rotated", token["id"]),
        ("security.token_created", token["id"]),
        ("security.user_invited", user["id"]),
    ]
    actor = {"user_id": me["user"]["id"], "credential_id": me["token_id"], "ip": "127.0.0.1"}
    assert all(event["data"]["actor"] == actor for event in listed)
    one = tenant.http.get(f"/v1/events?type=security.user_invited&subject={user['id']}").json()
    assert [event["id"] for event in one["data"]] == [listed[3]["id"]]


def test_a_leaked_token_is_in_the_log_with_where_it_was_reported_from(tenant: Any) -> None:
    token = tenant.http.post("/v1/tokens", json={"name": "x", "scopes": ["findings:read"]}).json()
    tenant.http.post("/tokens/report-leak", json={"token": token["token"]})
    (event,) = tenant.http.get("/v1/events?type=security.token_leaked").json()["data"]
    assert event["subject"] == token["id"]
    assert event["data"]["actor"] == {"user_id": None, "credential_id": None, "ip": "127.0.0.1"}


def test_events_of_an_audit_and_by_time_are_found(tenant: Any) -> None:
    invite(tenant)
    assert tenant.http.get("/v1/events?category=audit").json()["data"] == []
    future = "2999-01-01T00:00:00Z"
    assert tenant.http.get(f"/v1/events?created_after={future}").json()["data"] == []
    assert tenant.http.get(f"/v1/events?created_before={future}").json()["data"]


@pytest.mark.parametrize("role", list(Role))
def test_who_may_see_users_and_the_log(tenant: Any, role: Role) -> None:
    with tenant.client(tenant.token(role=role)) as http:
        expected = 403 if role is Role.VIEWER else 200
        for path in ("/v1/users", "/v1/events"):
            assert http.get(path).status_code == expected, path
