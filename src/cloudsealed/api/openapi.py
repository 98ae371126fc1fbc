"""The OpenAPI 3.1 document, derived from the operations; nothing in it is written twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cloudsealed.api.components import (
    DATA,
    Namer,
    Schemas,
    are_names,
    components,
    pascal,
    reached,
    reference,
    referred,
)
from cloudsealed.api.described import CORS, HEADERS, TEXT, page_name
from cloudsealed.api.examples import example_of, illustrate
from cloudsealed.api.listing import CURSOR, LARGEST_LIMIT
from cloudsealed.api.operation import Operation, Table
from cloudsealed.api.outside import listed
from cloudsealed.api.phrases import phrase
from cloudsealed.api.v1.schemas.base import ErrorEnvelope
from cloudsealed.auth.model import Scope

DESCRIPTION = """\
Audits cloud environments for security, cost, architecture and compliance, and serves what it found.

Every request under `/v1` needs `Authorization: Bearer TOKEN`. Lists answer
`{"data": [], "next_cursor": null, "has_more": false}`; errors answer
`{"error": {"code", "message", "request_id"}}`, with the codes of `GET /v1/errors`.

Answers grow: take fields that you do not know, and other words where a schema has
`x-extensible-enum`. Requests are closed: a field or parameter that is not here is refused.

Served beside `/v1`, and why it is not described here:

