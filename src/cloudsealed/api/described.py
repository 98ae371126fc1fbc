"""What the OpenAPI document says of one operation: text, parameters, body, answers and errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from cloudsealed.api import body as bodies
from cloudsealed.api.components import Schema, reference
from cloudsealed.api.endpoint import LONGEST_TAGS
from cloudsealed.api.listing import DEFAULT_LIMIT, LARGEST_LIMIT, LIMIT
from cloudsealed.api.operation import Operation
from cloudsealed.api.query import MOST_VALUES, Parameter
from cloudsealed.api.refusals import cost, own, refusals
from cloudsealed.storage.keyset import Filter

TEXT = {"type": "string", "maxLength": 8192, "pattern": "^[ -~]*$"}
CORS = "Access-Control-Allow-Origin"
HEADERS = {
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
"""What every response carries, with an example."""
_ID = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9._-]+$"}
_ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
_TAG = '"9f86d081884c7d659a2feaa0c55ad015"'
_KEY_EXAMPLE = "3f2c1e9a-7b64-4f0e-9d1a-5c8e2b7a6d40"


def described(operation: Operation) -> dict[str, Any]:
    """Return what the document says of one operation besides its names."""
    scope = operation.scope
    found: dict[str, Any] = {
        "description": "\n\n".join(_paragraphs(operation)),
        "security": [{"bearer": []}, {"oauth": [scope.value] if scope else []}],
        "parameters": _parameters(operation),
        "responses": _responses(operation),
    }
    if operation.body is not None:
        kinds = (bodies.JSON_TYPE, bodies.MERGE_PATCH)[: 2 if operation.method == "PATCH" else 1]
        found["requestBody"] = {
            "required": not operation.body_optional,
            "content": {kind: {"schema": reference(operation.body.__name__)} for kind in kinds},
        }
    return found


def page_name(operation: Operation) -> str | None:
    """Return the name of the component that is a page of the operation's list, if it is a list."""
    many = operation.listed is not None or operation.name.startswith("list_")
    return f"{operation.answer.__name__}Page" if many and operation.answer is not None else None


def _paragraphs(operation: Operation) -> list[str]:
    scope = operation.scope
    needs = f"Needs the scope `{scope}`." if scope else "Needs any valid credential."
    expected = [f"- {status} `{code}`: {text}" for code, status, text in own(operation)]
    parts = [operation.texts[1], f"{needs} {cost(operation)}"]
    if expected:
        parts.append("Errors to expect:\n\n" + "\n".join(dict.fromkeys(expected)))
    return [part for part in parts if part]


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found = [_query(item) for item in operation.parameters.values()]
    if "{id}" in operation.path:
        found.insert(0, _plain("path", "id", "Id of the object", dict(_ID), required=True))
    text = {"type": "string", "maxLength": LONGEST_TAGS, "pattern": r"^[\s\S]*$"}
    if operation.once:
        key = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        said = "Makes a retry safe for 24 hours: the same key and body answer the same again"
        found.append(_plain("header", "Idempotency-Key", said, key, example=_KEY_EXAMPLE))
    if operation.tagged and operation.method == "GET":
        said = "ETag of the copy at hand: 304 while it is current"
        found.append(_plain("header", "If-None-Match", said, text, example=_TAG))
    if operation.method in ("PATCH", "DELETE") and operation.getter is not None:
        said = "ETag that the object must still have, else 412"
        found.append(_plain("header", "If-Match", said, text, example=_TAG))
    return found


def _plain(
    place: str, name: str, text: str, schema: Schema, *, required: bool = False,
    example: Any = None,
) -> dict[str, Any]:  # fmt: skip
    found = {
        "in": place, "name": name, "description": text, "required": required, "schema": schema,
    }  # fmt: skip
    return found if example is None else {**found, "example": example}


def _query(item: Filter | Parameter) -> dict[str, Any]:
    if item is LIMIT:
        bounds = {"minimum": 1, "maximum": LARGEST_LIMIT, "format": "int32"}
        schema = {"type": "integer", **bounds, "default": DEFAULT_LIMIT}
        return _plain("query", item.name, item.description, schema, example=DEFAULT_LIMIT)
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
    if item.example:
        found["example"] = [item.example] if multiple else item.example
    return found


def _value_schema(item: Filter | Parameter) -> Schema:
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
        title = {"title": "PolicyIdOrKey", "description": "A policy's id or key."}
        example = {"examples": ["aws-s3-bucket-public-read"]}
        return {"type": "string", "maxLength": 100, "pattern": pattern, **title, **example}
    printable = r"^[^\u0000-\u001f\u007f-\u009f]+$"
    title = {"title": "FilterText", "description": "A text that is looked for."}
    return {"type": "string", "minLength": 1, "maxLength": 2048, "pattern": printable, **title}


def _responses(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {str(operation.status): _success(operation)}
    if operation.tagged and operation.method == "GET":
        found["304"] = {"description": "The copy at hand is current", "headers": headers()}
    for status, examples in refusals(operation).items():
        found[str(status)] = _refusal(status, examples)
    return found


def _success(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    found["headers"] = headers()
    text = {"schema": dict(TEXT)}
    if operation.tagged:
        found["headers"]["ETag"] = {"description": "Tag of this state of the object", **text}
    if operation.status in (201, 202):
        found["headers"]["Location"] = {"description": "Where the new object is", **text}
    if operation.listed is not None:
        found["headers"]["Link"] = {"description": 'The next page, rel="next"', **text}
    if (page := page_name(operation)) is not None:
        found["content"] = {bodies.JSON_TYPE: {"schema": reference(page)}}
    elif operation.answer is not None:
        schema = reference(operation.answer.__name__)
        found["content"] = {bodies.JSON_TYPE: {"schema": schema}}
    elif operation.status != 204:
        found["content"] = {kind: _file(operation, kind) for kind in operation.produces}
    return found


def _file(operation: Operation, kind: str) -> dict[str, Any]:
    """Return the content of a file: by its shape, or else bytes."""
    shape = operation.files.get(kind)
    if shape is None:
        return {"schema": {"type": "string", "format": "binary", "maxLength": 2**31 - 1}}
    if isinstance(shape, dict):
        return {"schema": shape}
    return {"schema": reference(shape.__name__)}


def headers() -> dict[str, Any]:
    """Return references to the headers of every response."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*HEADERS, CORS)}


def _refusal(status: int, examples: dict[str, dict[str, Any]]) -> dict[str, Any]:
    found = headers()
    text = {"schema": dict(TEXT)}
    if status == 401:
        found["WWW-Authenticate"] = {"description": "As RFC 6750 says", **text}
    if status == 429:
        seconds = {"type": "integer", "format": "int32", "minimum": 1, "maximum": 3600}
        found["Retry-After"] = {"description": "Seconds until the window ends", "schema": seconds}
    shown = {code: {"value": value} for code, value in examples.items()}
    return {
        "description": ", ".join(f"`{code}`" for code in examples),
        "headers": found,
        "content": {bodies.JSON_TYPE: {"schema": reference("ErrorEnvelope"), "examples": shown}},
    }
