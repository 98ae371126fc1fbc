"""/v1/views over HTTP: lists as people saved them, a tenant's and one's own."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from cloudsealed import working
from cloudsealed.auth.model import Scope
from cloudsealed.storage.migrate import engine_for
from cloudsealed.views import service
from cloudsealed.vocabulary import Role

QUERY = {"severity": ["critical", "high"], "status": "open", "sort": "-severity"}
URGENT = {"name": "Urgent", "of": "findings", "query": QUERY}


def _as(tenant: Any, role: Role, *scopes: Scope) -> httpx.Client:
    """Return a client of a new user with a role."""
    found: httpx.Client = tenant.client(tenant.token(*scopes, role=role))
    return found


def _made(http: httpx.Client, **changes: Any) -> str:
    answer = http.post("/v1/views", json=URGENT | changes)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def _code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


def _names(http: httpx.Client, query: str = "") -> list[str]:
    return [each["name"] for each in http.get(f"/v1/views{query}").json()["data"]]


def test_a_view_is_saved_read_changed_and_removed(tenant: Any) -> None:
    tenant.add_findings(5)
    made = tenant.http.post("/v1/views", json=URGENT)
    assert made.status_code == 201, made.text
    found = tenant.http.get(made.headers["location"])
    assert found.json() == made.json()
    view = found.json()
    assert (view["object"], view["of"], view["shared"]) == ("view", "findings", False)
    assert view["query"] == {
        "severity": ["critical", "high"],
        "status": ["open"],
        "sort": ["-severity"],
    }
    assert (view["owner_id"], view["error"]) == (tenant.user_id, None)
    shown = tenant.http.get(view["path"]).json()["data"]
    assert [each["severity"] for each in shown] == ["critical", "high"]
    tag = {"If-Match": found.headers["etag"]}
    again = {"query": {**view["query"], "account": "123456789012"}, "group_by": "policy"}
    changed = tenant.http.patch(made.headers["location"], json=again, headers=tag)
    assert changed.status_code == 200, changed.text
    assert changed.json()["query"] == view["query"] | {"account": ["123456789012"]}
    assert changed.json()["updated_at"] > view["updated_at"]
    assert tenant.http.delete(made.headers["location"], headers=tag).status_code == 412
    assert tenant.http.delete(made.headers["location"]).status_code == 204
    assert _code(tenant.http.get(made.headers["location"])) == "view_not_found"


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ({"severity": "urgent"}, "invalid_severity_filter", "critical"),
        ({"severty": "high"}, "unknown_parameter", "did you mean 'severity'?"),
        ({"s" * 100_000: "high"}, "unknown_parameter", "sss…"),
        ({"cursor": "eyJpZCI6Im"}, "unknown_parameter", "cursor"),
        ({"limit": "10"}, "unknown_parameter", "limit"),
        ({"fields": "id"}, "unknown_parameter", "fields"),
        ({"resource_type": "aws.s3.bukcet"}, "invalid_resource_type_filter", "aws.s3.bucket"),
        ({"policy": "no-such-policy"}, "invalid_policy_filter", "no-such-policy"),
        ({"sort": "name"}, "invalid_sort", "-severity"),
        ({"sort": ["-id", "-severity"]}, "repeated_parameter", "sort"),
        ({"account": "1", "sort": "-monthly"}, "invalid_sort", "sort"),
        ({"first_seen_after": ["2026-01-01T00:00:00Z"] * 2}, "repeated_parameter", "first_seen"),
        ({"tag": "=prod"}, "invalid_tag_filter", "KEY=VALUE"),
        ({"severity": []}, "invalid_field", "query.severity"),
        ({"severity": 5}, "invalid_field", "query.severity"),
        ("severity=high", "invalid_field", "query"),
        ({"search": [f"{n:02000}" for n in range(4)]}, "invalid_field", "6000 bytes"),
        ({"name": [f"{n}" for n in range(101)]}, "invalid_name_filter", "100 values"),
        (
            {f: [f"{f}{n}" for n in range(60)] for f in ("account", "region", "owner")},
            "invalid_field",
            "150 values",
        ),
    ],
)
def test_what_the_list_refuses_no_view_says(tenant: Any, query: Any, code: str, said: str) -> None:
    answer = tenant.http.post("/v1/views", json={**URGENT, "query": query})
    assert (answer.status_code, _code(answer)) == (422, code), answer.text
    error = answer.json()["error"]
    assert said in error["message"]
    assert len(answer.content) < 1_000
    assert [each["field"].partition(".")[0] for each in error["details"]] == ["query"]
    assert {each["code"] for each in error["details"]} == {code}
    kept = _made(tenant.http)
    assert _code(tenant.http.patch(kept, json={"query": query})) == code
    assert _names(tenant.http) == ["Urgent"]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"name": " \t"}, "invalid_field", "name"),
        ({"name": "\u200b\u202e"}, "invalid_field", "name"),
        ({"name": "x" * 101}, "invalid_field", "name"),
        ({"of": "audits"}, "invalid_field", "of"),
        ({"group_by": "state"}, "invalid_field", "group_by"),
        ({"group_by": "nonsense"}, "invalid_field", "group_by"),
        ({"columns": ["<b>"]}, "invalid_field", "columns[0]"),
        ({"columns": ["where", "where"]}, "invalid_field", "columns[1]"),
        ({"shared": None}, "invalid_field", "shared"),
        ({"owner_id": "usr_x"}, "unknown_field", "owner_id"),
    ],
)
def test_a_field_that_is_wrong_is_named(tenant: Any, change: Any, code: str, field: str) -> None:
    answer = tenant.http.post("/v1/views", json=URGENT | change)
    assert (answer.status_code, _code(answer)) == (422, code), answer.text
    assert answer.json()["error"]["details"][0]["field"] == field


def test_the_parameter_that_is_wrong_is_the_field_that_is_named(tenant: Any) -> None:
    asked = {
        "query.cursor": {"cursor": "x"},
        "query.severity": {"severity": "urgent"},
        "query.framework": {"framework": "cis-aws-0.1"},
        "query.sort": {"sort": "name"},
        "query": {"search": ["x" * 2_000, "y" * 2_000, "z" * 2_000]},
    }
    for field, query in asked.items():
        answer = tenant.http.post("/v1/views", json={**URGENT, "query": query})
        [detail] = answer.json()["error"]["details"]
        assert detail["field"] == field


def test_a_view_of_resources_says_what_their_list_takes(tenant: Any, add_resource: Any) -> None:
    ident = add_resource(tenant)
    query = {"type": "aws.ec2.security_group", "tag": "env=prod", "search": "WEB, 1"}
    refused = tenant.http.post("/v1/views", json={**URGENT, "of": "resources"})
    assert _code(refused) == "unknown_parameter"
    made = tenant.http.post(
        "/v1/views", json={"name": "n", "of": "resources", "query": query, "group_by": "state"}
    ).json()
    assert made["query"] == {name: [value] for name, value in query.items()}
    assert tenant.http.get(made["path"]).json()["data"] == []
    path = f"/v1/views/{made['id']}"
    changed = tenant.http.patch(path, json={"query": {"tag": "env=prod"}}).json()
    assert [each["id"] for each in tenant.http.get(changed["path"]).json()["data"]] == [ident]
    _made(tenant.http)
    assert _names(tenant.http, "?of=resources") == ["n"]
    assert _names(tenant.http, "?of=findings") == ["Urgent"]
    assert _names(tenant.http, "?name=RGEN") == ["Urgent"]


def test_ones_own_are_nobody_elses_to_see(tenant: Any) -> None:
    with _as(tenant, Role.VIEWER) as viewer, _as(tenant, Role.EDITOR) as editor:
        own = _made(viewer, name="of a viewer")
        shared = _made(editor, name="of all", shared=True)
        assert _names(viewer) == ["of all", "of a viewer"]
        assert _names(viewer, "?shared=false") == ["of a viewer"]
        assert _names(viewer, "?shared=true") == _names(editor) == _names(tenant.http) == ["of all"]
        for http in (editor, tenant.http):
            for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
                answer = http.request(method, own, json=body)
                assert (answer.status_code, _code(answer)) == (404, "view_not_found")
        assert viewer.get(shared).status_code == 200
        assert viewer.patch(own, json={"name": "mine"}).status_code == 200
        assert viewer.delete(own).status_code == 204


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR])
def test_who_only_reads_shares_nothing_and_changes_nothing_shared(tenant: Any, role: Role) -> None:
    shared = _made(tenant.http, shared=True)
    with _as(tenant, role) as reader:
        own = _made(reader, name="own")
        asked = [
            reader.post("/v1/views", json={**URGENT, "name": "x", "shared": True}),
            reader.patch(own, json={"shared": True}),
            reader.patch(shared, json={"name": "x"}),
            reader.delete(shared),
        ]
        assert [each.status_code for each in asked] == [403] * 4
        assert {_code(each) for each in asked} == {"insufficient_role"}
        assert reader.patch(shared, json={}).json() == tenant.http.get(shared).json()
        assert sorted(_names(reader)) == ["Urgent", "own"]


@pytest.mark.inside
def test_an_owner_who_only_reads_by_now_leaves_what_they_shared_to_editors(tenant: Any) -> None:
    with _as(tenant, Role.EDITOR) as owner:
        shared = _made(owner, shared=True)
        user = owner.get("/v1/me").json()["user"]["id"]
        assert tenant.http.patch(f"/v1/users/{user}", json={"role": "viewer"}).is_success
        assert owner.patch(shared, json={"shared": False}).status_code == 403
        assert owner.delete(shared).status_code == 403
    assert tenant.http.patch(shared, json={"name": "Ours"}).json()["owner_id"] == user
    assert tenant.http.delete(shared).status_code == 204


def test_only_its_owner_takes_a_shared_view_back(tenant: Any) -> None:
    with _as(tenant, Role.EDITOR) as owner:
        shared = _made(owner, shared=True)
        refused = tenant.http.patch(shared, json={"shared": False})
        assert (refused.status_code, _code(refused)) == (422, "invalid_field")
        assert owner.patch(shared, json={"shared": False}).json()["shared"] is False
        assert _code(tenant.http.get(shared)) == "view_not_found"


def test_a_name_is_taken_once_among_ones_own_and_once_among_the_shared(tenant: Any) -> None:
    own = _made(tenant.http)
    _made(tenant.http, of="resources", query={})
    shared = _made(tenant.http, shared=True)
    with _as(tenant, Role.VIEWER) as other:
        _made(other)
    other_own = _made(tenant.http, name="Other")
    asked = [
        tenant.http.post("/v1/views", json=URGENT),
        tenant.http.post("/v1/views", json={**URGENT, "name": " Urgent "}),
        tenant.http.post("/v1/views", json=URGENT | {"shared": True}),
        tenant.http.patch(other_own, json={"name": "Urgent"}),
        tenant.http.patch(own, json={"shared": True}),
        tenant.http.patch(shared, json={"shared": False}),
    ]
    assert {(each.status_code, _code(each)) for each in asked} == {(409, "name_already_exists")}


def test_what_is_shared_outlives_its_owner_and_their_own_does_not(tenant: Any) -> None:
    with _as(tenant, Role.EDITOR) as owner:
        own, shared = _made(owner, name="own"), _made(owner, shared=True)
        user = owner.get("/v1/me").json()["user"]["id"]
    assert tenant.http.delete(f"/v1/users/{user}").status_code == 204
    assert tenant.http.get(shared).json()["owner_id"] == user
    with engine_for(tenant.services.settings).connect() as connection:
        left = connection.execute(
            text("SELECT id FROM views WHERE owner_id = :user"), {"user": user}
        ).scalars()
        assert list(left) == [shared.rpartition("/")[2]]
    assert tenant.http.get(own).status_code == 404
    assert tenant.http.patch(shared, json={"name": "Ours"}).status_code == 200


def test_a_query_that_its_list_refuses_by_now_is_listed_and_says_so(tenant: Any) -> None:
    path = _made(tenant.http)
    _rewrite(tenant, path, {"squad": ["a"], "status": ["open"]})
    [listed] = tenant.http.get("/v1/views").json()["data"]
    assert listed["error"]["code"] == "unknown_parameter"
    assert "squad" in listed["error"]["message"]
    assert listed["path"] == "/v1/findings?squad=a&status=open"
    assert _code(tenant.http.get(listed["path"])) == listed["error"]["code"]
    renamed = tenant.http.patch(path, json={"name": "Old", "shared": True}).json()
    assert (renamed["name"], renamed["error"]) == ("Old", listed["error"])
    assert _code(tenant.http.patch(path, json={"query": listed["query"]})) == "unknown_parameter"
    mended = tenant.http.patch(path, json={"query": {"status": "open"}}).json()
    assert (mended["query"], mended["error"]) == ({"status": ["open"]}, None)


@pytest.mark.parametrize(
    ("of", "name", "value"),
    [
        ("findings", "framework", "cis-aws-0.1"),
        ("findings", "policy_not", "a-policy-of-then"),
        ("findings", "resource_type", "aws.s3.gone"),
        ("resources", "service", "gone"),
    ],
)
def test_a_value_that_nothing_has_by_now_is_told_as_the_list_tells_it(
    tenant: Any, of: str, name: str, value: str
) -> None:
    path = _made(tenant.http, of=of, query={})
    assert tenant.http.get(path).json()["error"] is None
    _rewrite(tenant, path, {name: [value]})
    [listed] = tenant.http.get("/v1/views").json()["data"]
    refused = tenant.http.get(listed["path"]).json()["error"]
    assert listed["error"] == {"code": refused["code"], "message": refused["message"]}
    assert listed["error"]["code"] == f"invalid_{name}_filter"
    assert tenant.http.get(path).json() == listed


def test_a_view_of_an_audit_says_when_its_evidence_has_ended(
    strict_tenant: Any, completed: Any
) -> None:
    tenant, services = strict_tenant, strict_tenant.services
    audit = completed(tenant)
    path = _made(tenant.http, of="resources", query={})
    assert _made(tenant.http, name="then", of="resources", query={"audit": audit})
    with engine_for(services.settings).begin() as connection:
        connection.execute(
            text("UPDATE audits SET finished_at = created_at WHERE id = :id"), {"id": audit}
        )
    forgetful = dataclasses.replace(services.settings, retention_days=1)
    working.expire_evidence(dataclasses.replace(services, settings=forgetful))
    _rewrite(tenant, path, {"audit": [audit], "state": ["present"]})
    view = tenant.http.get(path).json()
    answer = tenant.http.get(view["path"])
    assert (answer.status_code, view["error"]["code"]) == (410, _code(answer))
    refused = tenant.http.patch(path, json={"query": view["query"]})
    assert (refused.status_code, _code(refused)) == (410, view["error"]["code"])


def _rewrite(tenant: Any, path: str, query: dict[str, list[str]]) -> None:
    """Let a view ask what a list took once."""
    with engine_for(tenant.services.settings).begin() as connection:
        connection.execute(
            text("UPDATE views SET query = :query WHERE id = :ident"),
            {"query": json.dumps(query), "ident": path.rpartition("/")[2]},
        )


def test_a_view_needs_the_scope_of_what_it_is_of(tenant: Any) -> None:
    with _as(tenant, Role.ADMIN, Scope.VIEWS_WRITE, Scope.RESOURCES_READ) as http:
        refused = http.post("/v1/views", json=URGENT)
        assert (refused.status_code, _code(refused)) == (403, "insufficient_scope")
        assert "findings:read" in refused.json()["error"]["message"]
        assert http.post("/v1/views", json={**URGENT, "of": "resources", "query": {}}).is_success
    with _as(tenant, Role.VIEWER, Scope.FINDINGS_READ) as http:
        assert http.post("/v1/views", json=URGENT).status_code == 403


def test_a_service_account_has_views_of_its_own(tenant: Any) -> None:
    account = tenant.http.post("/v1/service_accounts", json={"name": "ci", "role": "editor"}).json()
    scopes = ["findings:read", "views:write"]
    body = {"name": "ci", "user_id": account["id"], "scopes": scopes}
    with tenant.client(tenant.http.post("/v1/tokens", json=body).json()["token"]) as ci:
        own = _made(ci)
        assert ci.get(own).json()["owner_id"] == account["id"]
        _made(ci, shared=True)
    assert tenant.http.get(own).status_code == 404
    assert _names(tenant.http) == ["Urgent"]


@pytest.mark.inside
def test_there_are_as_many_as_may_be(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_OWN", 2)
    monkeypatch.setattr(service, "MOST_SHARED", 1)
    own = [_made(tenant.http, name=name) for name in ("a", "b")]
    assert _code(tenant.http.post("/v1/views", json=URGENT)) == "quota_exceeded"
    shared = _made(tenant.http, shared=True)
    assert _code(tenant.http.patch(own[0], json={"shared": True})) == "quota_exceeded"
    assert _code(tenant.http.patch(shared, json={"shared": False})) == "quota_exceeded"
    assert tenant.http.patch(own[0], json={"name": "c"}).status_code == 200
    with _as(tenant, Role.VIEWER) as other:
        _made(other)


def test_a_repeated_request_saves_one_view(tenant: Any) -> None:
    key = {"Idempotency-Key": "once"}
    first, second = (tenant.http.post("/v1/views", json=URGENT, headers=key) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert len(_names(tenant.http)) == 1


def test_who_saved_and_shared_what_is_told(tenant: Any) -> None:
    path = _made(tenant.http)
    tenant.http.patch(path, json={"shared": True})
    tenant.http.patch(path, json={"shared": True})
    tenant.http.delete(path)
    told = tenant.http.get("/v1/events?category=view").json()["data"]
    assert [each["type"] for each in told] == ["view.deleted", "view.changed", "view.created"]
    assert [told[1][when]["shared"] for when in ("before", "after")] == [False, True]
    assert told[0]["after"] is None


def test_a_cursor_of_ones_own_views_shows_another_nothing(tenant: Any) -> None:
    for number in range(3):
        _made(tenant.http, name=f"n{number}")
    page = tenant.http.get("/v1/views?limit=1").json()
    assert page["has_more"]
    with _as(tenant, Role.ADMIN) as other:
        assert other.get(f"/v1/views?limit=1&cursor={page['next_cursor']}").json()["data"] == []
    names = {"n0", "n1", "n2"}
    assert {each["name"] for each in tenant.every("/v1/views")} == names
