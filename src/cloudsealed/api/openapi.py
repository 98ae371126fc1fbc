"""The OpenAPI 3.1 document, derived from the operations; nothing in it is written twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from cloudsealed.api import body as bodies
from cloudsealed.api.errors import catalogue
from cloudsealed.api.listing import CURSOR, DEFAULT_LIMIT, LARGEST_LIMIT, LIMIT
from cloudsealed.api.operation import Operation, Table
from cloudsealed.api.query import Parameter
from cloudsealed.api.v1.schemas.base import Error
from cloudsealed.storage.keyset import Filter

DESCRIPTION = """\
Audits cloud environments for security, cost, architecture and compliance, and serves what it found.

Every request under `/v1` needs `Authorization: Bearer TOKEN`. Lists answer
`{"data": [], "next_cursor": null, "has_more": false}`; errors answer
`{"error": {"code", "message", "request_id"}}`, with the codes of `GET /v1/errors`.
"""

_HEADERS = {
    "X-Request-Id": ("Id of the request, `req_` and a ULID", "string"),
    "X-RateLimit-Limit": ("Requests that the budget's window takes", "integer"),
    "X-RateLimit-Remaining": ("Requests left in the window", "integer"),
    "X-RateLimit-Reset": ("When the window ends, in epoch seconds", "integer"),
    "X-RateLimit-Used": ("Requests used in the window", "integer"),
    "X-RateLimit-Resource": ("Name of the budget: core, anonymous, reports, audits", "string"),
    "RateLimit-Policy": ("The budget, as the IETF draft has it", "string"),
    "RateLimit": ("What is left of it, as the IETF draft has it", "string"),
}
_ALWAYS = (400, 401, 403, 406, 414, 422, 429, 431, 500, 503)
_WITH_BODY = (408, 413, 415)
_JSON = bodies.JSON_TYPE


def document(app: FastAPI, tables: Sequence[Table], *, version: str, public_url: str) -> Any:
    """Return the document of an application whose routes were made from `tables`."""
    found = get_openapi(
        title="CloudSealed", version=version, openapi_version="3.1.0", description=DESCRIPTION,
        routes=app.routes, servers=[_server(public_url)],
        tags=[{"name": table.tag, "description": table.description} for table in tables],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )  # fmt: skip
    operations = [operation for table in tables for operation in table.operations]
    found["components"] = {
        "schemas": _schemas(operations),
        "headers": {
            name: {"description": text, "required": True, "schema": {"type": kind}}
            for name, (text, kind) in _HEADERS.items()
        },
        "responses": {str(status): _error_response(status) for status in _statuses(operations)},
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "A personal access token: `cspat_` and 38 letters and digits.",
            }
        },
    }
    return found


def described(operation: Operation) -> dict[str, Any]:
    """Return what the document says of one operation besides its names."""
    scope = operation.scope
    needs = f"Needs the scope `{scope}`." if scope else "Needs any valid credential."
    description = "\n\n".join(part for part in (operation.texts[1], needs) if part)
    found: dict[str, Any] = {
        "description": description,
        "security": [{"bearer": [scope.value] if scope else []}],
        "parameters": _parameters(operation),
        "responses": _responses(operation),
    }
    if operation.body is not None:
        found["requestBody"] = {
            "required": not operation.body_optional,
            "content": {
                kind: {"schema": _reference(operation.body)}
                for kind in (_JSON, bodies.MERGE_PATCH)[: 2 if operation.method == "PATCH" else 1]
            },
        }
    return found


def _server(public_url: str) -> dict[str, Any]:
    parts = urlsplit(public_url)
    host = {"default": parts.netloc, "description": "Where CloudSealed is served"}
    return {"url": f"{parts.scheme}://{{host}}", "variables": {"host": host}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    answers = {op.answer for op in operations if op.answer is not None}
    requests = {op.body for op in operations if op.body is not None}
    ordered = sorted(answers | requests | {Error}, key=lambda model: model.__name__)
    wanted = [(model, "validation") for model in ordered]
    _, found = models_json_schema(wanted, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found = [_query(item) for item in operation.parameters.values()]
    if "{id}" in operation.path:
        found.insert(0, _plain("path", "id", "Id of the object", {"type": "string"}, required=True))
    text = {"type": "string"}
    if operation.once:
        found.append(_plain("header", "Idempotency-Key", "Makes a retry safe for 24 hours", text))
    if operation.tagged and operation.method == "GET":
        found.append(_plain("header", "If-None-Match", "ETag of the copy at hand", text))
    if operation.method in ("PATCH", "DELETE") and operation.getter is not None:
        found.append(_plain("header", "If-Match", "ETag that the object must still have", text))
    return found


def _plain(
    place: str, name: str, text: str, schema: dict[str, Any], *, required: bool = False
) -> dict[str, Any]:
    return {"in": place, "name": name, "description": text, "required": required, "schema": schema}


def _query(item: Filter | Parameter) -> dict[str, Any]:
    if item is LIMIT:
        bounds = {"minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT}
        return _plain("query", item.name, item.description, {"type": "integer", **bounds})
    schema: dict[str, Any] = {"type": "string"}
    if item.choices:
        schema["enum"] = [str(choice) for choice in item.choices]
    if isinstance(item, Filter):
        multiple, default = item.is_multiple, None
        if item.kind == "time":
            schema["format"] = "date-time"
    else:
        multiple, default = item.multiple, item.default
    if multiple:
        found = _plain("query", item.name, item.description, {"type": "array", "items": schema})
        found |= {"style": "form", "explode": False}
        default_value: Any = default.split(",") if default else None
    else:
        found = _plain("query", item.name, item.description, schema)
        default_value = default
    if default_value is not None:
        found["schema"]["default"] = default_value
    return found


def _responses(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {str(operation.status): _success(operation)}
    if operation.tagged and operation.method == "GET":
        found["304"] = {"description": "The copy at hand is current", "headers": _headers()}
    for status in _refusals(operation):
        found[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return found


def _refusals(operation: Operation) -> list[int]:
    statuses = {*_ALWAYS, *(error.status for error in operation.errors)}
    if operation.body is not None:
        statuses |= set(_WITH_BODY)
    if "{id}" in operation.path:
        statuses.add(404)
    if operation.once:
        statuses.add(409)
    if operation.method in ("PATCH", "DELETE") and operation.getter is not None:
        statuses.add(412)
    return sorted(statuses)


def _success(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    found["headers"] = _headers()
    text = {"schema": {"type": "string"}}
    if operation.tagged:
        found["headers"]["ETag"] = {"description": "Tag of this state of the object", **text}
    if operation.status in (201, 202):
        found["headers"]["Location"] = {"description": "Path of the new object", **text}
    if operation.listed is not None:
        found["headers"]["Link"] = {"description": 'The next page, rel="next"', **text}
    if operation.answer is not None:
        found["content"] = {_JSON: {"schema": _answer(operation)}}
    elif operation.status != 204:
        binary = {"schema": {"type": "string", "format": "binary"}}
        found["content"] = dict.fromkeys(operation.produces, binary)
    return found


def _answer(operation: Operation) -> dict[str, Any]:
    assert operation.answer is not None
    item = _reference(operation.answer)
    many = operation.listed is not None or operation.name.startswith("list_")
    if not many:
        return item
    return {
        "type": "object",
        "required": ["data", "next_cursor", "has_more"],
        "additionalProperties": False,
        "properties": {
            "data": {"type": "array", "items": item},
            "next_cursor": {"type": ["string", "null"], "description": CURSOR.description},
            "has_more": {"type": "boolean"},
        },
    }


def _headers() -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}


def _statuses(operations: Iterable[Operation]) -> list[int]:
    return sorted({status for operation in operations for status in _refusals(operation)})


def _error_response(status: int) -> dict[str, Any]:
    codes = [entry["code"] for entry in catalogue().values() if entry["status"] == status]
    example = {"code": codes[0], "message": "…", "request_id": "req_01HZ8K3V5W6X7Y8Z9A0B1C2D3E"}
    headers = _headers()
    text = {"schema": {"type": "string"}}
    if status == 401:
        headers["WWW-Authenticate"] = {"description": "As RFC 6750 says", **text}
    if status == 429:
        headers["Retry-After"] = {"description": "Seconds until the window ends", **text}
    return {
        "description": "Codes: " + ", ".join(f"`{code}`" for code in codes),
        "headers": headers,
        "content": {_JSON: {"schema": _reference(Error), "example": {"error": example}}},
    }
