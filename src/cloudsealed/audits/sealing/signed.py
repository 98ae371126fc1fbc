"""Opens a signed statement with nothing but its bytes: no database, no network, no trust.

Every byte counts: an envelope, a key or a statement that is written in another way than ours is
refused, even when it says the same.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cloudsealed.audits.sealing import seal as seals
from cloudsealed.kit.canonical import canonical, sha256

_ENVELOPE = {"payloadType", "payload", "signatures"}
_TEXTS = ("audit_id", "tenant_id", "kind", "finished_at", "verdict_digest")
_HEX = frozenset("0123456789abcdef")


_LONGEST_QUOTE = 80  # characters


class UnverifiableError(Exception):
    """Something is not what was sealed; the text says which part."""


@dataclass(slots=True)
class Verified:
    """What a bundle or a proof says of its audit, and what is wrong with it: nothing, if it
    verifies.

    `key_id` is the SHA-256 of the public key that signed; `is_trusted` says that the key was among
    those that were asked for, and is not only the file's own. `digest` is the SHA-256 of the
    envelope. `leaf` is the line that a proof is of, `policy_key` the policy that judged.
    """

    path: str
    key_id: str = ""
    is_trusted: bool = False
    digest: str = ""
    statement: Mapping[str, Any] = field(default_factory=dict)
    leaf: Mapping[str, Any] | None = None
    policy_key: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def predicate(self) -> Mapping[str, Any]:
        """What the signed statement says of the audit."""
        found: Mapping[str, Any] = self.statement.get("predicate", {})
        return found

    @property
    def subject(self) -> str:
        """The SHA-256 of the manifest that was signed."""
        found: str = self.statement["subject"][0]["digest"]["sha256"]
        return found


def open_envelope(
    found: Verified,
    envelope: Any,
    keys: Any,
    *,
    trusted: Collection[str] | None,
    names: tuple[str, str],
) -> None:
    """Fill in what an envelope says; raises UnverifiableError.

    `keys` holds the one public key, 32 bytes in base64 by its id; `trusted` are ids of keys, None
    for any; `names` is what the envelope and the keys are called in the file.
    """
    seal_name, keys_name = names
    own = _own_key(keys, keys_name)
    if not isinstance(envelope, dict) or envelope.keys() != _ENVELOPE:
        raise UnverifiableError(f"{seal_name} is no envelope")
    try:
        (signature,) = envelope["signatures"]
        name, text = signature["keyid"], signature["sig"]
    except (TypeError, ValueError, KeyError):
        raise UnverifiableError(f"{seal_name} is no envelope") from None
    if not is_digest(name):
        raise UnverifiableError(f"{seal_name} was signed by a key without an id")
    if name not in own:
        raise UnverifiableError(
            f"{seal_name} was signed by another key than {keys_name} holds: {name}"
        )
    if trusted is not None and name not in trusted:
        raise UnverifiableError(f"{seal_name} was signed by a key that is not trusted: {name}")
    found.key_id, found.is_trusted = name, trusted is not None
    content = _bytes(envelope["payload"], seal_name)
    try:
        own[name].verify(_bytes(text, seal_name), seals.signed_bytes(content))
    except InvalidSignature:
        raise UnverifiableError(
            f"{seal_name} was changed: the signature is not that of its key"
        ) from None
    statement = parsed(content, seal_name)
    if envelope["payloadType"] != seals.PAYLOAD_TYPE or not _is_known(statement):
        raise UnverifiableError(f"{seal_name} is of another kind than this program knows")
    found.digest, found.statement = sha256(canonical(envelope)), statement


def parsed(content: bytes, name: str) -> Any:
    """Return a JSON document that is written in the one way in which we write it; raises
    UnverifiableError."""
    try:
        document = orjson.loads(content)
        exact = canonical(document) == content
    except (orjson.JSONDecodeError, TypeError, ValueError):
        exact = False
    if not exact:
        raise UnverifiableError(f"{name} was changed")
    return document


def _own_key(keys: Any, name: str) -> dict[str, Ed25519PublicKey]:
    if not isinstance(keys, dict) or len(keys) != 1:
        raise UnverifiableError(f"{name} must hold the one key that signed")
    ((ident, text),) = keys.items()
    raw = _bytes(text, name)
    if sha256(raw) != ident:
        raise UnverifiableError(f"{name} was changed: the key is not the one of its id")
    try:
        return {ident: Ed25519PublicKey.from_public_bytes(raw)}
    except ValueError:
        raise UnverifiableError(f"{name} holds no Ed25519 public key") from None


def _bytes(text: Any, name: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (TypeError, ValueError):
        raise UnverifiableError(f"{name} was changed") from None
    if base64.b64encode(raw).decode() != text:
        raise UnverifiableError(f"{name} was changed")
    return raw


def _is_known(statement: Any) -> bool:
    """Say whether a signed statement is one of ours, with what is read of it in its place."""
    try:
        said = statement["predicate"]
        counts = [said["leaves"][kind] for kind in seals.KINDS]
        (subject,) = statement["subject"]
        return bool(
            statement["predicateType"] == seals.PREDICATE_TYPE
            and all(type(number) is int and number >= 0 for number in counts)
            and said["tree_size"] == sum(counts)
            and type(said["sequence"]) is int
            and all(isinstance(said[name], str) for name in _TEXTS)
            and is_digest(said["root"])
            and is_digest(subject["digest"]["sha256"])
        )
    except (KeyError, TypeError, ValueError):
        return False


def quoted(text: str) -> str:
    """Return what somebody else wrote, cut and in quotes, so that it is not read as ours."""
    cut = text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"
    return f"“{cut}”"


def is_digest(value: Any) -> bool:
    """Say whether a value is a SHA-256 in hex."""
    return isinstance(value, str) and len(value) == 64 and _HEX.issuperset(value)
