"""Strict reading of a request's body: UTF-8 JSON, bounded in size, time, depth and numbers."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from cloudsealed.api.errors import (
    DuplicateJsonKeyError,
    InvalidJsonError,
    JsonTooDeepError,
    PayloadTooLargeError,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
)

LARGEST = 1024 * 1024
DEEPEST = 32
SECONDS = 30
JSON_TYPE = "application/json"
MERGE_PATCH = "application/merge-patch+json"  # RFC 7396

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_LARGEST_INTEGER = 2**63 - 1


async def read(request: Request, media_types: Sequence[str]) -> bytes:
    """Return the bytes of a body; empty when there is none."""
    length = request.headers.get("content-length", "")
    if length == "0" or not (length or "transfer-encoding" in request.headers):
        return b""
    given = request.headers.get("content-type", "").split(";")
    charset = [p.strip().lower().replace('"', "") for p in given[1:] if "charset" in p.lower()]
    if given[0].strip().lower() not in media_types or charset not in ([], ["charset=utf-8"]):
        raise UnsupportedMediaTypeError(f"The body must be {' or '.join(media_types)}, in UTF-8")
    if length.isdigit() and int(length) > LARGEST:
        raise _too_large()
    try:
        return await asyncio.wait_for(_collect(request), SECONDS)
    except TimeoutError:
        raise RequestTimeoutError(f"The body did not arrive within {SECONDS} seconds") from None
    except ClientDisconnect:
        raise InvalidJsonError("The body ended early") from None


async def _collect(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            raise _too_large()
        parts.append(part)
    return b"".join(parts)


def _too_large() -> PayloadTooLargeError:
    return PayloadTooLargeError(f"The body must be at most {LARGEST} bytes")


def parse(raw: bytes) -> Any:
    """Return the value of strict JSON.

    Raises InvalidJsonError, DuplicateJsonKeyError and JsonTooDeepError.
    """
    _refuse_deep(raw)
    try:
        orjson.loads(raw)  # refuses what the parser below lets pass: NaN, surrogates, bad UTF-8
        value = json.loads(
            raw.decode(), object_pairs_hook=_object, parse_int=_integer, parse_float=_number
        )
    except ValueError as error:
        raise InvalidJsonError(f"The body is not JSON: {error}") from None
    if b"\\u0000" in raw:
        _refuse_nul(value)
    return value


def _refuse_deep(raw: bytes) -> None:
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", raw)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEEPEST:
            raise JsonTooDeepError(f"The body must nest at most {DEEPEST} levels deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise DuplicateJsonKeyError(f"An object has the key {twice!r} twice")
    return found


def _integer(text: str) -> int:
    if len(text) > 20 or not -_LARGEST_INTEGER - 1 <= int(text) <= _LARGEST_INTEGER:
        raise ValueError("an integer is outside 64 bits")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _refuse_nul(value: Any) -> None:
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for item in value:
            _refuse_nul(item)
    elif isinstance(value, str) and "\x00" in value:
        raise InvalidJsonError("A text of the body holds the character NUL")
