"""What the OpenAPI document says of one operation: text, parameters, body, answers and errors."""

from __future__ import annotations

from typing import Any

from cloudsealed.api import body as bodies
from cloudsealed.api.components import Schema, reference
from cloudsealed.api.listing import CURSOR, DEFAULT_LIMIT, LARGEST_LIMIT, LIMIT
from cloudsealed.api.operation import Operation
from cloudsealed.api.phrases import phrase
from cloudsealed.api.precondition import LONGEST_TAGS
from cloudsealed.api.query import Parameter
from cloudsealed.api.refusals import cost, own, refusals
from cloudsealed.api.shown import PARTIAL, paths_of
from cloudsealed.api.value_schema import value_schema
from cloudsealed.kit.deprecation import Deprecation
from cloudsealed.storage.filters import MOST_VALUES, Filter

TEXT = {"type": "string", "maxLength": 8192, "pattern": "^[ -~]*$"}
CORS = "Access-Control-Allow-Origin"
HEADERS = {
    "X-Request-Id": ("Id of the request, `req_` and a ULID", "req_01HZ8K3V5W6X7Y8Z9A0B1C2D3E"),
    "X-RateLimit-Limit": ("Requests that the budget's window takes", 1000),
    "X-RateLimit-Remaining": ("Requests left in the window", 987),
    "X-RateLimit-Reset": ("When the window ends, in epoch seconds", 1769851800),
    "X-RateLimit-Used": ("Requests used in the window", 13),
    "X-RateLimit-Resource": ("Name of the budget, such as core, reports or audits", "core"),
    # In lower case, as they are sent: the OWASP rule set takes either family's name, never both.
    "ratelimit-policy": ("The budget, as the IETF draft has it", '"core";q=1000;w=60'),
    "ratelimit": ("What is left of it, as the IETF draft has it", '"core";r=987;t=23'),
}
"""What every response carries, with an example."""
_ID = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9._-]+$"}
_EVENT = "5f0c6d0f3f7c4b2d9a1e8c7b"
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
    if operation.deprecated is not None:
        found |= operation.deprecated.schema
    if operation.body is not None:
        kinds = (bodies.JSON_TYPE, bodies.MERGE_PATCH)[: 2 if operation.method == "PATCH" else 1]
        found["requestBody"] = {
            "required": not operation.body_optional,
            "content": {kind: {"schema": operation.body.schema()} for kind in kinds},
        }
    return found


def page_name(operation: Operation) -> str | None:
    """Return the name of the component that is a page of the operation's list, if it is a list."""
    return f"{operation.answer.__name__}Page" if operation.is_list and operation.answer else None


def _paragraphs(operation: Operation) -> list[str]:
    scope = operation.scope
    needs = f"Needs the scope `{scope}`." if scope else "Needs any valid credential."
    expected = [f"- {status} `{code}`: {text}" for code, status, text in own(operation)]
    ends = operation.deprecated.text if operation.deprecated else ""
    parts = [ends, operation.texts[1], f"{needs} {cost(operation)}"]
    if expected:
        parts.append("Errors to expect:\n\n" + "\n".join(dict.fromkeys(expected)))
    return [part for part in parts if part]


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found = [_aged(_query(item), item.deprecated) for item in operation.parameters.values()]
    if "{id}" in operation.path:
        found.insert(0, _plain("path", "id", "Id of the object", dict(_ID), required=True))
    text = {"type": "string", "maxLength": LONGEST_TAGS, "pattern": r"^[\s\S]*$"}
    if operation.once:
        key = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        said = "Makes a retry safe for 24 hours: the same key and body answer the same again"
        found.append(_plain("header", "Idempotency-Key", said, key, example=_KEY_EXAMPLE))
    if operation.ranged:
        said = "The bytes that are wanted"
        found.append(_plain("header", "Range", said, text, example="bytes=0-99"))
        said = "ETag that the file must have for a range, else it is whole"
        found.append(_plain("header", "If-Range", said, text, example=_TAG))
    if operation.is_followed:
        said = "Id of the last event that the client knows"
        found.append(_plain("header", "Last-Event-ID", said, text, example=_EVENT))
    if operation.is_conditional:
        said = "ETag of the copy at hand: 304 while it is current"
        found.append(_plain("header", "If-None-Match", said, text, example=_TAG))
    if operation.method in ("PATCH", "DELETE") and operation.getter is not None:
        said = "ETag that the object must still have, else 412"
        found.append(_plain("header", "If-Match", said, text, example=_TAG))
    return found


def _aged(parameter: dict[str, Any], old: Deprecation | None) -> dict[str, Any]:
    if old is None:
        return parameter
    described = f"{parameter['description']}. {old.text}"
    return {**parameter, **old.schema, "description": described}


