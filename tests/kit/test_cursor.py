"""A cursor is a position that only its own walk gave out."""

from __future__ import annotations

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.kit.cursor import Position, decode, encode

KEY, OTHER = b"k" * 32, b"o" * 32
CONTEXT = '["ten_a","/v1/findings",{},"-id"]'
POSITIONS = st.builds(
    Position,
    st.text(min_size=1, max_size=30),
    st.one_of(st.none(), st.text(max_size=30), st.integers(-(2**63), 2**63 - 1)),
)
CURSOR = encode(Position("fnd_01JD0000000000000000000000", 3), key=KEY, context=CONTEXT)


def read(text: str, *keys: bytes, context: str = CONTEXT) -> Position | None:
    return decode(text, keys=keys or (KEY,), context=context)


@given(POSITIONS)
def test_a_cursor_comes_back_as_the_position_it_was_made_of(position: Position) -> None:
    assert read(encode(position, key=KEY, context=CONTEXT)) == position


def test_a_cursor_is_for_urls_and_of_unpadded_base64() -> None:
    assert set(CURSOR) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    padded = CURSOR + "=" * (-len(CURSOR) % 4)
    assert base64.urlsafe_b64decode(padded).startswith(b'{"id":"fnd_')


def test_a_cursor_of_the_previous_key_still_holds_and_one_of_no_key_does_not() -> None:
    assert read(CURSOR, OTHER, KEY) == Position("fnd_01JD0000000000000000000000", 3)
    assert read(CURSOR, OTHER) is None


@pytest.mark.parametrize(
    "context",
    [
        '["ten_b","/v1/findings",{},"-id"]',
        '["ten_a","/v1/audits",{},"-id"]',
        '["ten_a","/v1/findings",{"severity":["high"]},"-id"]',
        '["ten_a","/v1/findings",{},"-severity"]',
        "",
    ],
)
def test_a_cursor_of_another_walk_is_none(context: str) -> None:
    assert read(CURSOR, context=context) is None


def test_a_cursor_with_any_bit_of_its_text_altered_is_none() -> None:
    raw = CURSOR.encode()
    for index in range(len(raw)):
        for bit in range(8):
            altered = bytearray(raw)
            altered[index] ^= 1 << bit
            assert read(altered.decode("latin-1")) is None, (index, bit)


def test_a_cursor_with_any_bit_of_its_json_altered_is_none() -> None:
    body = base64.urlsafe_b64decode(CURSOR + "=" * (-len(CURSOR) % 4))
    for index in range(len(body)):
        for bit in range(8):
            altered = bytearray(body)
            altered[index] ^= 1 << bit
            assert read(base64.urlsafe_b64encode(altered).rstrip(b"=").decode()) is None


def test_a_cursor_cut_short_or_made_longer_is_none() -> None:
    for length in range(len(CURSOR)):
        assert read(CURSOR[:length]) is None
    for rest in ("=", "==", "A", "AAAA", "\n", " "):
        assert read(CURSOR + rest) is None
        assert read(rest + CURSOR) is None


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        {"id": "a", "v": None},
        {"v": None, "id": "a", "m": "0" * 32},
        {"id": 1, "v": None, "m": "0" * 32},
        {"id": "a", "v": [], "m": "0" * 32},
        {"id": "a", "v": None, "m": None},
        {"id": "a", "v": None, "m": "é"},
        {"id": "a", "v": 1.5, "m": "0" * 32},
        {"id": "a", "v": None, "m": "0" * 32, "x": 1},
    ],
)
def test_json_that_is_no_cursor_is_none(body: object) -> None:
    assert read(base64.urlsafe_b64encode(orjson.dumps(body)).rstrip(b"=").decode()) is None


@given(st.text(max_size=200))
def test_any_text_at_all_is_none_and_never_an_error(text: str) -> None:
    assert read(text) is None


def test_true_does_not_pass_for_the_number_one() -> None:
    made = encode(Position("a", 1), key=KEY, context=CONTEXT)
    body = orjson.loads(base64.urlsafe_b64decode(made + "=" * (-len(made) % 4)))
    forged = base64.urlsafe_b64encode(orjson.dumps({**body, "v": True})).rstrip(b"=").decode()
    assert read(forged) is None
