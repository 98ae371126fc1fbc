"""Secrets become a length, a keyed digest and what they look like, before anything is stored.

The digest is HMAC-SHA-256 (RFC 2104) under the tenant's key, so equal secrets are seen to be equal
in one tenant and nobody can test a guess without its key. Nothing here can be undone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cloudsealed.collectors.paths import rewritten

_LOOKED_AT = 262_144  # characters of a value that are searched; user data ends at 16 kB
_KINDS = {
    kind: re.compile(pattern)
    for kind, pattern in {
        "aws_access_key": r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b",
        "private_key": r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY-----",
        "jwt": r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*",
        "github_token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22,})",
        "slack_token": r"\bxox[abeoprs]-[\w-]{10,}",
        "google_api_key": r"\bAIza[\w-]{35}",
        "stripe_key": r"\b[rs]k_(?:live|test)_\w{16,}",
        "url_with_credentials": r"\b[a-zA-Z][\w+.-]{1,20}://[^\s/:@]{1,256}:[^\s/@]{1,256}@",
        "password_assignment": r"(?i)(?:passw(?:or)?d|passwd|secret|token|api[_-]?key)"
        r"[\"']?\s{0,4}[:=]\s{0,4}[\"']?[^\s\"'$]{4}",
    }.items()
}
_SECRET_NAME = re.compile(
    r"(?i)passw(?:or)?d|passwd|pwd|secret|token|api_?-?key|private_?-?key|access_?-?key|credential"
)
_WORD = re.compile(r"[A-Za-z0-9+/=_-]{20,256}")
_NAME_FIELDS = ("name", "Name", "ParameterKey", "OutputKey", "key", "Key")


Detector = Callable[[str, str, str], bool]
"""Gets an operation, where a text stands in its answer (`Tags[].Value`) and the text; says whether
it is a secret."""


def redact(
    document: dict[str, Any], secret_paths: Iterable[str], key: bytes, *, operation: str = "",
    detector: Detector | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return `document` with every text, number and truth value at or under each path replaced, and
    of what stands elsewhere every text that `detector` takes for a secret.

    Every answer passes here before it is stored, logged or shown. Names stay readable. A replaced
    value is `{"redacted": true, "length": characters, "digest": hex, "looks_like": [kinds]}`.
    """
    for path in secret_paths:
        document = rewritten(
            document, path, lambda value, owner, name: _hide(value, owner, name, key)
        )
    if detector is None:
        return document
    found: dict[str, Any] = _searched(
        document, "", lambda at, text: detector(operation, at, text), key
    )
    return found


def _searched(value: Any, at: str, is_secret: Callable[[str, str], bool], key: bytes) -> Any:
    if isinstance(value, str):
        name = at.rpartition(".")[2].removesuffix("[]")
        return _mark(value, name, key) if is_secret(at, value) else value
    if isinstance(value, list):
        return [_searched(each, f"{at}[]", is_secret, key) for each in value]
    if not isinstance(value, dict) or value.get("redacted") is True:
        return value
    below = f"{at}." if at else ""
    return {name: _searched(held, below + name, is_secret, key) for name, held in value.items()}


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
        "looks_like": sorted(_looks_like(text, label)),
    }


def _looks_like(text: str, label: str) -> set[str]:
    texts = [text[:_LOOKED_AT], *_plain(text)]
    kinds = {kind for kind, form in _KINDS.items() if any(form.search(each) for each in texts)}
    if any(_random(word) for word in _WORD.findall(texts[-1])):
        kinds.add("high_entropy")
    if _SECRET_NAME.search(label):
        kinds.add("secret_name")
    return kinds


def _plain(text: str) -> list[str]:
    """Return what base64 `text` says (user data is sent so, gzipped or not); [] if it says none."""
    if len(text) < 16:
        return []
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
        if data.startswith(b"\x1f\x8b"):
            data = zlib.decompressobj(wbits=31).decompress(data, _LOOKED_AT)
        return [data.decode()[:_LOOKED_AT]]
    except (binascii.Error, ValueError, zlib.error):
        return []


def _random(word: str) -> bool:
    """Whether a word mixes letters and digits with over 3.8 bits a character, as keys do."""
    if not (any(char.isdigit() for char in word) and any(char.isalpha() for char in word)):
        return False
    counts = Counter(word).values()
    return -sum(n / len(word) * math.log2(n / len(word)) for n in counts) > 3.8
