from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.api.body import parse
from cloudsealed.api.errors import DuplicateJsonKeyError, InvalidJsonError, JsonTooDeepError

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
_LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT
)
_JSON = st.recursive(_LEAF, lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner))


@given(_JSON, st.booleans())
def test_strict_json_reads_as_any_json_does(value: object, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=40))
def test_anything_else_is_refused_with_an_error_of_the_contract(raw: bytes) -> None:
    try:
        parse(raw)
    except (InvalidJsonError, DuplicateJsonKeyError, JsonTooDeepError) as error:
        assert error.status == 400  # noqa: PT017 - what parses is fine too
    else:
        assert json.loads(raw) == parse(raw)


@pytest.mark.parametrize("depth", [1, 32])
def test_brackets_within_texts_are_no_depth(depth: int) -> None:
    raw = b"[" * depth + rb'"[[[[\"[[[[{{{{"' + b"]" * depth
    assert parse(raw)


def test_a_key_is_the_same_key_however_it_is_escaped() -> None:
    with pytest.raises(DuplicateJsonKeyError, match="'a'"):
        parse(rb'{"a": 1, "\u0061": 2}')


@pytest.mark.parametrize("raw", [rb'{"\u0000": 1}', rb'[["\u0000"]]', rb'{"a": {"b": "x\u0000"}}'])
def test_nul_is_refused_wherever_it_is(raw: bytes) -> None:
    with pytest.raises(InvalidJsonError, match="NUL"):
        parse(raw)


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert parse(rb'"\\u0000"') == r"\u0000"