def _plain(
    place: str, name: str, text: str, schema: Schema, *, required: bool = False, example: Any = None
) -> dict[str, Any]:
    found = {"in": place, "name": name, "description": text, "required": required, "schema": schema}
    return found if example is None else {**found, "example": example}


def _query(item: Filter | Parameter) -> dict[str, Any]:
    if item is LIMIT:
        bounds = {"minimum": 1, "maximum": LARGEST_LIMIT, "format": "int32"}
        schema = {"type": "integer", **bounds, "default": DEFAULT_LIMIT}
        return _plain("query", item.name, item.description, schema, example=DEFAULT_LIMIT)
    schema = value_schema(item)
    default = item.default if isinstance(item, Parameter) else None
    if item.is_multiple:
        many = {"type": "array", "items": schema, "minItems": 1, "maxItems": MOST_VALUES}
        found = _plain("query", item.name, item.description, many)
        found |= {"style": "form", "explode": True}
        default_value: Any = default.split(",") if default else None
    else:
        found = _plain("query", item.name, item.description, schema)
        default_value = default
    if default_value is not None:
        found["schema"]["default"] = default_value
    if item.example:
        found["example"] = [item.example] if item.is_multiple else item.example
    return found


def _responses(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {str(operation.status): _success(operation)}
    if operation.is_followed:
        found["204"] = {"description": "It has ended, as the client knows", "headers": headers()}
    if operation.ranged:
        found["206"] = {**_success(operation), "description": "The range that was asked for"}
    if operation.is_conditional:
        found["304"] = {"description": "The copy at hand is current", "headers": headers()}
    for status, examples in refusals(operation).items():
        found[str(status)] = _refusal(status, examples)
    return found


def _success(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {"description": phrase(operation.status)}
    found["headers"] = headers()
    text = {"schema": dict(TEXT)}
    if operation.deprecated is not None or operation.ages_in_part:
        old = "When this, or what the request used of it, was deprecated (RFC 9745)"
        found["headers"]["Deprecation"] = {"description": old, **text}
        found["headers"]["Sunset"] = {"description": "When it goes away (RFC 8594)", **text}
    if operation.tagged or operation.is_list or operation.ranged:
        found["headers"]["ETag"] = {"description": "Tag of this state of the object", **text}
    if operation.status in (201, 202):
        found["headers"]["Location"] = {"description": "Address of the new object", **text}
    if operation.listed is not None:
        found["headers"]["Link"] = {"description": 'The next page, rel="next"', **text}
    if operation.is_followed:
        found["content"] = {operation.produces[0]: _events()}
    elif (page := page_name(operation)) is not None:
        found["content"] = {bodies.JSON_TYPE: {"schema": reference(page)}}
    elif operation.answer is not None:
        schema = reference(operation.answer.__name__)
        found["content"] = {bodies.JSON_TYPE: {"schema": schema}}
    if "fields" in operation.parameters:
        shown = {paths_of(operation.answer)[0]: "…"} if operation.answer else {}
        paged = {"data": [shown], "next_cursor": CURSOR.example, "has_more": True}
        example = paged if operation.is_list else shown
        found["content"][PARTIAL] = {"schema": _partial(operation), "example": example}
    if operation.answer is None and operation.status != 204:
        found["content"] = {kind: _file(operation, kind) for kind in operation.produces}
    return found


def _events() -> dict[str, Any]:
    """Return what a stream of events is: text, whose events have JSON of the answer's shape."""
    text = "Events as the WHATWG's HTML standard has them; the data of each is an `AuditEvent`."
    schema = {"type": "string", "description": text, "maxLength": 2**31 - 1}
    example = (
        f"event: status\nid: {_EVENT}\n"
        'data: {"id": "aud_01JD0000000000000000000000", "status": "collecting", …}\n\n'
    )
    return {"schema": schema, "example": example}


def _partial(operation: Operation) -> Schema:
    """Return the schema of what `fields` leaves of an answer: every part may be missing."""
    assert operation.answer is not None
    text = f"Of the {operation.answer.__name__}, the parts that `fields` names."
    item: Schema = {"type": "object", "description": text}
    if not operation.is_list:
        return item
    return {
        "type": "object",
        "required": ["data", "next_cursor", "has_more"],
        "properties": {
            "data": {"type": "array", "items": item, "maxItems": LARGEST_LIMIT},
            "next_cursor": {**TEXT, "type": ["string", "null"]},
            "has_more": {"type": "boolean"},
        },
    }


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
    if status in (429, 503):
        seconds = {"type": "integer", "format": "int32", "minimum": 1, "maximum": 3600}
        found["Retry-After"] = {"description": "Seconds until asking again", "schema": seconds}
    shown = {code: {"value": value} for code, value in examples.items()}
    return {
        "description": ", ".join(f"`{code}`" for code in examples),
        "headers": found,
        "content": {bodies.JSON_TYPE: {"schema": reference("ErrorEnvelope"), "examples": shown}},
    }
