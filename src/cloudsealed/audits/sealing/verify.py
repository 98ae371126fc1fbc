"""Verifies bundles with nothing but their bytes: no database, no network, no trust in the maker.

What was changed is named as closely as the bundle allows. Everything in it is either signed, or
hashed into what is signed; what is neither is refused. Who made it may mean harm: nothing is read
whole that may be large, nothing is unpacked that is packed more tightly than ours ever is, and what
a problem repeats of it is quoted and cut.
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
import zlib
from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path
from typing import IO

from cloudsealed.audits.sealing.bundle import KEYS, OBJECTS, SEAL, digest_in
from cloudsealed.audits.sealing.seal import KINDS, LEAVES, MANIFEST
from cloudsealed.audits.sealing.signed import (
    UnverifiableError,
    Verified,
    is_digest,
    open_envelope,
    parsed,
    quoted,
)
from cloudsealed.kit.merkle import HASH_BYTES, leaf_hash, root

MOST_PROBLEMS = 20
_LONGEST_LINE = 4 * 1024 * 1024
_LARGEST_SMALL = 64 * 1024  # of manifest.json, seal.json and keys.json
_TIGHTEST = 250  # times smaller than it was; JSON of a list of equals comes to 100
_TIGHTEST_HASHES = 2  # what is random does not get smaller
_SMALL = 4 * 1024 * 1024  # not worth a bomb: a text of one letter packs a thousandfold
_AT_ONCE = 1 << 16
_END = struct.Struct("<4s6xHL4xH")  # kind, entries, bytes of the directory and of the comment
_WIDE_END = struct.Struct("<4s28xQQ8x")  # kind, entries, bytes of the directory
_WIDE_PLACE = struct.Struct("<4s4xQ4x")  # kind, where the former is
_LEAST_ENTRY = 220  # bytes of one that is named by a digest, with its two heads
_LARGEST_HEAD = 256  # bytes of the directory an entry, with what other programs add
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
)
"""What `zipfile` raises of a file that is none, or whose bytes were changed."""


def verify_bundle(path: Path, trusted: Collection[str] | None = None) -> Verified:
    """Return what a bundle is; `trusted` are ids of keys, None for the bundle's own."""
    found = Verified(str(path))
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            _refuse_crowds(file, size)
            archive = zipfile.ZipFile(file)
            _refuse_bombs(archive, size)
            _verify(archive, found, trusted)
    except UnverifiableError as error:
        found.problems.append(str(error))
    except _DAMAGED as error:
        found.problems.append(f"the ZIP file is damaged: {_reason(error)}")
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


def _reason(error: BaseException) -> str:
    return "it is too large" if isinstance(error, MemoryError) else quoted(str(error))


def _refuse_crowds(file: IO[bytes], size: int) -> None:
    """Raise UnverifiableError for a file whose directory, which is read whole, is larger than that
    of any bundle of its size (PKWARE's APPNOTE.TXT, 4.3.14 to 4.3.16)."""
    wide = _WIDE_END.size + _WIDE_PLACE.size
    at = size - _END.size - wide
    file.seek(max(at, 0))
    tail = file.read().rjust(wide + _END.size, b"\0")
    kind, entries, directory, comment = _END.unpack_from(tail, wide)
    is_ours = kind == b"PK\5\6" and not comment
    kind, place = _WIDE_PLACE.unpack_from(tail, _WIDE_END.size)
    if kind == b"PK\6\7":
        kind, entries, directory = _WIDE_END.unpack_from(tail)
        is_ours = is_ours and kind == b"PK\6\6" and place == at
    if not is_ours:
        raise zipfile.BadZipFile("it does not end as a bundle does")
    if entries * _LEAST_ENTRY > size + _LARGEST_SMALL or directory > entries * _LARGEST_HEAD:
        raise UnverifiableError("the ZIP file's directory is larger than that of any bundle")


def _refuse_bombs(archive: zipfile.ZipFile, size: int) -> None:
    """Raise UnverifiableError for a file whose content is out of all proportion to it."""
    packed = 0
    for entry in archive.infolist():
        packed += entry.compress_size
        tightest = _TIGHTEST_HASHES if entry.filename == LEAVES else _TIGHTEST
        if entry.file_size > _SMALL + tightest * entry.compress_size:
            raise UnverifiableError(f"{quoted(entry.filename)} is packed too tightly to be ours")
        if entry.compress_type not in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
            raise UnverifiableError(f"{quoted(entry.filename)} is packed in another way than ours")
    if packed > size:
        raise UnverifiableError("parts of the ZIP file overlap")


def _verify(archive: zipfile.ZipFile, found: Verified, trusted: Collection[str] | None) -> None:
    names = Counter(entry.filename for entry in archive.infolist())
    for name in sorted(name for name, number in names.items() if number > 1):
        raise UnverifiableError(f"{quoted(name)} is there twice")
    seal, keys = (parsed(_read(archive, name), name) for name in (SEAL, KEYS))
    open_envelope(found, seal, keys, trusted=trusted, names=(SEAL, KEYS))
    members = _manifest(archive, found)
    _check_root(archive, found)
    digests: set[str] = set()
    for problem in _lines(archive, found, members, digests):
        _note(found, problem)
    is_whole = not found.problems
    for problem in _objects(archive, digests):
        _note(found, problem)
    expected = {SEAL, KEYS, MANIFEST, *members}
    for name in names:
        is_named = name.startswith(OBJECTS) and name.removeprefix(OBJECTS) in digests
        is_unknown = name.startswith(OBJECTS) and not is_whole  # a line that is gone may name it
        if name not in expected and not is_named and not is_unknown:
            _note(found, f"{quoted(name)} is not part of what was sealed")


