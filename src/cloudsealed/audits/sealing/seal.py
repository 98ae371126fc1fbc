"""The seal: a signed statement of an audit's policies, calls, snapshots and observations.

The leaves are canonical JSON lines; an answer and a snapshot are named in theirs by the SHA-256 of
what is stored. The statement names the root of their Merkle tree and, as its subject, the manifest
of the audit's bundle; it is an in-toto Statement in a DSSE envelope, signed with Ed25519,
and names the seal before it, so that a tenant's audits form one chain.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cloudsealed.audits.model import Audit
from cloudsealed.audits.records.blocks import Blocks
from cloudsealed.audits.records.ledger import Ledger
from cloudsealed.audits.sealing.chain import append, next_link
from cloudsealed.audits.sealing.tree import KeptTree
from cloudsealed.audits.shard_store import Lease
from cloudsealed.kit.canonical import canonical, sha256
from cloudsealed.kit.merkle import leaf_hash
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.keys import Key, KeyRing, key_id, public_key

PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE_TYPE = "https://cloudsealed.io/audit-seal/v1"
MANIFEST, LEAVES = "manifest.json", "leaves.bin"
KINDS = ("policies", "calls", "snapshots", "observations")
"""The kinds of leaves, in the order of the tree."""
CALL = (
    "provider",
    "account",
    "region",
    "service",
    "operation",
    "parameters",
    "page",
    "outcome",
    "error_code",
    "digest",
    "called_at",
)


def leaves_by_kind(
    database: Database, *, tenant: str, audit: Audit
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield each kind of leaf in order, with its leaves in order."""
    blocks = Blocks(database, tenant=tenant, audit_id=audit.id)
    policies, calls, *kept = KINDS
    yield policies, (canonical(["policy", version]) for version in audit.policy_set)
    entries = Ledger(database, tenant=tenant, audit_id=audit.source_id).entries()
    yield calls, (canonical(["call", *(entry[n] for n in CALL)]) for entry in entries)
    for kind in kept:
        found = (blocks.raw_lines(block) for block in blocks.each(kind))
        yield kind, chain.from_iterable(found)


class Tally:
    """Counts the leaves of an audit as they come, and hashes the files that they are in a bundle.

    The manifest names those files with their SHA-256. Stored answers and snapshots are not in it:
    the lines of `calls.jsonl` and `snapshots.jsonl` name them, each by its own.
    """

    def __init__(self, audit_id: str) -> None:
        self._audit_id = audit_id
        self._files = {name: hashlib.sha256() for name in (*(f"{k}.jsonl" for k in KINDS), LEAVES)}
        self.counts = dict.fromkeys(KINDS, 0)

    def add(self, kind: str, line: bytes) -> bytes:
        """Take a leaf; return its hash."""
        file, leaf = self._files[f"{kind}.jsonl"], leaf_hash(line)
        file.update(line)
        file.update(b"\n")
        self._files[LEAVES].update(leaf)
        self.counts[kind] += 1
        return leaf

    def manifest(self) -> bytes:
        """Return the manifest, as its bytes are signed."""
        members = {name: file.hexdigest() for name, file in self._files.items()}
        return canonical({"audit_id": self._audit_id, "members": members})


def grow(database: Database, lease: Lease, audit: Audit) -> tuple[bytes, Tally]:
    """Grow and keep the tree of everything that an audit's seal covers; return its root, and what
    was counted."""
    tree, tally = KeptTree(lease), Tally(audit.id)
    for kind, lines in leaves_by_kind(database, tenant=lease.tenant, audit=audit):
        for line in lines:
            tree.add(tally.add(kind, line))
    return tree.finish(), tally


def sign(statement: Mapping[str, Any], key: Key) -> bytes:
    """Return the DSSE envelope (v1) of a statement."""
    payload = canonical(statement)
    private = Ed25519PrivateKey.from_private_bytes(key.secret)
    signature = private.sign(signed_bytes(payload))
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [
            {"keyid": key_id(private.public_key()), "sig": base64.b64encode(signature).decode()}
        ],
    }
    return canonical(envelope)


def opened(envelope: bytes, public: Ed25519PublicKey) -> dict[str, Any]:
    """Return the statement of an envelope; raises InvalidSignature unless `public` signed it."""
    document = orjson.loads(envelope)
    payload = base64.b64decode(document["payload"], validate=True)
    signature = base64.b64decode(document["signatures"][0]["sig"], validate=True)
    public.verify(signature, signed_bytes(payload))
    statement: dict[str, Any] = orjson.loads(payload)
    return statement


def payload(envelope: bytes) -> dict[str, Any]:
    """Return the statement of an envelope of our own store, without a look at its signature."""
    statement: dict[str, Any] = orjson.loads(base64.b64decode(orjson.loads(envelope)["payload"]))
    return statement


def public_keys(keys: KeyRing) -> dict[str, str]:
    """Return every public key of seals, by id, the current one first: 32 bytes in base64."""
    found = (public_key(key) for key in keys.all("seal"))
    return {key_id(each): base64.b64encode(each.public_bytes_raw()).decode() for each in found}


def signer(envelope: bytes, keys: KeyRing) -> dict[str, str]:
    """Return the public key that signed an envelope, by its id; none if it is not ours."""
    name = orjson.loads(envelope)["signatures"][0]["keyid"]
    return {each: text for each, text in public_keys(keys).items() if each == name}


def signed_bytes(payload: bytes) -> bytes:
    """Return what is signed: DSSE's pre-authentication encoding (protocol, version 1)."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(
    connection: Connection,
    *,
    tenant: str,
    audit: Audit,
    root: bytes,
    tally: Tally,
    verdict_digest: str,
    finished_at: str,
    key: Key,
) -> bytes:
    """Sign an audit as the next of the tenant's chain, in the caller's transaction."""
    sequence, previous = next_link(connection, tenant=tenant)
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": MANIFEST, "digest": {"sha256": sha256(tally.manifest())}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "tenant_id": tenant,
            "audit_id": audit.id,
            "kind": audit.kind,
            "source_id": audit.source_id,
            "clock": audit.clock,
            "started_at": audit.started_at,
            "finished_at": finished_at,
            "root": root.hex(),
            "leaves": tally.counts,
            "tree_size": sum(tally.counts.values()),
            "verdict_digest": verdict_digest,
            "sequence": sequence,
            "previous": previous,
        },
    }
    envelope = sign(statement, key)
    append(connection, tenant=tenant, sequence=sequence, audit_id=audit.id, envelope=envelope)
    return envelope
