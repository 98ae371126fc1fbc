"""Verifies bundles with nothing but their bytes: no database, no network, no trust in the maker.

What was changed is named as closely as the bundle allows. Everything in a bundle is either signed,
or hashed into what is signed; what is neither is refused.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cloudsealed.audits import seal as seals
from cloudsealed.audits.bundle import KEYS, LEAVES, LINES, OBJECTS, SEAL, digest_in
from cloudsealed.kit.canonical import canonical, sha256
from cloudsealed.kit.merkle import leaf_hash, root

MOST_PROBLEMS = 20
_HASH = 32
_LONGEST_LINE = 64 * 1024 * 1024
_LARGEST_SMALL = 64 * 1024  # of seal.json and keys.json
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError,
    RuntimeError,
)  # fmt: skip
"""What `zipfile` raises of a file that is none, or whose bytes were changed."""
_ENVELOPE = {"payloadType", "payload", "signatures"}


class UnverifiableError(Exception):
    """A bundle is not what was sealed; the text says which part."""


@dataclass(slots=True)
class Verified:
    """What a bundle says of its audit, and what is wrong with it: nothing, if it verifies.

    `key_id` is the SHA-256 of the public key that signed; `is_trusted` says that the key was among
    those that were given, and not only in the bundle itself.
    """

    path: str
    key_id: str = ""
    is_trusted: bool = False
    digest: str = ""
    statement: Mapping[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def predicate(self) -> Mapping[str, Any]:
        """What the signed statement says of the audit."""
        found: Mapping[str, Any] = self.statement.get("predicate", {})
        return found


def verify_bundle(path: Path, trusted: Mapping[str, str] | None = None) -> Verified:
    """Return what a bundle is; `trusted` are public keys in base64 by id, None for the bundle's
    own."""
    found = Verified(str(path))
    try:
        with zipfile.ZipFile(path) as archive:
            _verify(archive, found, trusted)
    except UnverifiableError as error:
        found.problems.append(str(error))
    except _DAMAGED as error:
        found.problems.append(f"the ZIP file is damaged: {error}")
    return found


def verify_chain(bundles: Sequence[Verified]) -> list[str]:
    """Return what is wrong with the chain of some bundles of one tenant, put in order."""
    ordered = sorted(bundles, key=lambda each: int(each.predicate["sequence"]))
    problems = []
    for one, two in pairwise(ordered):
        before, after = one.predicate, two.predicate
        if before["tenant_id"] != after["tenant_id"]:
            problems.append(f"{one.path} and {two.path} are of different tenants")
        elif before["sequence"] == after["sequence"]:
            problems.append(f"{one.path} and {two.path} have the same place in the chain")
        elif before["sequence"] + 1 != after["sequence"]:
            missing = f"{before['sequence'] + 1} to {after['sequence'] - 1}"
            problems.append(f"between {one.path} and {two.path}: seals {missing} are missing")
        elif after["previous"] != one.digest:
            problems.append(f"{two.path} does not follow {one.path}: another seal came before it")
    return problems


def _verify(archive: zipfile.ZipFile, found: Verified, trusted: Mapping[str, str] | None) -> None:
    names = Counter(entry.filename for entry in archive.infolist())
    for name in sorted(name for name, number in names.items() if number > 1):
        raise UnverifiableError(f"{name} is there twice")
    envelope = _read(archive, SEAL)
    found.digest = sha256(envelope)
    _open(found, envelope, _keys(archive), trusted)
    hashes = _leaves(archive, found)
    digests: set[str] = set()
    for problem in _lines(archive, found, hashes, digests):
        _note(found, problem)
    is_whole = not found.problems
    for problem in _objects(archive, digests):
        _note(found, problem)
    expected = {SEAL, KEYS, LEAVES, *(f"{name}.jsonl" for name in LINES)}
    for name in names:
        is_named = name.startswith(OBJECTS) and name.removeprefix(OBJECTS) in digests
        is_unknown = name.startswith(OBJECTS) and not is_whole  # a line that is gone may name it
        if name not in expected and not is_named and not is_unknown:
            _note(found, f"{name} is not part of what was sealed")


def _note(found: Verified, problem: str) -> None:
    if len(found.problems) == MOST_PROBLEMS:
        raise UnverifiableError("and more")
    found.problems.append(problem)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as member:
            content = member.read(_LARGEST_SMALL + 1)
    except KeyError:
        raise UnverifiableError(f"{name} is missing") from None
    except _DAMAGED as error:
        raise UnverifiableError(f"{name} is damaged: {error}") from None
    if len(content) > _LARGEST_SMALL:
        raise UnverifiableError(f"{name} is too large")
    return content


def _canonical(content: bytes, name: str) -> Any:
    """Return a JSON document that is written in the one way in which we write it."""
    try:
        document = orjson.loads(content)
        exact = canonical(document) == content
    except (orjson.JSONDecodeError, TypeError, ValueError):
        exact = False
    if not exact:
        raise UnverifiableError(f"{name} was changed")
    return document


def _bytes(text: Any, name: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (TypeError, ValueError):
        raise UnverifiableError(f"{name} was changed") from None
    if base64.b64encode(raw).decode() != text:
        raise UnverifiableError(f"{name} was changed")
    return raw


def _keys(archive: zipfile.ZipFile) -> dict[str, str]:
    document = _canonical(_read(archive, KEYS), KEYS)
    if not isinstance(document, dict) or len(document) != 1:
        raise UnverifiableError(f"{KEYS} must hold the one key that signed")
    ((name, text),) = document.items()
    if sha256(_bytes(text, KEYS)) != name:
        raise UnverifiableError(f"{KEYS} was changed: the key is not the one of its id")
    return {name: text}


def _open(
    found: Verified, envelope: bytes, own: Mapping[str, str], trusted: Mapping[str, str] | None
) -> None:
    document = _canonical(envelope, SEAL)
    if not isinstance(document, dict) or document.keys() != _ENVELOPE:
        raise UnverifiableError(f"{SEAL} is no envelope")
    try:
        (signature,) = document["signatures"]
        name, text = signature["keyid"], signature["sig"]
        payload, kind = document["payload"], document["payloadType"]
    except (TypeError, ValueError, KeyError):
        raise UnverifiableError(f"{SEAL} is no envelope") from None
    if name not in own:
        raise UnverifiableError(f"{SEAL} was signed by another key than {KEYS} holds: {name}")
    if trusted is not None and trusted.get(name) != own[name]:
        raise UnverifiableError(f"{SEAL} was signed by a key that is not trusted: {name}")
    found.key_id, found.is_trusted = name, trusted is not None
    content = _bytes(payload, SEAL)
    public = Ed25519PublicKey.from_public_bytes(_bytes(own[name], KEYS))
    try:
        public.verify(_bytes(text, SEAL), seals.signed_bytes(content))
    except InvalidSignature:
        raise UnverifiableError(
            f"{SEAL} was changed: the signature is not that of its key"
        ) from None
    statement = _canonical(content, SEAL)
    if kind != seals.PAYLOAD_TYPE or not _is_known(statement):
        raise UnverifiableError(f"{SEAL} is of another kind than this program knows")
    found.statement = statement


def _is_known(statement: Any) -> bool:
    """Say whether a signed statement is one of ours, with what is read of it in its place."""
    try:
        said = statement["predicate"]
        counts = [said["leaves"][kind] for kind in LINES]
        whole = all(isinstance(number, int) and number >= 0 for number in counts)
        return bool(
            statement["predicateType"] == seals.PREDICATE_TYPE
            and whole
            and said["tree_size"] == sum(counts)
            and isinstance(said["sequence"], int)
            and isinstance(statement["subject"][0]["digest"]["sha256"], str)
        )
    except (KeyError, TypeError, IndexError):
        return False


def _leaves(archive: zipfile.ZipFile, found: Verified) -> bytes:
    size = found.predicate["tree_size"] * _HASH
    try:
        with archive.open(LEAVES) as member:
            hashes = member.read(size + 1)
    except KeyError:
        raise UnverifiableError(f"{LEAVES} is missing") from None
    except _DAMAGED as error:
        raise UnverifiableError(f"{LEAVES} is damaged: {error}") from None
    parts = (hashes[at : at + _HASH] for at in range(0, len(hashes), _HASH))
    sealed = found.statement["subject"][0]["digest"]["sha256"]
    if len(hashes) != size or root(parts).hex() != sealed:
        raise UnverifiableError(f"{LEAVES} was changed: its root is not the one that was signed")
    return hashes


def _lines(
    archive: zipfile.ZipFile, found: Verified, hashes: bytes, digests: set[str]
) -> Iterator[str]:
    """Yield what is wrong with the leaves; add the objects that they name to `digests`."""
    at = 0
    for kind in LINES:
        name, sealed = f"{kind}.jsonl", found.predicate["leaves"][kind]
        number = 0
        try:
            with archive.open(name) as member:
                while line := member.readline(_LONGEST_LINE):
                    number += 1
                    hashed = leaf_hash(line[:-1]) if line.endswith(b"\n") else b""
                    place = (at + number - 1) * _HASH
                    if number > sealed or hashed != hashes[place : place + _HASH]:
                        break
                    if digest := digest_in(kind, line):
                        digests.add(digest)
                else:
                    number += 1
        except KeyError:
            yield f"{name} is missing"
        except _DAMAGED as error:
            yield f"{name} is damaged: {error}"
        else:
            if number <= sealed:
                yield f"{name}: line {number} is not the one that was sealed"
            elif line:
                yield f"{name}: line {number} was added; {sealed} were sealed"
        at += sealed


def _objects(archive: zipfile.ZipFile, digests: set[str]) -> Iterator[str]:
    for digest in sorted(digests):
        name, hashed = OBJECTS + digest, hashlib.sha256()
        try:
            with archive.open(name) as member:
                while part := member.read(1 << 20):
                    hashed.update(part)
        except KeyError:
            yield f"{name} is missing"
        except _DAMAGED as error:
            yield f"{name} is damaged: {error}"
        else:
            if hashed.hexdigest() != digest:
                yield f"{name} was changed"
