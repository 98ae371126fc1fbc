from __future__ import annotations

import logging

import httpx
import pytest
from tests.contract.guard import HEADERS, Guard

from cloudsealed.auth import credential


def _response(path: str, method: str = "GET", status: int = 200, body: object = None) -> Guard:
    """Return a guard that has judged one response."""
    headers = dict.fromkeys(HEADERS, "1") | {"x-request-id": "req_1"}
    request = httpx.Request(method, f"http://127.0.0.1{path}")
    found = Guard()
    found.judge(httpx.Response(status, headers=headers, json=body, request=request))
    return found


def test_a_good_response_is_no_fault() -> None:
    assert not _response("/v1/me", body={"id": "x"}).faults
    error = {"error": {"code": "not_found", "message": "x", "request_id": "req_1"}}
    assert not _response("/v1/nope", status=404, body=error).faults


@pytest.mark.parametrize(
    ("status", "code", "request_id"),
    [(404, "no_such_code", "req_1"), (400, "not_found", "req_1"), (404, "not_found", "req_2")],
)
def test_an_error_outside_the_catalogue_is_a_fault(status: int, code: str, request_id: str) -> None:
    error = {"error": {"code": code, "message": "x", "request_id": request_id}}
    assert _response("/v1/x", status=status, body=error).faults


def test_a_token_in_a_response_is_a_fault_unless_it_was_just_made() -> None:
    body = {"token": credential.mint()}
    assert not _response("/v1/tokens", "POST", 201, body).faults
    for path, method, status in (("/v1/tokens", "GET", 200), ("/v1/me", "POST", 200)):
        assert _response(path, method, status, body).faults


def test_a_missing_header_is_a_fault() -> None:
    found = Guard()
    request = httpx.Request("GET", "http://127.0.0.1/v1/me")
    found.judge(httpx.Response(200, headers={"x-request-id": "req_1"}, request=request))
    assert found.faults


def test_a_token_in_the_log_is_a_fault() -> None:
    found = Guard()
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%s", (credential.mint(),), None)
    found.handle(record)
    assert found.faults
    found.secrets.add("hunter2")
    assert found.leak("password hunter2") == "hunter2"
