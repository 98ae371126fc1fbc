from __future__ import annotations

import pytest

from cloudsealed.engine.language.lexer import tokenize
from cloudsealed.engine.values import UInt


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("true", True),
        ("null", None),
        ('"a\\n\\t\\\\\\""', 'a\n\t\\"'),
        (r"'\x41\101é\U0001F600'", "AAé😀"),
        (r'r"\d+"', r"\d+"),
        ('"""two\n"lines\\x41""" ', 'two\n"linesA'),
        ("'''it's'''", "it's"),
        (r'b"\xff\101é"', b"\xffA\xc3\xa9"),
        (r"br'\x'", rb"\x"),
    ],
)
def test_a_literal_has_its_value(text: str, value: object) -> None:
    literal, end = tokenize(text)
    assert literal.value == value
    assert literal.value.__class__ is value.__class__
    assert end.sort == "end"


def test_an_unsigned_literal_has_its_own_class() -> None:
    assert tokenize("7u")[0].value.__class__ is UInt


def test_tokens_know_where_they_stand() -> None:
    tokens = tokenize("a  >= // comment\n  'b'")
    assert [(token.text, token.start, token.end) for token in tokens] == [
        ("a", 0, 1),
        (">=", 3, 5),
        ("'b'", 19, 22),
        ("", 22, 22),
    ]
