from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

JSON = {"content-type": "application/json"}


def test_an_unknown_severity_is_refused_literally(tenant: Any) -> None:
    answer = tenant.http.get("/v1/findings?severity=urgent")
    assert answer.status_code == 422
    assert answer.reason_phrase == "Unprocessable Entity"
    error = answer.json()["error"]
    assert list(error) == ["code", "message", "request_id"]
    assert error["code"] == "invalid_severity_filter"
    assert error["message"] == "severity must be one of: info, low, medium, high, critical"
    assert re.fullmatch(r"req_[0-9A-HJKMNP-TV-Z]{26}", error["request_id"])
    assert error["request_id"] == answer.headers["x-request-id"]


def test_every_filter_of_every_list_has_its_own_code(tenant: Any) -> None:
    document = httpx.get(f"{tenant.url}/openapi.json", trust_env=False).json()
    for path in (p for p in document["paths"] if "{" not in p):
        for parameter in document["paths"][path].get("get", {}).get("parameters", ()):
            name = parameter["name"]
            if parameter["in"] != "query" or name in ("limit", "cursor", "sort"):
                continue
            answer = tenant.http.get(path, params={name: "\x00"})
            assert answer.status_code == 422, (path, name)
            assert answer.json()["error"]["code"] == f"invalid_{name}_filter"
            assert answer.json()["error"]["message"].startswith(f"{name} must be ")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"", "invalid_json"),
        (b'{"a": NaN}', "invalid_json"),
        (b'{"a": 1e999}', "invalid_json"),
        (b'{"a": 9223372036854775808}', "invalid_json"),
        (b'{"a": -9223372036854775809}', "invalid_json"),
        (rb'{"a": "\ud800"}', "invalid_json"),
        (rb'{"a": "\u0000"}', "invalid_json"),
        (b'{"a": "\xff"}', "invalid_json"),
        (b'\xef\xbb\xbf{"a": 1}', "invalid_json"),
        (b'{"a": 1} {}', "invalid_json"),
        (b'{"a": 1, "a": 2}', "duplicate_json_key"),
        (b'{"a": [{"b": 1, "b": 2}]}', "duplicate_json_key"),
        (b"[" * 33 + b"]" * 33, "json_too_deep"),
        (b"[" * 100000, "json_too_deep"),
    ],
)
def test_json_that_is_not_strict_is_400(tenant: Any, body: bytes, code: str) -> None:
    answer = tenant.http.post("/v1/policies", content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code


def test_32_levels_and_64_bits_are_fine(tenant: Any) -> None:
    deep = b'{"params": {"a": ' + b"[" * 30 + b"-9223372036854775808" + b"]" * 30 + b"}}"
    answer = tenant.http.post("/v1/policies", content=deep, headers=JSON)
    assert answer.json()["error"]["code"] == "missing_field"


def test_a_body_is_counted_while_it_streams(tenant: Any) -> None:
    def pieces() -> Any:
        for _ in range(2000):
            yield b" " * 1000

    answer = tenant.http.post("/v1/policies", content=pieces(), headers=JSON)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "payload_too_large"


def test_unknown_and_repeated_parameters_are_refused(tenant: Any) -> None:
    unknown = tenant.http.get("/v1/findings?sevrity=high")
    twice = tenant.http.get("/v1/findings?limit=1&limit=2")
    field = tenant.http.post("/v1/policies", json={"titel": "x"})
    assert unknown.json()["error"]["code"] == "unknown_parameter"
    assert twice.json()["error"]["code"] == "repeated_parameter"
    assert field.json()["error"]["code"] == "unknown_field"
    assert {unknown.status_code, twice.status_code, field.status_code} == {422}


def test_refusals_come_in_the_contracts_order(tenant: Any) -> None:
    ident = tenant.add_findings(1)[0]
    patch = "/v1/findings/{}".format
    wrong_accept = {"Accept": "text/html", "content-type": "text/plain"}
    http = tenant.http
    assert http.patch(patch("fnd_x"), content=b"{", headers=wrong_accept).status_code == 404
    assert http.patch(patch(ident), content=b"{", headers=wrong_accept).status_code == 406
    plain = {"content-type": "text/plain"}
    assert http.patch(patch(ident), content=b"x" * 2**21, headers=plain).status_code == 415
    assert http.patch(patch(ident), content=b"x" * 2**21, headers=JSON).status_code == 413
    bad_both = http.patch(patch(ident) + "?x=1", content=b"{", headers=JSON)
    assert bad_both.status_code == 400
    assert http.patch(patch("fnd_x"), json={"nope": 1}).status_code == 404
    assert http.put("/v1/nope").status_code == 404


def test_the_catalogue_names_every_code_with_its_status(tenant: Any) -> None:
    entries = tenant.every("/v1/errors")
    codes = {item["code"]: item["status"] for item in entries}
    assert [(item["status"], item["code"]) for item in entries] == sorted(
        (status, code) for code, status in codes.items()
    )
    expected = {
        "invalid_request": 400,
        "invalid_json": 400,
        "duplicate_json_key": 400,
        "json_too_deep": 400,
        "two_credentials": 400,
        "missing_credentials": 401,
        "invalid_token": 401,
        "token_expired": 401,
        "insufficient_scope": 403,
        "insufficient_role": 403,
        "ip_not_allowed": 403,
        "not_found": 404,
        "finding_not_found": 404,
        "resource_not_found": 404,
        "audit_not_found": 404,
        "policy_not_found": 404,
        "report_not_found": 404,
        "connection_not_found": 404,
        "token_not_found": 404,
        "user_not_found": 404,
        "tenant_not_found": 404,
        "method_not_allowed": 405,
        "not_acceptable": 406,
        "request_timeout": 408,
        "report_not_ready": 409,
        "audit_not_finished": 409,
        "audit_not_resumable": 409,
        "audit_ended": 409,
        "count_mismatch": 409,
        "name_already_exists": 409,
        "idempotency_in_progress": 409,
        "builtin_policy_immutable": 409,
        "quota_exceeded": 409,
        "report_expired": 410,
        "etag_mismatch": 412,
        "payload_too_large": 413,
        "uri_too_long": 414,
        "unsupported_media_type": 415,
        "invalid_severity_filter": 422,
        "invalid_dimension_filter": 422,
        "invalid_limit": 422,
        "invalid_cursor": 422,
        "invalid_sort": 422,
        "unknown_parameter": 422,
        "repeated_parameter": 422,
        "unknown_field": 422,
        "missing_field": 422,
        "invalid_field": 422,
        "invalid_policy_expression": 422,
        "invalid_scope": 422,
        "ambient_credentials_not_allowed": 422,
        "idempotency_key_reused": 422,
        "rate_limited": 429,
        "headers_too_large": 431,
        "internal_error": 500,
        "cloud_provider_error": 502,
        "service_unavailable": 503,
    }
    assert expected.items() <= codes.items()
    assert all(item["when"] for item in entries)
    operators = (
        "unencrypted_host",
        "cloud_access",
        "invalid_setting",
        "key_file_error",
        "schema_version",
        "emulator",
    )
    assert not codes.keys() & set(operators)


def _documented(document: Any, operation: Any, answer: httpx.Response) -> set[str]:
    """Return the codes that an operation's document says of an answer's status."""
    response = operation.get("responses", {}).get(str(answer.status_code), {})
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return set(response.get("content", {}).get("application/json", {}).get("examples", {}))


def test_no_response_carries_a_code_outside_the_catalogue_or_the_operations_document(
    tenant: Any,
) -> None:
    known = {item["code"] for item in tenant.every("/v1/errors")}
    document = httpx.get(f"{tenant.url}/openapi.json", trust_env=False).json()
    seen = set()
    for path, operations in document["paths"].items():
        for method in (*operations, "put"):
            for ident in ("x", "fnd_%00", "%2e%2e"):
                for body in (b"{}", b'{"a":1}', b"[]", b"{"):
                    url = path.replace("{id}", ident)
                    answer = tenant.http.request(method, url, content=body, headers=JSON)
                    if answer.status_code >= 400:
                        code = answer.json()["error"]["code"]
                        seen.add(code)
                        told = _documented(document, operations.get(method, {}), answer)
                        assert method == "put" or code in told, (method, url, body, code)
                    assert answer.status_code < 500, (method, url, answer.text)
    assert len(seen) > 10
    assert seen <= known
