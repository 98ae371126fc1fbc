"""Identifiers: a noun's prefix, an underscore and a ULID (26 characters of Crockford's base 32)."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from datetime import UTC, datetime, timedelta

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_RANDOM_BITS = 80
_DIGITS = str.maketrans(_ALPHABET, "0123456789ABCDEFGHIJKLMNOPQRSTUV")  # those of `int`
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_lock = threading.Lock()
_last = 0


def _encode(value: int) -> str:
    return "".join([_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5)])


def ulid(milliseconds: int | None = None) -> str:
    """Return a new ULID, greater than every one that this process made before."""
    global _last  # noqa: PLW0603 - monotonic order within a process needs one shared counter
    now = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    candidate = (now << _RANDOM_BITS) | int.from_bytes(os.urandom(10), "big")
    if milliseconds is not None:
        return _encode(candidate)
    with _lock:
        _last = candidate if candidate > _last else _last + 1
        return _encode(_last)


def new_id(prefix: str) -> str:
    """Return a new id such as `fnd_01JD…`."""
    return f"{prefix}_{ulid()}"


def first_id(prefix: str, moment: datetime) -> str:
    """Return the lowest id that can be made at a moment: those of before are lower."""
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    return f"{prefix}_{_encode(max(milliseconds, 0) << _RANDOM_BITS)}"


def derived_id(prefix: str, name: str) -> str:
    """Return the id that `name` always has: its ULID has time 0 and bits of SHA-256."""
    bits = int.from_bytes(hashlib.sha256(name.encode()).digest()[:10], "big")
    return f"{prefix}_{_encode(bits)}"


def number_of(ident: str) -> int:
    """Return a number of 63 bits for an id with a ULID, which rises with time: 41 low bits of the
    milliseconds, then 22 low ones of the rest, by which ids of one process differ."""
    value = int(ident.rpartition("_")[2].translate(_DIGITS), 32)
    return (value >> _RANDOM_BITS & (1 << 41) - 1) << 22 | value & (1 << 22) - 1


def is_id(prefix: str, text: str) -> bool:
    """Say whether `text` has the form of an id with `prefix`."""
    head, _, tail = text.partition("_")
    return head == prefix and _ULID.fullmatch(tail) is not None
