"""What can never be equal is doubted where kinds are known, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.engine import compile_rule

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RESOURCE = {
    "Flag": "boolean",
    "Name": "string",
    "Made": "time",
    "Size": "integer",
    "Share": "number",
    "Labels": "map",
    "Free": None,
    "Below": {"Port": "integer"},
    "Ports": ["integer"],
    "Rules": [{"From": "integer", "Cidrs": [{"Cidr": "string"}]}],
}
SHAPES = {"resource": RESOURCE, "related": {"groups": [RESOURCE]}}


def doubts(source: str, message: str | None = None) -> list[tuple[str, str | None]]:
    rule = compile_rule(
        fail_when=source, params={"most": 3, "word": "x"}, related=["groups"], message=message
    )
    return [(each.message, each.suggestion) for each in rule.doubts(SHAPES)]


@pytest.mark.parametrize(
    ("source", "suggestion"),
    [
        ("resource.Flag == 'true'", "true"),
        ("'False' != resource.Flag", None),
        ("resource.Flag == 1", None),
        ("resource.Name == true", "'true'"),
        ("resource.Name == 1", "'1'"),
        ("resource.Name == params.most", "'3'"),
        ("resource.Size == '20'", "20"),
        ("resource.Size > '20'", "20"),
        ("resource.Share < 'a'", None),
        ("resource['Size'] == 'a'", None),
        ("resource.Below.Port == '22'", "22"),
        ("resource.Below == 'x'", None),
        ("resource.Ports == 22", None),
        ("resource.Ports[0] == '22'", "22"),
        ("'22' in resource.Ports", None),
        ("resource.Size in [1, '2']", "2"),
        ("resource.Labels == []", None),
        ("resource.Name == ['x']", None),
        ("resource.Made == 2026", "'2026'"),
        ("resource.Rules.exists(r, r.From == '22')", "22"),
        ("resource.Rules.filter(r, r.From > 1).exists(r, r.Cidrs.exists(c, c.Cidr == 1))", "'1'"),
        ("resource.Rules.exists(i, r, r.From == '22')", "22"),
        ("related.groups.exists(g, g.Flag == 'true')", "true"),
        ("size(resource.Name) == '1'", "1"),
        ("(resource.Size > 1) == 'true'", "true"),
        ("cel.bind(s, resource.Size, s == 'a')", None),
        ("(resource.Flag ? resource.Size : resource.Size) == 'a'", None),
    ],
)
def test_what_can_never_be_equal_is_doubted(source: str, suggestion: str | None) -> None:
    ((message, found),) = doubts(source)
    assert found == suggestion or (found is not None and suggestion is None)
    assert " is a" in message or "items" in message


@pytest.mark.parametrize(
    "source",
    [
        "resource.Flag == null",
        "resource.Flag == true",
        "resource.Size == 1.0",
        "resource.Share == 1",
        "resource.Free == 'x'",
        "resource.Free == 1",
        "resource.Labels['a'] == 1",
        "resource.Labels.a == 'x'",
        "resource.Name in ['a', 'b']",
        "resource.Name in [resource.Free]",
        "22 in resource.Ports",
        "'a' in resource.Labels",
        "resource.Ports == [22]",
        "resource.Below == {'Port': 22}",
        "get(resource, 'Name', 1) == 1",
        "resource.?Size.orValue('none') == 'none'",
        "(resource.Flag ? resource.Size : resource.Name) == 'a'",
        "resource.Made < '2026-01-01'",
        "resource.Labels.exists(k, v, v == 1)",
        "resource.Ports.map(p, p + 1).exists(p, p == 2)",
        "cel.bind(Size, resource.Name, Size == 'a')",
        "dyn(resource.Size) == 'a'",
    ],
)
def test_what_may_be_equal_is_not(source: str) -> None:
    assert doubts(source) == []


def test_a_field_of_the_message_that_is_not_there_is_told_with_the_nearest() -> None:
    (found,) = doubts(
        "true", "{resource.Nmae} {resource.Labels.any} {params.most} {resource.Free.x}"
    )
    assert found == ("no field 'Nmae' in resource; did you mean 'Name'?", "Name")
    assert doubts("true", "{resource.Rules[0].From} {size(resource.Rules)}") == []


def test_an_error_names_its_field_and_its_place() -> None:
    rule = compile_rule(
        fail_when="true",
        applies_when="resource.Free == 1 ||\n resource.Flag == 'true'",
        severity_when=[("resource.Size == 'x'", "high")],
    )
    found = rule.doubts(SHAPES)
    assert [(each.field, each.line, each.column) for each in found] == [
        ("applies_when", 2, 19),
        ("severity_when[0].when", 1, 1),
    ]


_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Flag": st.booleans(),
    "Name": st.text(),
    "Size": st.integers(-3, 3),
    "Share": st.integers(-3, 3) | st.floats(-3, 3),
    "Ports": st.lists(st.integers(-3, 3)),
}
_WRITTEN = st.sampled_from(["true", "false", "1", "-2", "1.0", "'a'", "'true'", "[1]", "[]", "{}"])


@given(st.sampled_from(sorted(_VALUES)), _WRITTEN, st.data())
def test_what_is_doubted_is_never_true(name: str, written: str, data: st.DataObject) -> None:
    rule = compile_rule(fail_when=f"resource.{name} == {written}")
    value = data.draw(_VALUES[name])
    outcome = rule.judge({name: value}, {}, NOW).outcome
    assert outcome == "pass" or not rule.doubts(SHAPES)
