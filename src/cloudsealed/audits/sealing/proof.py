"""The proof of one finding: its observation, and the path from there to the root of a seal.

Made from the kept rows of the audit's tree; checked with nothing but its own bytes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import orjson

from cloudsealed.audits.records.blocks import OBSERVATIONS, Blocks
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.sealing import seal as seals
from cloudsealed.audits.sealing.chain import envelope_of
from cloudsealed.audits.sealing.signed import (
    UnverifiableError,
    Verified,
    open_envelope,
    parsed,
    quoted,
)
from cloudsealed.audits.sealing.tree import path_of
from cloudsealed.findings.model import fingerprint
from cloudsealed.kit.errors import NotFoundError
from cloudsealed.kit.merkle import leaf_hash, verify
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import KeyRing

_LARGEST = 2 * 1024 * 1024  # bytes of a proof: what JSON makes of them takes 30 times as much
_ABOUT = ("policy_key", "provider", "account", "region")
"""What the fingerprint in a leaf is of, besides the native id that the leaf has."""
_SAID = ("native_id", "fingerprint", "type", "outcome", "title")
"""What is read of a leaf."""
_MEMBERS = {"object", "audit_id", *_ABOUT, "leaf", "index", "path", "seal", "keys"}


class ObservationNotFoundError(NotFoundError):
    """An audit did not look at a finding's resource by its policy."""

    code = "not_found"

    def __init__(self, finding_id: str, audit_id: str) -> None:
        super().__init__("observation", f"{finding_id} in {audit_id}")


def prove(
    database: Database, *, tenant: str, audit_id: str, finding: Mapping[str, Any], keys: KeyRing
) -> dict[str, Any]:
    """Return the proof that an audit observed what it says of a finding.

    Raises ObservationNotFoundError, and AuditNotFinishedError when the audit has no seal.
    """
    envelope = envelope_of(database, tenant=tenant, audit_id=audit_id)
    said = seals.payload(envelope)["predicate"]
    resource, key = finding["resource"], finding["policy"]["key"]
    blocks = Blocks(database, tenant=tenant, audit_id=audit_id)
    block = blocks.find(OBSERVATIONS, key, resource["account"], resource["region"])
    snapshots = Snapshots(database, tenant=tenant, audit_id=audit_id)
    found = None if block is None else snapshots.line_about(block, resource["native_id"])
    if block is None or found is None:
        raise ObservationNotFoundError(finding["id"], audit_id)
    number, line = found
    size = said["tree_size"]
    index = size - said["leaves"][OBSERVATIONS] + blocks.before(block) + number
    path = path_of(database, tenant=tenant, audit_id=audit_id, index=index, size=size)
    return {
        "object": "proof",
        "audit_id": audit_id,
        "policy_key": key,
        "provider": resource["provider"],
        "account": resource["account"],
        "region": resource["region"],
        "leaf": line.decode(),
        "index": index,
        "path": [base64.b64encode(each).decode() for each in path],
        "seal": orjson.loads(envelope),
        "keys": seals.signer(envelope, keys),
    }


def verify_proof(path: Path, trusted: Collection[str] | None = None) -> Verified:
    """Return what a proof is of; `trusted` are ids of keys, None for the proof's own."""
    found = Verified(str(path))
    try:
        document = _read(path)
        open_envelope(
            found, document["seal"], document["keys"], trusted=trusted, names=("seal", "keys")
        )
        _follow(document, found)
        found.leaf, found.policy_key = _about(document), document["policy_key"]
    except UnverifiableError as error:
        found.problems.append(str(error))
    except OSError as error:
        found.problems.append(f"the file cannot be read: {quoted(str(error))}")
    return found


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise UnverifiableError("this is too large to be the proof of a finding")
    try:
        orjson.loads(content)  # refuses what is nested too deeply and what is no UTF-8
        document = json.loads(content, object_pairs_hook=_once_each)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.keys() != _MEMBERS:
        raise UnverifiableError("this is neither a bundle nor the proof of a finding")
    if document["object"] != "proof" or not all(isinstance(document[n], str) for n in _ABOUT):
        raise UnverifiableError("this is of another form than this program knows")
    return document


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; raises ValueError for two members of one name, each read by somebody."""
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _follow(document: Mapping[str, Any], found: Verified) -> None:
    """Check that the path leads from the leaf to the sealed root; raises UnverifiableError."""
    said, index = found.predicate, document["index"]
    if document["audit_id"] != said["audit_id"]:
        raise UnverifiableError(f"audit_id was changed: the seal is of {quoted(said['audit_id'])}")
    try:
        hashed = leaf_hash(document["leaf"].encode())
        path = [base64.b64decode(each, validate=True) for each in document["path"]]
        is_known = type(index) is int and _texts(path) == document["path"]
    except (AttributeError, TypeError, ValueError):
        is_known = False
    top = bytes.fromhex(said["root"])
    if not is_known or not verify(hashed, index, said["tree_size"], path, top):
        raise UnverifiableError("leaf, index or path was changed: they do not lead to the root")
    if index < said["tree_size"] - said["leaves"][OBSERVATIONS]:
        raise UnverifiableError("the leaf is not an observation")


def _about(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the leaf, once what the proof says that it is about is what it is about."""
    leaf = parsed(document["leaf"].encode(), "leaf")
    if not isinstance(leaf, dict) or not all(isinstance(leaf.get(n), str) for n in _SAID):
        raise UnverifiableError("the leaf is of another form than this program knows")
    about = {name: document[name] for name in _ABOUT}
    if fingerprint(native_id=leaf["native_id"], **about) != leaf["fingerprint"]:
        raise UnverifiableError(f"one of {', '.join(_ABOUT)} was changed")
    return leaf


def _texts(path: list[bytes]) -> list[str]:
    return [base64.b64encode(each).decode() for each in path]