def _note(found: Verified, problem: str) -> None:
    if len(found.problems) == MOST_PROBLEMS:
        raise UnverifiableError("and more")
    found.problems.append(problem)


@contextmanager
def _member(archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    """Open a member; raises UnverifiableError when it is missing, or not readable to its end."""
    try:
        with archive.open(name) as member:
            yield member
    except KeyError:
        raise UnverifiableError(f"{name} is missing") from None
    except _DAMAGED as error:
        raise UnverifiableError(f"{name} is damaged: {_reason(error)}") from None


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    with _member(archive, name) as member:
        content = member.read(_LARGEST_SMALL + 1)
    if len(content) > _LARGEST_SMALL:
        raise UnverifiableError(f"{name} is too large")
    return content


def _manifest(archive: zipfile.ZipFile, found: Verified) -> dict[str, str]:
    """Return the SHA-256 of each file of leaves, as it was signed."""
    content = _read(archive, MANIFEST)
    if hashlib.sha256(content).hexdigest() != found.subject:
        raise UnverifiableError(f"{MANIFEST} was changed: it is not the one that was signed")
    document = parsed(content, MANIFEST)
    expected = {"audit_id", "members"}
    members = document.get("members") if isinstance(document, dict) else None
    names = {LEAVES, *(f"{kind}.jsonl" for kind in KINDS)}
    if not isinstance(members, dict) or members.keys() != names or document.keys() != expected:
        raise UnverifiableError(f"{MANIFEST} is of another kind than this program knows")
    if document["audit_id"] != found.predicate["audit_id"]:
        raise UnverifiableError(f"{MANIFEST} is of another audit than the seal")
    return members


def _check_root(archive: zipfile.ZipFile, found: Verified) -> None:
    size = found.predicate["tree_size"] * HASH_BYTES
    with _member(archive, LEAVES) as member:
        is_whole = archive.getinfo(LEAVES).file_size == size
        if not is_whole or root(_hashes(member)).hex() != found.predicate["root"]:
            raise UnverifiableError(
                f"{LEAVES} was changed: its root is not the one that was signed"
            )


def _hashes(member: IO[bytes]) -> Iterator[bytes]:
    while part := member.read(_AT_ONCE):
        for at in range(0, len(part), HASH_BYTES):
            yield part[at : at + HASH_BYTES]


def _lines(
    archive: zipfile.ZipFile, found: Verified, members: dict[str, str], digests: set[str]
) -> Iterator[str]:
    """Yield what is wrong with the leaves; add the objects that they name to `digests`."""
    with _member(archive, LEAVES) as member:
        hashes = _hashes(member)
        for kind in KINDS:
            sealed = found.predicate["leaves"][kind]
            expected = islice(hashes, sealed)
            try:
                digest = _compare(archive, kind, expected, sealed, digests)
            except UnverifiableError as error:
                yield str(error)
                deque(expected, maxlen=0)  # the next kind's begin there
            else:
                if digest != members[f"{kind}.jsonl"]:
                    yield f"{kind}.jsonl is not the one of {MANIFEST}"


def _compare(
    archive: zipfile.ZipFile, kind: str, expected: Iterator[bytes], sealed: int, digests: set[str]
) -> str:
    """Return the SHA-256 of a file of leaves; raises UnverifiableError, with the first bad line."""
    name, whole, at = f"{kind}.jsonl", hashlib.sha256(), 0
    with _member(archive, name) as member:
        while line := member.readline(_LONGEST_LINE):
            at += 1
            if at > sealed:
                raise UnverifiableError(f"{name}: line {at} was added; {sealed} were sealed")
            hashed = leaf_hash(line[:-1]) if line.endswith(b"\n") else b""
            if hashed != next(expected):
                raise UnverifiableError(f"{name}: line {at} is not the one that was sealed")
            whole.update(line)
            if digest := _named(kind, line, f"{name}: line {at}"):
                digests.add(digest)
    if at != sealed:
        raise UnverifiableError(f"{name}: line {at + 1} is not the one that was sealed")
    return whole.hexdigest()


def _named(kind: str, line: bytes, place: str) -> str | None:
    """Return the digest of the object that a leaf names; raises UnverifiableError."""
    try:
        digest: object = digest_in(kind, line)
    except (ValueError, LookupError, TypeError):
        digest = line
    if digest is None or is_digest(digest):
        return str(digest) if digest else None
    raise UnverifiableError(f"{place} is of another form than this program knows")


def _objects(archive: zipfile.ZipFile, digests: set[str]) -> Iterator[str]:
    for digest in sorted(digests):
        name, hashed = OBJECTS + digest, hashlib.sha256()
        try:
            with _member(archive, name) as member:
                while part := member.read(1 << 20):
                    hashed.update(part)
        except UnverifiableError as error:
            yield str(error)
        else:
            if hashed.hexdigest() != digest:
                yield f"{name} was changed"