"""

_CONTACT = {"name": "CloudSealed"}
_LONGEST_LIST = 10_000  # of a list within an object


def document(app: FastAPI, tables: Sequence[Table], *, version: str, public_url: str) -> Any:
    """Return the document of an application whose routes were made from `tables`."""
    found = get_openapi(
        title="CloudSealed",
        version=version,
        openapi_version="3.1.0",
        description=f"{DESCRIPTION}{listed()}\n",
        routes=app.routes,
        servers=[_server(public_url)],
        tags=[{"name": table.tag, "description": table.description} for table in tables],
        contact=_CONTACT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    operations = [operation for table in tables for operation in table.operations]
    schemas = _schemas(operations)
    _name_parameters(found["paths"], schemas)
    used = reached(schemas, referred(found["paths"]))
    schemas = {name: schemas[name] for name in sorted(used)}
    found["components"] = {
        "schemas": schemas,
        "headers": _header_components(),
        "responses": _shared_responses(found["paths"]),
        "securitySchemes": _security(public_url),
    }
    bounded(found)
    illustrate(found, schemas)
    return found


def _server(public_url: str) -> dict[str, Any]:
    return {
        "url": public_url.rstrip("/"),
        "description": "This installation, in production",
        "x-internal": False,
    }


def _security(public_url: str) -> dict[str, Any]:
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A personal access token: `cspat_` and 38 letters and digits.",
        },
        "oauth": {
            "type": "oauth2",
            "description": "An access token that a user granted to an app, or that a service"
            " account's client got, opaque. No JWT is issued; those by which clients prove"
            " themselves are held to RFC8725.",
            "flows": {
                "authorizationCode": _flow(public_url.rstrip("/")),
                "clientCredentials": _machine_flow(public_url.rstrip("/")),
            },
        },
    }


def _flow(base: str) -> dict[str, Any]:
    return {
        "authorizationUrl": f"{base}/oauth/authorize",
        "tokenUrl": f"{base}/oauth/token",
        "refreshUrl": f"{base}/oauth/token",
        "scopes": {scope.value: _scope_text(scope) for scope in Scope},
    }


def _machine_flow(base: str) -> dict[str, Any]:
    """Return the flow of what no user grants: a token is renewed by asking for it again."""
    found = _flow(base)
    del found["authorizationUrl"]
    return found


def _scope_text(scope: Scope) -> str:
    noun, _, power = scope.partition(":")
    return f"{power.title()} {noun}" if power else "Everything of the tenant"


def _header_components() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (text, example) in HEADERS.items():
        schema: dict[str, Any] = dict(TEXT)
        if isinstance(example, int):
            schema = {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**53 - 1}
        found[name] = {"description": text, "required": True, "schema": schema, "example": example}
    text = "The asking origin, when the server's settings list it"
    found[CORS] = {"description": text, "schema": dict(TEXT)}
    return found


def _schemas(operations: Sequence[Operation]) -> Schemas:
    files = [shape for op in operations for shape in op.files.values()]
    answers = {op.answer for op in operations if op.answer is not None}
    answers |= {shape for shape in files if not isinstance(shape, dict)} | {ErrorEnvelope}
    requests = [op.body for op in operations if op.body is not None]
    found = components(answers, requests)
    for operation in operations:
        if (name := page_name(operation)) is not None:
            assert operation.answer is not None
            found[name] = _page(operation.answer.__name__, found)
    return found


def _page(item: str, schemas: Schemas) -> dict[str, Any]:
    shown = [example_of(reference(item), schemas)]
    return {
        "type": "object",
        "description": "A page of a list.",
        "required": ["data", "next_cursor", "has_more"],
        "properties": {
            "data": {
                "type": "array",
                "items": reference(item),
                "maxItems": LARGEST_LIMIT,
                "description": "The page's objects; fewer than `limit` while there are more is no"
                " error.",
                "examples": [shown],
            },
            "next_cursor": {
                **TEXT,
                "type": ["string", "null"],
                "description": "`cursor` of the next page; null on the last.",
                "examples": [CURSOR.example],
            },
            "has_more": {
                "type": "boolean",
                "description": "Whether there is another page.",
                "examples": [True],
            },
        },
    }


def _name_parameters(paths: dict[str, Any], schemas: Schemas) -> None:
    """Let parameters share the components of what they mean, and give each an example."""
    namer, shown = Namer(schemas), dict(_shown(schemas))
    for operation in _operations(paths):
        for parameter in operation["parameters"]:
            name = parameter["name"]
            noun = pascal(operation["operationId"].removeprefix("list_"))
            parameter["schema"] = namer.parameter(parameter["schema"], noun + pascal(name))
            if "example" not in parameter and (found := _example(parameter, schemas, shown)):
                parameter["example"] = found


def _operations(paths: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in paths.values():
        yield from methods.values()


def _shown(schemas: Schemas) -> Iterator[tuple[str, Any]]:
    """Yield the fields of all components, each with its example if that is a text."""
    for schema in schemas.values():
        for name, part in schema.get("properties", {}).items():
            example = part["examples"][0] if part.get("examples") else None
            if isinstance(example, str):
                yield name, example


def _example(parameter: dict[str, Any], schemas: Schemas, shown: dict[str, str]) -> Any:
    schema = parameter["schema"]
    item = schema.get("items", schema)
    if parameter["in"] == "path":
        return "01J8ZQ4X7M2N5P8R1T4V6W9YAC"
    if item.get("format") == "date-time":
        return shown["created_at"]
    target = schemas.get(item.get("$ref", "").rpartition("/")[2], {})
    name = parameter["name"]
    found = schema.get("default") or example_of(target, schemas)
    found = found or shown.get(name) or shown.get(f"{name}_id")
    return [found] if "items" in schema and not isinstance(found, list) and found else found


def _shared_responses(paths: dict[str, Any]) -> dict[str, Any]:
    """Make a component of each response that all operations with its status have in common."""
    found: dict[str, list[Any]] = {}
    for operation in _operations(paths):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                found.setdefault(status, []).append(response)
    shared = {
        status: responses[0]
        for status, responses in found.items()
        if all(response == responses[0] for response in responses)
    }
    named = {status: phrase(int(status)).replace(" ", "") for status in shared}
    for operation in _operations(paths):
        for status in shared.keys() & operation["responses"].keys():
            operation["responses"][status] = {"$ref": f"#/components/responses/{named[status]}"}
    return {named[status]: response for status, response in shared.items()}


def bounded(node: Any, *, names: bool = False) -> None:
    """Bound every schema of a document that its author left open (OWASP API4:2023); `names` when
    its keys are names of properties."""
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
    for key, value in node.items():
        if names or key not in DATA:
            bounded(value, names=are_names(key, names=names))
