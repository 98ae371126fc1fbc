"""One form, one reader: a policy says the same in a YAML file and in a body of the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.packs.test_schema import TYPES, Path, mutated

from cloudsealed.kit.shapes import (
    Brief,
    Flag,
    FormError,
    Free,
    Many,
    Moment,
    Named,
    Number,
    Part,
    Record,
    Shape,
    Text,
    Use,
    Word,
)
from cloudsealed.packs import (
    AUTHORS,
    CLASSIFICATION,
    PolicyFileError,
    body_schema,
    change_schema,
    check_form,
    parse_policy,
    read_body,
)
from cloudsealed.packs.expression import Expression
from cloudsealed.vocabulary import PolicyKind

FORM = check_form(TYPES)
SHARED = Record({name: part for name, part in FORM.parts.items() if part.only is None})
SIMPLE = Record({name: part for name, part in SHARED.parts.items() if name != "examples"})
"""Without the field that says something of the others."""
BODIES = {kind: Draft202012Validator(body_schema(kind)) for kind in PolicyKind}
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | TEXTS
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def drawn(shape: Shape) -> st.SearchStrategy[Any]:
    """Values that a shape takes."""
    match shape:
        case Text(pattern=str() as pattern, longest=longest):
            return st.from_regex(pattern, fullmatch=True).filter(lambda v: len(v) <= longest)
        case Text(longest=longest) | Expression(longest):
            return TEXTS.filter(lambda v: v.strip() and len(v) <= longest)
        case Word(found):
            return st.sampled_from(found)
        case Number():
            return st.integers(1, 2**31)
        case Flag():
            return st.booleans()
        case Moment():
            return st.datetimes().map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}Z")
        case Free():
            return st.dictionaries(TEXTS, JSON, max_size=2)
        case Many(item, least, most, distinct):
            unique: Callable[[Any], Any] | None = repr if distinct else None
            return st.lists(
                drawn(item), min_size=least, max_size=min(most, least + 2), unique_by=unique
            )
        case Named(value):
            names = st.from_regex("[a-z_][a-z0-9_]{0,5}", fullmatch=True)
            return st.dictionaries(names, drawn(value), max_size=2)
        case Brief(record, name):
            return drawn(record.parts[name].shape) | drawn(record)
        case Record():
            return records(shape)
    raise AssertionError(f"no values are drawn for {shape}")


@st.composite
def records(draw: st.DrawFn, record: Record) -> dict[str, Any]:
    """A record's value with any of the fields that may be left out, or null, left out or null."""
    together = draw(st.booleans())
    value = {}
    for name, part in record.known.items():
        there = together if name in record.together else part.needed or draw(st.booleans())
        if there:
            value[name] = draw(drawn(part.shape))
        elif part.may_be_null and draw(st.booleans()):
            value[name] = None
    return value


class Quoted(yaml.SafeDumper):
    """Writes every string in quotes: which others need them, YAML 1.1 says otherwise than we.
    What stands there twice is written twice: a file has no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _quoted(dumper: Quoted, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


Quoted.add_representer(str, _quoted)


def as_yaml(value: object) -> str:
    return yaml.dump(value, Dumper=Quoted, sort_keys=False, allow_unicode=True)


def out_of_file(value: Any) -> tuple[str, dict[str, Any]] | None:
    """The key and the words of a file; None of one that is refused."""
    try:
        spec = parse_policy(as_yaml(value), file="x.yaml", types=TYPES)
    except PolicyFileError:
        return None
    return spec.key, spec.words


def out_of_body(value: Any) -> tuple[str, dict[str, Any]] | None:
    """The key and the words of a body; None of one that is refused."""
    try:
        body = read_body(json.loads(json.dumps(value)), types=TYPES)
    except FormError:
        return None
    return body.key, {name: said for name, said in body.words.items() if name not in AUTHORS}


@settings(max_examples=200)
@given(drawn(SIMPLE))
def test_what_the_form_takes_is_the_same_out_of_a_file_and_out_of_a_body(value: Any) -> None:
    said = out_of_body(value)
    assert said is not None
    assert out_of_file(value) == said
    again = {name: each for name, each in said[1].items() if name in SHARED.parts}
    assert out_of_body({"key": said[0], **again}) == said


@settings(max_examples=300)
@given(mutated(fields=SHARED.parts))
def test_what_a_file_may_not_say_a_body_may_not_either(case: tuple[Path, Any]) -> None:
    _, value = case
    assert out_of_file(value) == out_of_body(value)


@settings(max_examples=100)
@given(drawn(FORM.of(Use.API)) | drawn(CLASSIFICATION))
def test_the_apis_document_takes_what_its_reader_takes(value: Any) -> None:
    if out_of_body(value) is not None:
        said = {"kind": "check", **value}
        body = BODIES[PolicyKind(said["kind"])]
        assert [error.message for error in body.iter_errors(said)] == []


@pytest.mark.parametrize("kind", PolicyKind)
def test_the_example_of_a_body_is_a_policy(kind: PolicyKind) -> None:
    (example,) = body_schema(kind)["examples"]
    assert out_of_body(example) is not None
    assert kind is PolicyKind.CLASSIFICATION or out_of_body(example) == out_of_file(example)


def test_a_change_needs_no_field_and_has_no_default() -> None:
    schema = change_schema()
    assert "required" not in schema
    assert not [name for name, part in schema["properties"].items() if "default" in part]


def parts_of(shape: Any) -> list[Part]:
    """Every field of a form, however deep."""
    parts = list(getattr(shape, "parts", {}).values())
    below = [getattr(shape, name, None) for name in ("record", "item", "value")]
    inner = [each for each in (*below, *(part.shape for part in parts)) if each is not None]
    return [*parts, *(part for each in inner for part in parts_of(each))]


@pytest.mark.parametrize("form", [FORM, CLASSIFICATION], ids=["check", "classification"])
def test_an_example_of_a_field_is_one_that_it_takes(form: Record) -> None:
    shown = [part for part in parts_of(form) if part.example is not None]
    assert shown
    for part in shown:
        part.shape.read(part.example, ())
    assert all(part.doc for part in parts_of(form))
