"""The schema for editors and the reader: one form, so both refuse the same files."""

from __future__ import annotations

import copy
import json
from collections.abc import Collection
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.packs.test_reader import GOOD

from cloudsealed.kit.shapes import Use
from cloudsealed.packs import PolicyFileError, check_form, load_policies, parse_policy
from cloudsealed.packs.document import Document
from cloudsealed.policies.files import read_policy, schema

SCHEMA = Draft202012Validator(schema())
BUILTIN = load_policies()
POLICY_FIELDS = tuple(check_form().of(Use.FILE).known)
TYPES = tuple(schema()["properties"]["resource_types"]["items"]["enum"])
Path = tuple[str | int, ...]


def value_of(text: str) -> Any:
    document = Document(text, "x.yaml")
    return document.value(document.root)


def builtin(key: str, dimension: str) -> Any:
    return value_of((files("cloudsealed.packs") / dimension / f"{key}.yaml").read_text("utf-8"))


@cache
def values() -> list[Any]:
    return [value_of(GOOD), *(builtin(p.key, p.dimension.value) for p in BUILTIN)]


def refusal(value: Any) -> str | None:
    """What the reader says of a file with this value; JSON is the subset of YAML that it reads."""
    try:
        parse_policy(json.dumps(value, ensure_ascii=False), file="x.yaml", types=TYPES)
    except PolicyFileError as error:
        return error.message
    return None


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


def test_every_built_in_policy_is_valid() -> None:
    assert len(values()) > 150
    invalid = [v["key"] for v in values() if not SCHEMA.is_valid(v)]
    assert invalid == []


def test_every_field_of_a_policy_says_what_it_is() -> None:
    found = schema()["properties"]
    nested = [
        found["remediation"]["oneOf"][0],
        found["controls"]["items"],
        found["examples"],
        found["related"]["additionalProperties"],
    ]
    parts = [found, *(each["properties"] for each in nested)]
    assert [
        name for part in parts for name, said in part.items() if "description" not in said
    ] == []


def test_a_remediation_may_be_a_part_only_where_a_template_has_the_rest() -> None:
    alike = builtin("aws-secretsmanager-public", "security")
    assert "summary" not in alike["remediation"]
    assert SCHEMA.is_valid(alike)
    alone = value_of(GOOD)
    alone["remediation"] = {"cli": "aws s3 ls"}
    assert not SCHEMA.is_valid(alone)
    assert refusal(alone) is not None
    alone["remediation"] = "Rename it."
    assert SCHEMA.is_valid(alone)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("severity:", "severty:"),
        ("title: A title\n", ""),
        ("Why it matters.", "[Why]"),
        ("fail_when: |-\n  size(resource.Name) >\n    params.limit\n", ""),
        ("dimension: security", "dimension: safety"),
        ("dimension: security", "dimension: [security]"),
        ("severity: high", "severity: urgent"),
        ("my-policy", "My_Policy"),
        ("my-policy", "my--policy"),
        ("title: A title", "title: ' '"),
        ("title: A title", "title: 3"),
        ("title: A title", "title: A title\nversion: 0"),
        ("title: A title", "title: A title\nversion: 1.5"),
        ("title: A title", "title: A title\nreferences: [a, a]"),
        ("[aws.s3.bucket]", "[]"),
        ("[aws.s3.bucket]", "[aws.s3.bucket, aws.s3.bucket]"),
        ("[aws.s3.bucket]", "[aws.s3.bukcet]"),
        ("[aws.s3.bucket]", "aws.s3.bucket"),
        ("aws.s3.account", "aws.s3.acount"),
        ("{limit: 3}", "[3]"),
        ("account: {", "Account: {"),
        ("title: A title", f"title: {'A title' * 30}"),
        ("title: A title", "title: A title\nenabled: true"),
        ("title: A title", "title: A title\ncontrols: [{framework: cis-aws-5.0}]"),
        ("scope: region", "scope: planet"),
        ("scope: region", "from: Name"),
        ("scope: region", "key: Name"),
        ("effort: low", "effort: none"),
        ("summary: Rename it., ", ""),
        ("effort: low", "effort: low, console: click"),
        ("examples:\n  fail: [{resource: {Name: long}}]", "examples: {}"),
        ("examples:\n  fail: [{resource: {Name: long}}]", "examples: []"),
        ("[{resource: {Name: long}}]", "[]"),
        ("  fail:", "  perhaps:"),
        ("  fail:", "  failed:"),
        ("{resource: {Name: long}}", "{related: {}}"),
        ("{resource: {Name: long}}", "{resource: long}"),
        ("{Name: long}}", "{Name: long}, related: {account: {}}}"),
        ("{Name: long}}", "{Name: long}, related: {account: [1]}}"),
    ],
)
def test_reader_and_schema_refuse_the_same_mistake(old: str, new: str) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    with pytest.raises(PolicyFileError):
        read_policy(text, file="x.yaml")
    assert not SCHEMA.is_valid(value_of(text))


def test_an_unknown_type_is_named_at_its_place_with_the_nearest_one() -> None:
    with pytest.raises(PolicyFileError) as caught:
        read_policy(GOOD.replace("aws.s3.bucket", "aws.s3.bukcet"), file="x.yaml")
    assert (caught.value.line, caught.value.column) == (5, 18)
    assert caught.value.suggestion == "aws.s3.bucket"
    assert len(caught.value.message) < 100


def paths(value: Any, path: Path = ()) -> list[Path]:
    """Every place in a value, from the top."""
    pairs = value.items() if isinstance(value, dict) else ()
    pairs = enumerate(value) if isinstance(value, list) else pairs
    return [path, *(found for name, below in pairs for found in paths(below, (*path, name)))]


def parent_of(value: Any, path: Path) -> Any:
    for name in path[:-1]:
        value = value[name]
    return value


OTHERS = [None, True, 0, 3, 2.5, "", " ", "x", "aws.s3.bucket", [], ["x"], [3], {}, {"x": 1}]


@st.composite
def mutated(draw: st.DrawFn, fields: Collection[str] = POLICY_FIELDS) -> tuple[Path, Any]:
    """A policy's `fields` with one place dropped, renamed, doubled or of another type."""
    whole = draw(st.sampled_from(values()))
    value = copy.deepcopy({name: said for name, said in whole.items() if name in fields})
    # Half of the places are near the top: most of a file's places are deep in its examples.
    everywhere = paths(value)[1:]
    near = [path for path in everywhere if len(path) < 3]
    path = draw(st.one_of(st.sampled_from(near), st.sampled_from(everywhere)))
    parent, last = parent_of(value, path), path[-1]
    match draw(st.sampled_from(["drop", "rename", "double", "replace"])):
        case "drop":
            del parent[last]
        case "rename" if isinstance(parent, dict):
            parent[draw(st.sampled_from(["other", "Other", f"{last}s"]))] = parent.pop(last)
        case "double" if isinstance(parent, list):
            parent.append(parent[0])
        case _:
            parent[last] = draw(st.sampled_from(OTHERS))
    return path, value


@settings(max_examples=400)
@given(mutated())
def test_the_reader_accepts_what_the_schema_accepts(case: tuple[Path, Any]) -> None:
    path, value = case
    said, valid = refusal(value), SCHEMA.is_valid(value)
    if said is not None and said.startswith("unknown field") and "related" in path:
        return  # an example's relation that the policy does not have: the reader's alone to see
    assert (said is None) == valid, said
