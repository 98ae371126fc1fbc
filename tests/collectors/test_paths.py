from __future__ import annotations

import pytest

from cloudsealed.collectors.paths import names_in, read, rewritten


def test_the_last_segment_of_an_id_is_what_follows_its_last_slash():
    document = {"Id": "/hostedzone/Z1", "None": None}
    assert read("last_segment(Id)", document) == "Z1"
    assert read("last_segment(None)", document) is None


def test_names_in_an_expression_leave_out_its_texts():
    found = names_in("Metadata.KeyManager == 'CUSTOMER' && `[1]` || each")
    assert found == {"Metadata", "KeyManager", "each"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", {"a": "!", "n": None}),
        ("a.b[].c", {"a": {"b": [{"c": "!"}, {"c": "!"}, {"d": 3}]}, "n": None}),
        ("a.b[]", {"a": {"b": ["!", "!", "!"]}, "n": None}),
        ("a.x.y", {"a": {"b": [{"c": 1}, {"c": 2}, {"d": 3}]}, "n": None}),
        ("a.b.c", {"a": {"b": [{"c": 1}, {"c": 2}, {"d": 3}]}, "n": None}),
        ("a.b[?c > `1`].c", {"a": {"b": [{"c": 1}, {"c": "!"}, {"d": 3}]}, "n": None}),
        (
            "a.b[?!contains(['x', 'y'], z)].d",
            {"a": {"b": [{"c": 1}, {"c": 2}, {"d": "!"}]}, "n": None},
        ),
        ("n[].c", {"a": {"b": [{"c": 1}, {"c": 2}, {"d": 3}]}, "n": None}),
    ],
)
def test_a_path_is_rewritten_wherever_it_leads(path, expected):
    document = {"a": {"b": [{"c": 1}, {"c": 2}, {"d": 3}]}, "n": None}
    before = repr(document)
    assert rewritten(document, path, lambda value, owner, name: "!") == expected
    assert repr(document) == before


def test_a_change_gets_the_value_its_owner_and_its_name():
    seen = []
    rewritten({"a": [{"b": 1, "name": "x"}]}, "a[].b", lambda *facts: seen.append(facts))
    assert seen == [(1, {"b": 1, "name": "x"}, "b")]
