"""Pagination cursors: where a walk stands, signed so that it cannot be altered or moved.

A cursor is unpadded base64url of JSON that begins with `{"id":`, and ends in an HMAC over its
values and the walk's context (tenant, route, filters, sort). It holds no secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

import orjson

_MAC_BYTES = 16
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Position:
    """The last row that a page saw: its id and, where the sort is by a value, that value."""

    id: str
    value: str | int | None = None


def encode(position: Position, *, key: bytes, context: str) -> str:
    """Return the cursor of `position` for the walk that `context` describes."""
    body = {"id": position.id, "v": position.value, "m": _mac(position, key, context)}
    return base64.urlsafe_b64encode(orjson.dumps(body)).rstrip(b"=").decode()


def decode(text: str, *, keys: tuple[bytes, ...], context: str) -> Position | None:
    """Return the position of a cursor, or None when it is not one that `context` gave out."""
    body = _parse(text)
    if body is None:
        return None
    position = Position(body["id"], body["v"])
    for key in keys:
        genuine = hmac.compare_digest(_mac(position, key, context).encode(), body["m"].encode())
        if genuine and encode(position, key=key, context=context) == text:
            return position
    return None


def _parse(text: str) -> dict[str, str] | None:
    if not text.isascii() or len(text) > _LONGEST:
        return None
    try:
        body = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None
    if not isinstance(body, dict) or list(body) != ["id", "v", "m"]:
        return None
    strings = isinstance(body["id"], str) and isinstance(body["m"], str)
    return body if strings and isinstance(body["v"], str | int | None) else None


def _mac(position: Position, key: bytes, context: str) -> str:
    message = orjson.dumps([context, position.id, position.value])
    return hmac.new(key, message, hashlib.sha256).hexdigest()[: 2 * _MAC_BYTES]
