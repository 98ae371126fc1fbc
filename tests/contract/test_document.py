"""What the OpenAPI document promises its readers and the generators of clients: rules that hold for
whatever is added to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from cloudsealed.api.app import TABLES
from cloudsealed.api.components import CLOSED
from cloudsealed.api.errors import catalogue
from cloudsealed.audits.records import ledger

JSON = "application/json"
PREFIX = "#/components/schemas/"


@pytest.fixture(scope="module")
def document(url: str) -> Any:
    return httpx.get(f"{url}/openapi.json", trust_env=False).json()


def _schemas(document: Any) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"]
    return found


def _operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _properties(document: Any) -> Iterator[tuple[str, str, Any]]:
    for name, schema in _schemas(document).items():
        for field, part in schema.get("properties", {}).items():
            yield name, field, part


def _reached(document: Any, node: Any, found: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas that a part of the document refers to, by name."""
    if isinstance(node, list):
        for item in node:
            _reached(document, item, found)
    if isinstance(node, dict):
        target = str(node.get("$ref", ""))
        kind, _, name = target.removeprefix("#/components/").partition("/")
        if target and name not in found:
            component = document["components"][kind][name]
            found |= {name: component} if kind == "schemas" else {}
            _reached(document, component, found)
        for key, value in node.items():
            if key not in ("example", "examples"):
                _reached(document, value, found)
    return found


def _answered(document: Any) -> dict[str, Any]:
    return _reached(document, [op["responses"] for *_, op in _operations(document)], {})


def _asked(document: Any) -> dict[str, Any]:
    bodies = [op.get("requestBody") for *_, op in _operations(document)]
    return _reached(document, bodies, {})


