"""Equal values have one encoding, so their digests are equal everywhere."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.kit.canonical import canonical, digest, sha256

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


def turned(value: Any) -> Any:
    """The same value, every object's fields in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(list(value))}
    return [turned(item) for item in value] if isinstance(value, list) else value


@given(JSON)
def test_the_order_of_fields_does_not_matter_and_nothing_is_lost(value: Any) -> None:
    assert canonical(turned(value)) == canonical(value)
    assert orjson.loads(canonical(value)) == value
    assert canonical(orjson.loads(canonical(value))) == canonical(value)


def test_it_is_sorted_utf_8_without_white_space() -> None:
    assert (
        canonical({"b": [1, 2.5, None, True], "a": "é"})
        == '{"a":"é","b":[1,2.5,null,true]}'.encode()
    )


def test_the_order_of_a_list_and_the_type_of_a_value_matter() -> None:
    values = [[1, 2], [2, 1], ["1", "2"], [1.0, 2], [True, 2], {"1": 2}, None, "", 0, False, []]
    assert len({digest(value) for value in values}) == len(values)


def test_a_digest_is_lower_case_hex_of_sha_256() -> None:
    assert sha256(b"abc") == hashlib.sha256(b"abc").hexdigest()
    assert digest({"a": 1}) == sha256(b'{"a":1}')
