"""Checks the chain of an export of events with nothing but its bytes: no database, no network.

Every byte counts: a line that is written in another way than ours is refused, even when it says the
same.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import IO, Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cloudsealed.events.chain import MEMBERS, hash_of, signed_bytes
from cloudsealed.kit.canonical import canonical, sha256

LONGEST_LINE = 64 * 1024 * 1024  # bytes
_TEXTS = ("id", "tenant_id", "type", "subject", "created_at", "hash")
_FORM = {*MEMBERS, "hash", "signature"}
_SIGNATURE = {"key_id", "public_key", "signature"}


class BrokenChainError(Exception):
    """An event is not what was chained; the text says which line."""


@dataclass(slots=True)
class VerifiedEvents:
    """What an export says, and what is wrong with it: nothing, if it verifies.

    `first` and `last` are numbers of events, `previous` the hash of the one before the first,
    `hash` that of the last, `signed` the number of the last that is signed. `keys` are the ids of
    the keys that signed; `is_trusted` says that all were among those that were asked for.
    """

    path: str
    tenant: str = ""
    first: int = 0
    last: int = 0
    previous: str | None = None
    hash: str | None = None
    signed: int = 0
    keys: set[str] = field(default_factory=set)
    is_trusted: bool = False
    began_at: str = ""
    ended_at: str = ""
    problems: list[str] = field(default_factory=list)


def is_export(head: bytes) -> bool:
    """Say whether a file whose first line this is may be an export of events."""
    try:
        event = orjson.loads(head)
    except orjson.JSONDecodeError:
        return False  # a document in several lines is none
    return isinstance(event, dict) and event.get("object") == "event"


def verify_events(path: str, file: IO[bytes], trusted: Collection[str] | None) -> VerifiedEvents:
    """Check an export, read from its beginning; `trusted` are ids of keys, None for any."""
    found = VerifiedEvents(path, is_trusted=trusted is not None)
    try:
        for number, line in enumerate(_lines(file), start=1):
            _follow(found, line, f"line {number}", trusted)
        if found.signed < found.last:
            raise BrokenChainError(
                f"events {found.signed + 1} to {found.last} follow the last signature: nothing"
                " proves them"
            )
    except BrokenChainError as error:
        found.problems.append(str(error))
    return found


def verify_succession(exports: Iterable[VerifiedEvents]) -> Sequence[str]:
    """Return why exports of a tenant do not follow each other; nothing when they do."""
    ordered = sorted(exports, key=lambda each: (each.tenant, each.first))
    problems = []
    for one, other in pairwise(ordered):
        if one.tenant != other.tenant:
            continue
        if other.first > one.last + 1:
            problems.append(f"events {one.last + 1} to {other.first - 1} are missing")
        elif other.first == one.last + 1 and other.previous != one.hash:
            problems.append(f"event {other.first} follows another than event {one.last} as given")
    return problems


def _lines(file: IO[bytes]) -> Iterable[bytes]:
    while line := file.readline(LONGEST_LINE):
        yield line


def _follow(
    found: VerifiedEvents, line: bytes, place: str, trusted: Collection[str] | None
) -> None:
    """Take the next event into account; raises BrokenChainError."""
    event = _parsed(line, place)
    sequence = event["sequence"]
    if not found.last:
        found.tenant, found.first, found.previous = event["tenant_id"], sequence, event["previous"]
        found.began_at = event["created_at"]
        if (sequence == 1) != (event["previous"] is None):
            raise BrokenChainError(f"{place}: only event 1 follows no other")
    elif event["tenant_id"] != found.tenant:
        raise BrokenChainError(f"{place}: event {sequence} is another tenant's")
    elif sequence != found.last + 1:
        raise BrokenChainError(
            f"{place}: event {sequence} comes after event {found.last}; what is missing between, or"
            " was left out by a filter, cannot be checked"
        )
    elif event["previous"] != found.hash:
        raise BrokenChainError(f"{place}: event {sequence} follows another than is before it")
    if hash_of(event) != event["hash"]:
        raise BrokenChainError(f"{place}: event {sequence} was changed")
    found.last, found.hash, found.ended_at = sequence, event["hash"], event["created_at"]
    if event["signature"] is not None:
        found.keys.add(_signer(event, place, trusted))
        found.signed = sequence


def _parsed(line: bytes, place: str) -> Mapping[str, Any]:
    try:
        event = orjson.loads(line)
        exact = canonical(event) + b"\n" == line
    except (orjson.JSONDecodeError, TypeError):
        exact = False
    if not exact or not isinstance(event, dict) or event.keys() != _FORM:
        raise BrokenChainError(f"{place} is no event as an export has it")
    texts = all(isinstance(event[name], str) for name in _TEXTS)
    if not texts or type(event["sequence"]) is not int or event["sequence"] < 1:
        raise BrokenChainError(f"{place} is an event without a place in the chain")
    return event


def _signer(event: Mapping[str, Any], place: str, trusted: Collection[str] | None) -> str:
    """Return the id of the key that signed the chain up to an event; raises BrokenChainError."""
    signature, sequence = event["signature"], event["sequence"]
    if not isinstance(signature, dict) or signature.keys() != _SIGNATURE:
        raise BrokenChainError(f"{place}: event {sequence} has no signature of ours")
    try:
        raw = base64.b64decode(signature["public_key"], validate=True)
        half = Ed25519PublicKey.from_public_bytes(raw)
        made = base64.b64decode(signature["signature"], validate=True)
        half.verify(made, signed_bytes(event["tenant_id"], sequence, event["hash"]))
    except (InvalidSignature, ValueError, TypeError):
        raise BrokenChainError(f"{place}: the signature of event {sequence} is wrong") from None
    if signature["key_id"] != (ident := sha256(raw)):
        raise BrokenChainError(f"{place}: the key of event {sequence} is not that of its id")
    if trusted is not None and ident not in trusted:
        raise BrokenChainError(
            f"{place}: event {sequence} was signed by a key that is not trusted: {ident}"
        )
    return ident