def _faults(document: Any, schema: Any, value: Any) -> list[str]:
    whole = {**schema, "components": document["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]


def _pascal(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in text.split("_"))


def test_every_property_has_a_description_and_an_example(document: Any) -> None:
    without = [
        f"{name}.{field}"
        for name, field, part in _properties(document)
        if len(part.get("description", "")) < 4 or "examples" not in part
    ]
    assert len(list(_properties(document))) > 600
    assert without == []


def test_every_parameter_has_a_description_and_an_example(document: Any) -> None:
    parameters = [p for *_, op in _operations(document) for p in op["parameters"]]
    assert len(parameters) > 100
    assert [p["name"] for p in parameters if not p["description"] or "example" not in p] == []


def test_every_example_is_one_that_its_schema_takes(document: Any) -> None:
    wrong = []
    for name, field, part in _properties(document):
        for example in part["examples"]:
            wrong += [(name, field, text) for text in _faults(document, part, example)]
    for name, schema in _schemas(document).items():
        for example in schema.get("examples", ()):
            wrong += [(name, text) for text in _faults(document, schema, example)]
    for method, path, operation in _operations(document):
        for parameter in operation["parameters"]:
            faults = _faults(document, parameter["schema"], parameter["example"])
            wrong += [(method, path, parameter["name"], text) for text in faults]
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for media in (m for body in bodies for m in body.get("content", {}).values()):
            shown = [e["value"] for e in media.get("examples", {}).values()]
            for example in [*shown, *([media["example"]] if "example" in media else [])]:
                assert example, (method, path)
                wrong += [(method, path, t) for t in _faults(document, media["schema"], example)]
    assert wrong == []


def test_answers_may_grow_fields_and_requests_are_closed(document: Any) -> None:
    answered, asked = _answered(document), _asked(document)
    assert [n for n, s in answered.items() if s.get("additionalProperties") is False] == []
    assert [n for n, s in answered.items() if "unevaluatedProperties" in s] == []
    jwk = {"PublicKey"}  # RFC 7517, section 4: members that are not understood are ignored
    objects = {name for name, schema in asked.items() if "properties" in schema} - jwk
    assert {name for name in objects if asked[name]["additionalProperties"] is not False} == set()
    assert objects.isdisjoint(answered)


def test_a_text_of_a_request_holds_no_nul_since_json_with_it_is_refused(document: Any) -> None:
    for name, schema in _asked(document).items():
        for part in (schema, *schema.get("properties", {}).values()):
            if "pattern" in part:
                assert not re.search(part["pattern"], "a\x00b"), (name, part)


def test_enumerations_of_answers_may_grow_but_for_those_that_never_do(document: Any) -> None:
    answered = _answered(document)
    assert {name for name, schema in answered.items() if "enum" in schema} <= CLOSED
    growing = [schema for schema in answered.values() if "x-extensible-enum" in schema]
    assert len(growing) > 10
    for schema in growing:
        assert all(f"`{word}`" in schema["description"] for word in schema["x-extensible-enum"])


def test_what_stands_in_place_of_a_name_is_nothing_that_generators_must_name(document: Any) -> None:
    for name, field, part in _properties(document):
        assert not part.keys() & {"enum", "properties", "oneOf", "allOf"}, (name, field)
        items = part.get("items", {})
        assert not items.keys() & {"enum", "properties", "oneOf", "pattern"}, (name, field)
        assert part.get("default", ...) is not None, (name, field)


def test_names_of_components_clash_with_nothing_that_generators_name(document: Any) -> None:
    schemas = _schemas(document)
    assert [name for name in schemas if not re.fullmatch(r"[A-Z][A-Za-z]*", name)] == []
    for name, field, part in _properties(document):
        within = part.get("type") == "object" or "object" in part.get("type", ())
        assert not within or name + _pascal(field) not in schemas, (name, field)
        assert _pascal(field) != name, f"{name} has a field of its own name"
    for *_, operation in _operations(document):
        assert _pascal(operation["operationId"]) not in schemas


def test_every_reference_leads_to_a_component_whatever_a_field_is_called(document: Any) -> None:
    named = set(re.findall(r'"#/components/(\w+)/([^"]+)"', json.dumps(document)))
    assert named
    assert not {each for each in named if each[1] not in document["components"][each[0]]}


def test_no_choice_takes_one_enumeration_alone_and_in_a_list(document: Any) -> None:
    schemas = _schemas(document)
    for name, schema in schemas.items():
        members = [_named(part) for part in schema.get("oneOf", ())]
        listed = [_named(schemas[each].get("items", {})) for each in members if each]
        assert not {each for each in members if each and "enum" in schemas[each]} & {*listed}, name


def _named(part: Any) -> str:
    return str(part.get("$ref", "")).removeprefix(PREFIX)


def test_no_choice_takes_a_date_or_a_set_that_a_client_must_tell_apart(document: Any) -> None:
    schemas = _schemas(document)
    for name, schema in schemas.items():
        for option in schema.get("oneOf", []):
            target = schemas.get(option.get("$ref", "").rpartition("/")[2], option)
            items = target.get("items", {})
            items = schemas.get(items.get("$ref", "").rpartition("/")[2], items)
            assert "date-time" not in (target.get("format"), items.get("format")), name
            assert not target.get("uniqueItems"), name


def test_what_changes_an_object_says_nothing_that_a_client_left_out(document: Any) -> None:
    for method, path, operation in _operations(document):
        if method == "patch":
            schema = operation["requestBody"]["content"][JSON]["schema"]
            body = _schemas(document)[schema["$ref"].removeprefix(PREFIX)]
            assert "required" not in body, path
            parts = body["properties"].items()
            assert [name for name, part in parts if "default" in part] == [], path


def test_no_default_of_an_answer_stands_for_what_is_not_there(document: Any) -> None:
    answered = _answered(document)
    parts = [(n, f) for n, f, p in _properties(document) if n in answered and "default" in p]
    assert parts == []


def test_every_operation_says_what_it_is_for_what_it_costs_and_how_it_can_fail(
    document: Any,
) -> None:
    short = []
    for operation in (op for table in TABLES for op in table.operations):
        said = document["paths"][operation.path][operation.method.lower()]
        short += [operation.name] if len(operation.texts[1]) < 20 else []
        assert "Costs one request of the budget `core`" in said["description"]
        assert all(f"`{name}`" in said["description"] for name in operation.heavy)
        for error in operation.errors:
            assert f"`{error.code}`" in said["description"], operation.name
    assert short == []


def test_every_error_that_an_operation_can_answer_has_an_example_with_its_code(
    document: Any,
) -> None:
    seen = set()
    for method, path, operation in _operations(document):
        for status, response in operation["responses"].items():
            if int(status) < 400:
                continue
            if "$ref" in response:
                response = document["components"]["responses"][response["$ref"].split("/")[-1]]
            examples = response["content"][JSON]["examples"]
            assert examples, (method, path, status)
            for code, example in examples.items():
                error = example["value"]["error"]
                assert (error["code"], str(catalogue()[code]["status"])) == (code, status)
                assert error["message"]
                assert f"`{code}`" in response["description"]
                seen.add(code)
    filters = {code for code in catalogue() if code.endswith("_filter")}
    assert filters <= seen


def test_a_call_of_the_ledger_has_every_field_that_the_document_says(document: Any) -> None:
    shape = _schemas(document)["ProviderCall"]
    assert set(shape["properties"]) == {"object", *ledger.KEY, *ledger.VALUES}
