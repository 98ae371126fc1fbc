"""Secrets become a length, a keyed digest and what they look like, before anything is stored.

The digest is HMAC-SHA-256 (RFC 2104) under the tenant's key, so equal secrets are seen to be equal
in one tenant and nobody can test a guess without its key. Nothing here can be undone.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Container, Iterable, Mapping
from typing import Any

from cloudsealed.collectors.paths import rewritten
from cloudsealed.collectors.secrets import kinds_of
from cloudsealed.vocabulary import SECRET_DETECTOR

_SHORTEST = 12  # characters: no form of a secret is shorter
_NAME_FIELDS = ("name", "Name", "ParameterKey", "OutputKey", "OptionName", "key", "Key")


def redact(
    document: dict[str, Any],
    secret_paths: Iterable[str],
    key: bytes,
    *,
    kept: Container[str] = (),
    given: Container[str] = (),
) -> dict[str, Any]:
    """Return `document` with every text, number and truth value at or under each path replaced, and
    of what stands elsewhere every text that is called a secret; members named in `kept` stay. In
    maps named in `given` people gave the keys, which say of their values what they are.

    Every answer passes here before it is stored, logged or shown. Names stay readable. A value at a
    path becomes `{"redacted": true, "length": characters, "digest": hex, "looks_like": [kinds],
    "detector": version}`, a text elsewhere `[redacted: kinds]`, for what reads it expects text.
    """
    for path in secret_paths:
        document = rewritten(
            document, path, lambda value, owner, name: _hide(value, owner, name, key)
        )
    return {
        name: value if name in kept else _searched(value, "", given)
        for name, value in document.items()
    }


def _searched(value: Any, label: str, given: Container[str], *, is_given: bool = False) -> Any:
    if isinstance(value, str):
        kinds = kinds_of(value, label) if label or len(value) >= _SHORTEST else ()
        return f"[redacted: {', '.join(sorted(kinds))}]" if kinds else value
    if isinstance(value, list):
        return [_searched(each, label, given) for each in value]
    if not isinstance(value, dict) or value.get("redacted") is True:
        return value
    return {
        name: _searched(
            held, name if is_given else _given_label(value, name), given, is_given=name in given
        )
        for name, held in value.items()
    }


def _given_label(owner: Mapping[str, Any], name: str) -> str:
    """Return the name that people gave the value, as in a tag; none where AWS gave it."""
    label = _label(owner, name)
    return label if label != name else ""


def _hide(value: Any, owner: Mapping[str, Any], name: str, key: bytes) -> Any:
    if isinstance(value, dict):
        return {each: _hide(held, value, each, key) for each, held in value.items()}
    if isinstance(value, list):
        return [_hide(held, owner, name, key) for held in value]
    return value if value is None else _mark(str(value), _label(owner, name), key)


def _label(owner: Mapping[str, Any], name: str) -> str:
    """Return the name that people gave the value: beside it in a list of pairs, else its key."""
    beside = (owner[field] for field in _NAME_FIELDS if isinstance(owner.get(field), str))
    return next(beside, name) if name.lower().endswith("value") else name


def _mark(text: str, label: str, key: bytes) -> dict[str, Any]:
    return {
        "redacted": True,
        "length": len(text),
        "digest": hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest(),
        "looks_like": sorted(kinds_of(text, label)),
        "detector": SECRET_DETECTOR,
    }
