"""What is declared to go away is said in the document and to who uses it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest

from cloudsealed.api import app as application
from cloudsealed.api.operation import Table
from cloudsealed.api.query import Parameter
from cloudsealed.api.v1 import tokens
from cloudsealed.auth.bodies import TOKEN
from cloudsealed.kit.deprecation import Deprecation
from cloudsealed.kit.shapes import Component, Part, Record, Text

OLD = Deprecation(date(2026, 1, 1), "use `new`", date(2027, 7, 1))


assert isinstance(TOKEN.shape, Record)
OLDER = Record({**TOKEN.shape.parts, "older": Part(Text(), deprecated=OLD)})
BODY = Component("Body", OLDER, "A token with a field that goes away.")


@pytest.fixture
def ask(services: Any, token: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Ask an application of which these parts are deprecated."""
    table = Table("Tokens", "Tokens.")
    for operation in tokens.TABLE.operations:
        if operation.name == "get_token":
            operation = replace(operation, deprecated=OLD)
        if operation.name == "list_tokens":
            more = {"old": Parameter("old", "An old one", deprecated=OLD)}
            operation = replace(operation, parameters={**operation.parameters, **more}, listed=None)
        if operation.name == "create_token":
            operation = replace(operation, body=BODY)
        table.operations.append(operation)
    monkeypatch.setattr(application, "TABLES", (table,))
    app = application.create_app(services)

    def ask(method: str, path: str, **sent: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            headers = {"Authorization": f"Bearer {token}"}
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
                return await http.request(method, path, headers=headers, **sent)

        return asyncio.run(asked())

    return ask


def _is_said(answer: httpx.Response) -> bool:
    if "deprecation" not in answer.headers:
        return False
    assert answer.headers["deprecation"] == "@1767225600"
    assert answer.headers["sunset"] == "Thu, 01 Jul 2027 00:00:00 GMT"
    assert 'rel="deprecation"' in answer.headers["link"]
    return True


def test_an_operation_that_is_deprecated_says_so_also_when_it_refuses(ask: Any) -> None:
    refused = ask("GET", "/v1/tokens/tok_x")
    assert (refused.status_code, _is_said(refused)) == (404, True)
    assert not _is_said(ask("POST", "/v1/tokens", json={}))


def test_a_field_of_a_request_says_so_where_it_is_used(ask: Any) -> None:
    body = {"name": "x", "scopes": ["findings:read"]}
    assert not _is_said(ask("POST", "/v1/tokens", json=body))
    assert _is_said(ask("POST", "/v1/tokens", json={**body, "older": None}))


def test_a_parameter_says_so_where_it_is_used(ask: Any) -> None:
    assert not _is_said(ask("GET", "/v1/tokens?limit=x"))
    assert _is_said(ask("GET", "/v1/tokens?old=x"))


def test_the_document_marks_each_and_says_until_when(ask: Any) -> None:
    document = ask("GET", "/openapi.json").json()
    one = document["paths"]["/v1/tokens/{id}"]["get"]
    [old] = [
        item
        for item in document["paths"]["/v1/tokens"]["get"]["parameters"]
        if item["name"] == "old"
    ]
    field = document["components"]["schemas"]["Body"]["properties"]["older"]
    for node in (one, old, field):
        assert (node["deprecated"], node["x-sunset"]) == (True, "2027-07-01")
        assert "use `new`" in node["description"]
    assert "Deprecation" in one["responses"]["200"]["headers"]
    assert "deprecated" not in document["paths"]["/v1/tokens"]["post"]
