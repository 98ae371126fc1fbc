"""The text of a personal access token: made, checked and digested. It stores nothing.

`cspat_`, 32 base62 characters (190 random bits), 6 base62 characters of the CRC32 of all before.
The checksum is no security: it refuses a typo without a look-up, and lets secret scanners match.
"""

from __future__ import annotations

import hmac
import re
import secrets
import zlib

from cloudsealed.storage.keys import Key

PREFIX = "cspat_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY = 32
_CHECK = 6
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_BODY + _CHECK}}}")


def mint() -> str:
    """Return a new token."""
    text = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_BODY))
    return text + checksum(text)


def checksum(text: str) -> str:
    """Return the 6 base62 characters of the CRC32 of `text`."""
    value, digits = zlib.crc32(text.encode()), ""
    for _ in range(_CHECK):
        value, digit = divmod(value, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def is_well_formed(text: str) -> bool:
    """Say whether `text` has a token's form and its own checksum."""
    return _FORM.fullmatch(text) is not None and checksum(text[:-_CHECK]) == text[-_CHECK:]


def digest(text: str, key: Key) -> str:
    """Return what is stored of a token: HMAC-SHA256 under a server key, in hex."""
    return hmac.digest(key.secret, text.encode(), "sha256").hex()
