from __future__ import annotations

import pytest

from cloudsealed.engine import ExpressionError, compile_rule
from cloudsealed.engine.language.template import Template


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{resource.Name} is open", "web is open"),
        ("{resource.Tags[1].Key}", "b"),
        ("{resource.Tags[9].Key}", "-"),
        ("{resource.Name.Deeper}", "-"),
        ("{resource.Nothing}", "-"),
        ("{resource.On} {resource.Half} {resource.Two}", "true 0.5 2"),
        ("{resource.Tags}", '[{"Key":"a"},{"Key":"b"}]'),
        ("{{literal}} {{{resource.Two}}}", "{literal} {2}"),
        ("{resource.Secret} {resource.Secret.digest}", "(redacted) (redacted)"),
        ('{size(resource.Tags)} {as_list(resource.Name).join(", ")}', "2 web"),
        ("{size(resource.Nothing)}", "-"),
    ],
)
def test_paths_are_filled(template: str, text: str) -> None:
    resource = {
        "Name": "web",
        "Tags": [{"Key": "a"}, {"Key": "b"}],
        "On": True,
        "Half": 0.5,
        "Two": 2,
        "Secret": {"redacted": True, "digest": "abc"},
    }
    assert Template(template, ["resource"]).fill({"resource": resource}) == text


@pytest.mark.parametrize(
    ("template", "column"),
    [
        ("a {resource.Name", 3),
        ("a } b", 3),
        ("{}", 1),
        ("{resource.Name == 1}", 1),
        ("{resource.Name()}", 1),
        ("{resource[x]}", 1),
        ("{resource.Name!r}", 1),
        ("{0}", 1),
        ("ok {resorce.Name}", 5),
        ("{now}", 2),
        ("a {size(resource.Name}", 3),
        ("a {sise(resource.Name)}", 4),
    ],
)
def test_a_wrong_path_is_refused_at_its_place(template: str, column: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_rule(fail_when="true", message=template)
    assert caught.value.column == column
    assert caught.value.expression == template


def test_long_values_are_clipped() -> None:
    text = Template("{resource.A}", ["resource"]).fill({"resource": {"A": "x" * 500}})
    assert len(text) == 200


def test_what_it_shows_is_known_beforehand() -> None:
    text = "{resource.Tags[0].Value} of {related.keys} {{and}} {params.days} {size(resource.Name)}"
    assert Template(text, ["resource", "related", "params"]).paths == {
        ("resource", "Tags", "Value"),
        ("related", "keys"),
        ("params", "days"),
        ("resource", "Name"),
    }
