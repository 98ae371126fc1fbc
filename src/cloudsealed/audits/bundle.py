"""An audit as one ZIP file that verifies alone: its seal, its leaves and what they name.

    seal.json            the DSSE envelope
    keys.json            the public key that signed it, by its id
    leaves.bin           the hash of every leaf, 32 bytes each, in the order of the tree
    policies.jsonl, calls.jsonl, snapshots.jsonl, observations.jsonl
                         the leaves, a line each; one after the other they are the tree's
    objects/<SHA-256>    the stored answers and snapshots that calls and snapshots name

Nothing else is in it, and the same audit makes the same bytes. It refuses to judge a bundle: that
is `verify`.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cloudsealed.audits import seal as seals
from cloudsealed.audits.chain import envelope_of
from cloudsealed.audits.model import Audit
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.merkle import leaf_hash
from cloudsealed.storage import objects
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import KeyRing

SEAL, KEYS, LEAVES = "seal.json", "keys.json", "leaves.bin"
LINES = ("policies", "calls", "snapshots", "observations")
OBJECTS = "objects/"
CALL_DIGEST = 1 + seals.CALL.index("digest")
"""Where a call's line has the digest of its answer."""
SNAPSHOT_DIGEST = 1
"""Where a snapshot's line has the digest of the snapshot."""
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_AT_ONCE = 1 << 16


def public_keys(keys: KeyRing) -> dict[str, str]:
    """Return every public key of seals, by id, the current one first: 32 bytes in base64."""
    found = (seals.public_key(key) for key in keys.all("seal"))
    return {seals.key_id(public): _text(public) for public in found}


def _text(public: Ed25519PublicKey) -> str:
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def bundle(database: Database, *, tenant: str, audit: Audit, keys: KeyRing) -> Iterator[bytes]:
    """Return the pieces of an audit's bundle; raises AuditNotFinishedError at once when it has no
    seal."""
    envelope = envelope_of(database, tenant=tenant, audit_id=audit.id)
    signer = orjson.loads(envelope)["signatures"][0]["keyid"]
    known = {name: text for name, text in public_keys(keys).items() if name == signer}
    return _Writer(database, tenant).write(audit, {SEAL: envelope, KEYS: canonical(known)})


class _Writer:
    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self._tenant = tenant
        self._out = _Pieces()

    def write(self, audit: Audit, small: dict[str, bytes]) -> Iterator[bytes]:
        with zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in small.items():
                archive.writestr(_entry(name), content)
            hashes = io.BytesIO()
            digests: set[str] = set()
            kinds = seals.leaves_by_kind(self._database, tenant=self._tenant, audit=audit)
            for kind, lines in kinds:
                yield from self._lines(archive, kind, lines, hashes, digests)
            archive.writestr(_entry(LEAVES), hashes.getvalue())
            for digest in sorted(digests):
                self._object(archive, digest)
                yield from self._out.taken()
        yield from self._out.taken(least=1)

    def _lines(
        self, archive: zipfile.ZipFile, kind: str, lines: Iterator[bytes], hashes: io.BytesIO,
        digests: set[str],
    ) -> Iterator[bytes]:  # fmt: skip
        with archive.open(_entry(f"{kind}.jsonl"), "w", force_zip64=True) as member:
            for line in lines:
                member.write(line + b"\n")
                hashes.write(leaf_hash(line))
                if digest := digest_in(kind, line):
                    digests.add(digest)
                yield from self._out.taken()

    def _object(self, archive: zipfile.ZipFile, digest: str) -> None:
        with self._database.read() as connection:
            try:
                content = objects.get(connection, self._tenant, digest)
            except objects.ObjectMissingError:
                return  # dropped by retention: who verifies is told that it is missing
        archive.writestr(_entry(OBJECTS + digest), content)


def digest_in(kind: str, line: bytes) -> str | None:
    """Return the digest of the object that a leaf names, None when it names none."""
    if kind not in ("calls", "snapshots"):
        return None
    found: str | None = orjson.loads(line)[CALL_DIGEST if kind == "calls" else SNAPSHOT_DIGEST]
    return found


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _LONG_AGO)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


class _Pieces(io.RawIOBase):
    """A file that is only written, whose bytes are taken away as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # bytes, or a view of them
        piece = bytes(data)
        self._pieces.append(piece)
        self._size += len(piece)
        return len(piece)

    def taken(self, least: int = _AT_ONCE) -> Iterator[bytes]:
        """Yield what was written since the last time, if it is at least so many bytes."""
        if self._size >= least:
            yield b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
