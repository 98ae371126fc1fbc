from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from openapi_spec_validator import validate

from cloudsealed.api.listen import Listen, UnencryptedHostError

LISTS = ("findings", "resources", "audits", "policies", "reports")


def test_json_over_https__another_host_needs_tls_or_a_proxy(tenant: Any) -> None:
    answer = tenant.http.get("/v1/findings")
    assert answer.headers["content-type"] == "application/json"
    Listen("127.0.0.1").check()
    Listen("0.0.0.0", behind_proxy=True).check()
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.com"):
        with pytest.raises(UnencryptedHostError):
            Listen(host).check()


@pytest.mark.parametrize("noun", LISTS)
def test_the_five_nouns_are_lists(tenant: Any, noun: str) -> None:
    answer = tenant.http.get(f"/v1/{noun}")
    assert answer.status_code == 200
    assert answer.json() == {"data": [], "next_cursor": None, "has_more": False}


def test_resource_oriented__every_object_says_its_id_and_what_it_is(tenant: Any) -> None:
    tenant.add_findings(1)
    for noun in ("findings", "policies", "tokens"):
        item = tenant.http.get(f"/v1/{noun}").json()["data"][0]
        same = tenant.http.get(f"/v1/{noun}/{item['id']}").json()
        assert same["id"] == item["id"]
        assert noun.startswith(item["object"][:-1])


def test_predictable_status_codes__what_is_made_has_a_location_and_is_there(tenant: Any) -> None:
    made = tenant.http.post("/v1/tokens", json={"name": "ci", "scopes": ["findings:read"]})
    assert made.status_code == 201
    assert made.json().keys() >= {"id", "object", "created_at"}
    assert tenant.http.get(made.headers["location"]).json()["id"] == made.json()["id"]
    assert tenant.http.delete(made.headers["location"]).status_code == 204
    assert tenant.http.get(made.headers["location"]).status_code == 404


def test_an_openapi_3_1_document_is_served_and_valid(tenant: Any) -> None:
    document = httpx.get(f"{tenant.url}/openapi.json", trust_env=False).json()
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert [server["url"] for server in document["servers"]] == [tenant.url]
    assert {f"/v1/{noun}" for noun in LISTS} <= document["paths"].keys()


def test_every_documented_operation_says_scope_statuses_and_budget_headers(tenant: Any) -> None:
    document = httpx.get(f"{tenant.url}/openapi.json", trust_env=False).json()
    operations = [op for path in document["paths"].values() for op in path.values()]
    assert len({op["operationId"] for op in operations}) == len(operations) > 30
    for operation in operations:
        assert operation["summary"], operation["operationId"]
        assert [set(way) for way in operation["security"]] == [{"bearer"}, {"oauth"}]
        assert {"401", "403", "422", "429", "500"} <= operation["responses"].keys()
        for response in operation["responses"].values():
            if "$ref" in response:
                name = response["$ref"].rpartition("/")[2]
                response = document["components"]["responses"][name]
            assert "X-RateLimit-Remaining" in response["headers"], operation["operationId"]


def test_every_body_of_the_document_has_an_example(tenant: Any) -> None:
    document = httpx.get(f"{tenant.url}/openapi.json", trust_env=False).json()
    for methods in document["paths"].values():
        for operation in methods.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                for kind, media in body.get("content", {}).items():
                    if "json" in kind and "schema" in media:
                        binary = media["schema"].get("format") == "binary"
                        assert binary or media.keys() & {"example", "examples"}, operation
            assert operation["tags"]
            assert operation["description"]


def test_the_documentation_works_without_internet(tenant: Any) -> None:
    page = httpx.get(f"{tenant.url}/docs", trust_env=False)
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "http://" not in page.text
    assert "https://" not in page.text
    links = re.findall(r'(?:src|href)="((?!data:)[^"]+)"', page.text)
    assert len(links) > 3
    for link in links:
        assert not link.startswith("/"), "a public URL may have a path"
        answer = httpx.get(urljoin(f"{tenant.url}/docs", link), trust_env=False)
        assert answer.status_code == 200, link
        assert len(answer.content) > 10


def test_head_answers_as_get_without_a_body(tenant: Any) -> None:
    got, head = tenant.http.get("/v1/me"), tenant.http.head("/v1/me")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == got.headers["content-length"]


def test_options_and_405_carry_allow(tenant: Any) -> None:
    options = tenant.http.options("/v1/policies")
    refused = tenant.http.put("/v1/policies", json={})
    assert options.status_code == 204
    assert refused.status_code == 405
    assert options.headers["allow"] == refused.headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_an_object_that_did_not_change_is_not_sent_again(tenant: Any) -> None:
    path = f"/v1/findings/{tenant.add_findings(1)[0]}"
    tag = tenant.http.get(path).headers["etag"]
    again = tenant.http.get(path, headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.content == b""
    triage = {"triage": {"state": "acknowledged"}}
    assert tenant.http.patch(path, json=triage, headers={"If-Match": '"x"'}).status_code == 412
    changed = tenant.http.patch(path, json=triage, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] == tenant.http.get(path).headers["etag"] != tag


def test_a_post_with_a_key_runs_once_and_its_secret_is_shown_once(tenant: Any) -> None:
    body, headers = {"name": "ci", "scopes": ["findings:read"]}, {"Idempotency-Key": "k-1"}
    first = tenant.http.post("/v1/tokens", json=body, headers=headers)
    again = tenant.http.post("/v1/tokens", json=body, headers=headers)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.status_code == first.status_code == 201
    assert again.headers["location"] == first.headers["location"]
    assert again.json() == {**first.json(), "token": None}
    other = tenant.http.post("/v1/tokens", json={**body, "name": "x"}, headers=headers)
    assert other.status_code == 422
    assert other.json()["error"]["code"] == "idempotency_key_reused"


def test_a_kept_409_is_answered_with_the_id_of_the_new_request(tenant: Any) -> None:
    body = {"provider": "aws", "name": "one", "role_arn": "arn:aws:iam::123456789012:role/a"}
    assert tenant.http.post("/v1/connections", json=body).status_code == 201
    headers = {"Idempotency-Key": "k"}
    first = tenant.http.post("/v1/connections", json=body, headers=headers)
    again = tenant.http.post("/v1/connections", json=body, headers=headers)
    assert first.json()["error"]["code"] == again.json()["error"]["code"] == "name_already_exists"
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["error"]["request_id"] == again.headers["x-request-id"]


def test_a_kept_answer_with_a_key_named_error_is_answered_as_it_was(
    tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    body = {"provider": "aws", "name": "one", "role_arn": "arn:aws:iam::123456789012:role/a"}
    path = f"{tenant.http.post('/v1/connections', json=body).headers['location']}/test"
    first = tenant.http.post(path, headers={"Idempotency-Key": "k"})
    again = tenant.http.post(path, headers={"Idempotency-Key": "k"})
    assert again.headers["idempotency-replayed"] == "true"
    assert first.json()["error"]["code"]
    assert again.json() == first.json()


def test_a_key_of_a_refused_request_can_be_used_again(tenant: Any) -> None:
    headers = {"Idempotency-Key": "k"}
    refused = tenant.http.post("/v1/tokens", json={"name": "x"}, headers=headers)
    body = {"name": "x", "scopes": ["findings:read"]}
    assert refused.status_code == 422
    assert tenant.http.post("/v1/tokens", json=body, headers=headers).status_code == 201
