"""An audit as one ZIP file that verifies alone: its seal, its leaves and what they name.

    seal.json            the DSSE envelope
    keys.json            the public key that signed it, by its id
    manifest.json        the SHA-256 of each file of leaves: what the seal is of
    leaves.bin           the hash of every leaf, 32 bytes each, in the order of the tree
    policies.jsonl, calls.jsonl, snapshots.jsonl, observations.jsonl
                         the leaves, a line each; one after the other they are the tree's
    objects/<SHA-256>    the stored answers and snapshots that calls and snapshots name

Nothing else is in it, and the same audit makes the same bytes. It refuses to judge a bundle: that
is `verify`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import orjson

from cloudsealed.audits.model import Audit
from cloudsealed.audits.sealing import seal as seals
from cloudsealed.audits.sealing.chain import envelope_of
from cloudsealed.kit.canonical import canonical
from cloudsealed.storage import objects
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import KeyRing

SEAL, KEYS = "seal.json", "keys.json"
OBJECTS = "objects/"
CALL_DIGEST = 1 + seals.CALL.index("digest")
"""Where a call's line has the digest of its answer."""
SNAPSHOT_DIGEST = 1
"""Where a snapshot's line has the digest of the snapshot."""
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_AT_ONCE = 1 << 16


def bundle(database: Database, *, tenant: str, audit: Audit, keys: KeyRing) -> Iterator[bytes]:
    """Return the pieces of an audit's bundle; raises AuditNotFinishedError at once when it has no
    seal."""
    envelope = envelope_of(database, tenant=tenant, audit_id=audit.id)
    known = seals.signer(envelope, keys)
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
            tally, hashes = seals.Tally(audit.id), io.BytesIO()
            digests: set[str] = set()
            kinds = seals.leaves_by_kind(self._database, tenant=self._tenant, audit=audit)
            for kind, lines in kinds:
                with archive.open(_entry(f"{kind}.jsonl"), "w", force_zip64=True) as member:
                    for line in lines:
                        member.write(line + b"\n")
                        hashes.write(tally.add(kind, line))
                        if digest := digest_in(kind, line):
                            digests.add(digest)
                        yield from self._out.taken()
            archive.writestr(_entry(seals.LEAVES), hashes.getvalue())
            archive.writestr(_entry(seals.MANIFEST), tally.manifest())
            for digest in sorted(digests):
                self._object(archive, digest)
                yield from self._out.taken()
        yield from self._out.taken(least=1)

    def _object(self, archive: zipfile.ZipFile, digest: str) -> None:
        with self._database.read() as connection:
            try:
                content = objects.get(connection, self._tenant, digest)
            except objects.EvidenceExpiredError:
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
