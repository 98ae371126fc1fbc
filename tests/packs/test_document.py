"""What is written as text is read as the same: nothing becomes a number, a date or a comment."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.packs.document import Document, written

TEXTS = (
    *("yes", "null", "~", "", "1", "1e+5", "0x1", "-", "- a", "a: b", "# x", " lead", "trail "),
    *("a\nb", "a\n", "\n", "a\n\n b\n", "  a\nb", " \n", "a\r\nb", "\x85x", "\u2028x", "\ufeffx"),
    *("!x", "&a", "*b", "{x}", "[y]", "'q'", '"d"', "%", "@", "`", "true", "2026-01-01", "1_000"),
    *("é\U0001f4a5", "\u202etxt\u202c", "a\tb", "x" * 300, "a " * 200, "0o7", "NaN", ".inf"),
)
VALUES: tuple[Any, ...] = (
    1e-7,
    1e20,
    -0.5,
    2**63 - 1,
    True,
    None,
    [[], {}, [{}]],
    {"k: 1": 2, "1": 1, "": ""},
)


@pytest.mark.parametrize("value", [*TEXTS, *VALUES], ids=ascii)
def test_a_value_is_read_as_it_was_written(value: object) -> None:
    said = {"a": value, "b": [value], "c": {"d": {"e": value}}}
    document = Document(written(said), "x.yaml")
    assert document.value(document.root) == said


def test_the_parts_of_a_document_have_a_line_each_and_short_ones_in_them_one() -> None:
    said = {"key": "a", "set": {"severity": "low"}, "types": ["a.b"], "fix": {"summary": "x" * 70}}
    lines = ["key: a", "set: {severity: low}", "types: [a.b]", "fix:", f"  summary: {'x' * 70}", ""]
    assert written(said).split("\n") == lines
