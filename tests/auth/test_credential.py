from __future__ import annotations

import re
import zlib

from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.auth import credential
from cloudsealed.storage.keys import Key


def test_a_token_has_its_form_and_no_two_are_equal() -> None:
    made = {credential.mint() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"cspat_[0-9A-Za-z]{38}", text) for text in made)
    assert all(credential.is_well_formed(text) for text in made)


def test_the_checksum_is_crc32_in_base62_most_significant_first() -> None:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    text = "cspat_" + "a" * 32
    value = 0
    for digit in credential.checksum(text):
        value = value * 62 + digits.index(digit)
    assert value == zlib.crc32(text.encode())


@given(st.integers(0, 43), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm_ é"))
def test_a_typo_is_refused(index: int, letter: str) -> None:
    text = credential.mint()
    typo = text[:index] + letter + text[index + 1 :]
    assert credential.is_well_formed(typo) is (typo == text)


def test_the_digest_needs_the_key() -> None:
    text, one, other = credential.mint(), Key("a", b"1" * 32), Key("b", b"2" * 32)
    assert credential.digest(text, one) == credential.digest(text, one)
    assert credential.digest(text, one) != credential.digest(text, other)
    assert len(credential.digest(text, one)) == 64
