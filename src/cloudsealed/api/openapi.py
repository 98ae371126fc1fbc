"""The OpenAPI 3.1 document, derived from the operations; nothing in it is written twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from cloudsealed.api import body as bodies
from cloudsealed.api.endpoint import LONGEST_TAGS
from cloudsealed.api.errors import catalogue
from cloudsealed.api.examples import illustrate
from cloudsealed.api.listing import CURSOR, DEFAULT_LIMIT, LARGEST_LIMIT, LIMIT
from cloudsealed.api.operation import Operation, Table
from cloudsealed.api.query import MOST_VALUES, Parameter
from cloudsealed.api.v1.schemas.base import Error
from cloudsealed.auth.model import Scope
from cloudsealed.storage.keyset import Filter

DESCRIPTION = """\
Audits cloud environments for security, cost, architecture and compliance, and serves what it found.

Every request under `/v1` needs `Authorization: Bearer TOKEN`. Lists answer
`{"data": [], "next_cursor": null, "has_more": false}`; errors answer
`{"error": {"code", "message", "request_id"}}`, with the codes of `GET /v1/errors`.
"""

_CONTACT = {"name": "CloudSealed"}
_TEXT = {"type": "string", "maxLength": 8192, "pattern": "^[ -~]*$"}
_ID = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9._-]+$"}
_HEADERS = {
    "X-Request-Id": ("Id of the request, `req_` and a ULID", "req_01HZ8K3V5W6X7Y8Z9A0B1C2D3E"),
    "X-RateLimit-Limit": ("Requests that the budget's window takes", 1000),
    "X-RateLimit-Remaining": ("Requests left in the window", 987),
    "X-RateLimit-Reset": ("When the window ends, in epoch seconds", 1769851800),
    "X-RateLimit-Used": ("Requests used in the window", 13),
    "X-RateLimit-Resource": ("Name of the budget: core, anonymous, reports, audits", "core"),
    # In lower case, as they are sent: the OWASP rule set takes either family's name, never both.
    "ratelimit-policy": ("The budget, as the IETF draft has it", '"core";q=1000;w=60'),
    "ratelimit": ("What is left of it, as the IETF draft has it", '"core";r=987;t=23'),
}
_CORS = "Access-Control-Allow-Origin"
_ALWAYS = (400, 401, 403, 406, 414, 422, 429, 431, 500, 503)
_WITH_BODY = (408, 413, 415)
_JSON = bodies.JSON_TYPE
_LONGEST_LIST = 10_000  # of a list that is not paged


def document(app: FastAPI, tables: Sequence[Table], *, version: str, public_url: str) -> Any:
    """Return the document of an application whose routes were made from `tables`."""
    found = get_openapi(
        title="CloudSealed", version=version, openapi_version="3.1.0", description=DESCRIPTION,
        routes=app.routes, servers=[_server(public_url)],
        tags=[{"name": table.tag, "description": table.description} for table in tables],
        contact=_CONTACT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )  # fmt: skip
    operations = [operation for table in tables for operation in table.operations]
    found["components"] = {
        "schemas": _schemas(operations),
        "headers": _header_components(),
        "responses": {str(status): _error_response(status) for status in _statuses(operations)},
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "opaque",
                "description": "A personal access token: `cspat_` and 38 letters and digits.",
            },
            "oauth": {
                "type": "oauth2",
                "description": "An access token that a user granted to an app, opaque."
                " No JWT is read or issued, so RFC8725 has nothing to hold.",
                "flows": {"authorizationCode": _flow(public_url)},
            },
        },
    }
    bounded(found)
    illustrate(found, found["components"]["schemas"])
    return found


def _flow(public_url: str) -> dict[str, Any]:
    base = urlsplit(public_url)._replace(scheme="https", path="", query="").geturl()
    return {
        "authorizationUrl": f"{base}/oauth/authorize",
        "tokenUrl": f"{base}/oauth/token",
        "refreshUrl": f"{base}/oauth/token",
        "scopes": {scope.value: _scope_text(scope) for scope in Scope},
    }


def _scope_text(scope: Scope) -> str:
    noun, _, power = scope.partition(":")
    return f"{power.title()} {noun}" if power else "Everything of the tenant"


def _header_components() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (text, example) in _HEADERS.items():
        schema: dict[str, Any] = dict(_TEXT)
        if isinstance(example, int):
            schema = {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**53 - 1}
        found[name] = {
            "description": text, "required": True, "schema": schema, "example": example,
        }  # fmt: skip
    text = "The asking origin, when the server's settings list it"
    found[_CORS] = {"description": text, "schema": dict(_TEXT)}
    return found


def described(operation: Operation) -> dict[str, Any]:
    """Return what the document says of one operation besides its names."""
    scope = operation.scope
    needs = f"Needs the scope `{scope}`." if scope else "Needs any valid credential."
    description = "\n\n".join(part for part in (operation.texts[1], needs) if part)
    found: dict[str, Any] = {
        "description": description,
        "security": [{"bearer": []}, {"oauth": [scope.value] if scope else []}],
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
    host = {"default": urlsplit(public_url).netloc, "description": "Where CloudSealed is served"}
    return {
        "url": "https://{host}",
        "description": "Your installation, in production",
        "x-internal": False,
        "variables": {"host": host},
    }


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    answers = {op.answer for op in operations if op.answer is not None}
    requests = {op.body for op in operations if op.body is not None}
    ordered = sorted(answers | requests | {Error}, key=lambda model: model.__name__)
    wanted: list[tuple[type[BaseModel], Literal["validation"]]] = [
        (model, "validation") for model in ordered
    ]
    _, found = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found = [_query(item) for item in operation.parameters.values()]
    if "{id}" in operation.path:
        found.insert(0, _plain("path", "id", "Id of the object", dict(_ID), required=True))
    text = {"type": "string", "maxLength": LONGEST_TAGS, "pattern": r"^[\s\S]*$"}
    if operation.once:
        key = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        found.append(_plain("header", "Idempotency-Key", "Makes a retry safe for 24 hours", key))
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
        bounds = {"minimum": 1, "maximum": LARGEST_LIMIT, "format": "int32"}
        bounds["default"] = DEFAULT_LIMIT
        return _plain("query", item.name, item.description, {"type": "integer", **bounds})
    schema = _value_schema(item)
    if isinstance(item, Filter):
        multiple, default = item.is_multiple, None
    else:
        multiple, default = item.multiple, item.default
    if multiple:
        many = {"type": "array", "items": schema, "minItems": 1, "maxItems": MOST_VALUES}
        found = _plain("query", item.name, item.description, many)
        found |= {"style": "form", "explode": False}
        default_value: Any = default.split(",") if default else None
    else:
        found = _plain("query", item.name, item.description, schema)
        default_value = default
    if default_value is not None:
        found["schema"]["default"] = default_value
    return found


_ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"


def _value_schema(item: Filter | Parameter) -> dict[str, Any]:
    """Return the form of one value, as `query` reads it."""
    if item.choices:
        return {"type": "string", "enum": [str(choice) for choice in item.choices]}
    kind = item.kind if isinstance(item, Filter) else "text"
    if kind == "time":
        return {"type": "string", "format": "date-time", "maxLength": 40}
    if kind in ("id", "audit"):
        assert isinstance(item, Filter)
        pattern = f"^{item.prefix}_{_ULID}$"
        return {"type": "string", "maxLength": 30, "pattern": pattern}
    if kind == "policy":
        pattern = f"^(pol_{_ULID}|[a-z0-9]+(-[a-z0-9]+)*)$"
        return {"type": "string", "maxLength": 100, "pattern": pattern}
    printable = r"^[^\u0000-\u001f\u007f-\u009f]+$"
    return {"type": "string", "minLength": 1, "maxLength": 2048, "pattern": printable}


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
    text = {"schema": dict(_TEXT)}
    if operation.tagged:
        found["headers"]["ETag"] = {"description": "Tag of this state of the object", **text}
    if operation.status in (201, 202):
        found["headers"]["Location"] = {"description": "Path of the new object", **text}
    if operation.listed is not None:
        found["headers"]["Link"] = {"description": 'The next page, rel="next"', **text}
    if operation.answer is not None:
        found["content"] = {_JSON: {"schema": _answer(operation)}}
    elif operation.status != 204:
        binary = {"schema": {"type": "string", "format": "binary", "maxLength": 2**31 - 1}}
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
            "data": {"type": "array", "items": item, "maxItems": _LONGEST_LIST},
            "next_cursor": {**_TEXT, "type": ["string", "null"], "description": CURSOR.description},
            "has_more": {"type": "boolean"},
        },
    }


def _headers() -> dict[str, Any]:
    names = (*_HEADERS, _CORS)
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _statuses(operations: Iterable[Operation]) -> list[int]:
    return sorted({status for operation in operations for status in _refusals(operation)})


def _error_response(status: int) -> dict[str, Any]:
    codes = [entry["code"] for entry in catalogue().values() if entry["status"] == status]
    example = {"code": codes[0], "message": "…", "request_id": "req_01HZ8K3V5W6X7Y8Z9A0B1C2D3E"}
    headers = _headers()
    text = {"schema": dict(_TEXT)}
    if status == 401:
        headers["WWW-Authenticate"] = {"description": "As RFC 6750 says", **text}
    if status in (429, 503):
        seconds = {"type": "integer", "format": "int32", "minimum": 1, "maximum": 3600}
        headers["Retry-After"] = {"description": "Seconds until asking again", "schema": seconds}
    return {
        "description": "Codes: " + ", ".join(f"`{code}`" for code in codes),
        "headers": headers,
        "content": {_JSON: {"schema": _reference(Error), "example": {"error": example}}},
    }


def bounded(node: Any) -> None:
    """Bound every schema of a document that its author left open (OWASP API4:2023)."""
    if isinstance(node, list):
        for item in node:
            bounded(item)
    if not isinstance(node, dict):
        return
    kinds = node.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds) if isinstance(kinds, list) else ()
    if "string" in kinds and not node.keys() & {"enum", "const"}:
        node.setdefault("maxLength", 2048)
        if not node.keys() & {"format", "pattern"}:
            node["pattern"] = r"^[^\u0000]*$"  # JSON with NUL is refused
    if "integer" in kinds:
        for name, value in (("format", "int64"), ("minimum", 0), ("maximum", 2**53 - 1)):
            node.setdefault(name, value)
    if "array" in kinds:
        node.setdefault("maxItems", _LONGEST_LIST)
    for value in node.values():
        bounded(value)
