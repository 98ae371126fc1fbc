"""The text of a credential: made, checked and digested. It stores nothing.

A prefix that names the kind (`cspat_` for a personal access token), 32 base62 characters (190
random bits), 6 base62 characters of the CRC32 of all before.
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
_REST = re.compile(rf"[0-9A-Za-z]{{{_BODY + _CHECK}}}")


def mint(prefix: str = PREFIX) -> str:
    """Return a new credential of the kind that `prefix` names."""
    text = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_BODY))
    return text + checksum(text)


def derived(prefix: str, text: str, key: Key) -> str:
    """Return the credential of a kind that follows from another one's text, always the same.

    Only who has the server's key can tell it: its 32 characters are an HMAC-SHA256 of the text.
    """
    number = int.from_bytes(hmac.digest(key.secret, f"{prefix} after {text}".encode(), "sha256"))
    digits = ""
    for _ in range(_BODY):
        number, digit = divmod(number, len(_ALPHABET))
        digits += _ALPHABET[digit]
    made = prefix + digits
    return made + checksum(made)


def checksum(text: str) -> str:
    """Return the 6 base62 characters of the CRC32 of `text`."""
    value, digits = zlib.crc32(text.encode()), ""
    for _ in range(_CHECK):
        value, digit = divmod(value, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def is_well_formed(text: str, prefix: str = PREFIX) -> bool:
    """Say whether `text` has a credential's form, this prefix and its own checksum."""
    if not text.startswith(prefix) or not _REST.fullmatch(text, len(prefix)):
        return False
    return checksum(text[:-_CHECK]) == text[-_CHECK:]


def digest(text: str, key: Key) -> str:
    """Return what is stored of a token: HMAC-SHA256 under a server key, in hex."""
    return hmac.digest(key.secret, text.encode(), "sha256").hex()
