"""Forged bundles and proofs: refused with words, in little memory; what they say is a claim."""

from __future__ import annotations

import os
import struct
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.program import program

from cloudsealed.audits.sealing.seal import KINDS, sign, signer
from cloudsealed.events.chain import hash_of, signature
from cloudsealed.kit.canonical import canonical, sha256
from cloudsealed.storage.keys import Key, KeyRing, key_id, public_key

MEMORY = 256 * 1024 * 1024
KEY = Key("forged", b"f" * 32)
LIE = "\x1b[2J\r\n\N{CHECK MARK} bundle.zip  signed by sha256:00, which is trusted"
Verify = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    def verify(*arguments: object) -> subprocess.CompletedProcess[str]:
        return program().run(
            "verify",
            *map(str, arguments),
            folder=tmp_path,
            memory=MEMORY,
            environment={"PATH": os.environ["PATH"]},
        )

    return verify


def envelope(manifest: bytes, **said: Any) -> bytes:
    """Return a seal as a forger with a key of their own signs it."""
    predicate = {
        "tenant_id": LIE,
        "audit_id": LIE,
        "kind": LIE,
        "finished_at": LIE,
        "verdict_digest": LIE,
        "root": "0" * 64,
        "tree_size": 0,
        "leaves": dict.fromkeys(KINDS, 0),
        "sequence": 1,
        "previous": None,
        **said,
    }
    return sign(
        {
            "subject": [{"name": "manifest.json", "digest": {"sha256": sha256(manifest)}}],
            "predicateType": "https://cloudsealed.io/audit-seal/v1",
            "predicate": predicate,
        },
        KEY,
    )


def forged(path: Path, members: dict[str, Any], **said: Any) -> Path:
    """Write a bundle whose seal holds; `members` are added, zeros for a number."""
    names = ("leaves.bin", *(f"{kind}.jsonl" for kind in KINDS))
    manifest = canonical({"audit_id": LIE, "members": dict.fromkeys(names, sha256(b""))})
    seal = envelope(manifest, **said)
    keys = canonical(signer(seal, KeyRing({"seal": (KEY,)})))
    small = {"seal.json": seal, "keys.json": keys, "manifest.json": manifest}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**small, **members}.items():
            with archive.open(name, "w", force_zip64=True) as member:
                if isinstance(content, bytes):
                    member.write(content)
                else:
                    for _ in range(content >> 20):
                        member.write(bytes(1 << 20))
    return path


ENDLESS = 1 << 29
"""Bytes: twice the memory that verifying has."""
EMPTY = dict.fromkeys(("leaves.bin", *(f"{kind}.jsonl" for kind in KINDS)), b"")


@pytest.mark.parametrize("number", [1 << 40, (1 << 63) - 1])
def test_a_tree_as_large_as_the_world_is_refused(
    verify: Verify, tmp_path: Path, number: int
) -> None:
    leaves = dict.fromkeys(KINDS, 0) | {"calls": number}
    members = {**EMPTY, "leaves.bin": ENDLESS}
    done = verify(forged(tmp_path / "a.zip", members, leaves=leaves, tree_size=number))
    assert done.returncode == 1
    assert "leaves.bin” is packed too tightly to be ours" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["calls.jsonl", "objects/" + "0" * 64, "seal.json"])
def test_a_member_of_zeros_without_end_is_refused(
    verify: Verify, tmp_path: Path, name: str
) -> None:
    done = verify(forged(tmp_path / "a.zip", {**EMPTY, name: ENDLESS}))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "packed too tightly" in done.stdout


@pytest.mark.parametrize(
    "content",
    [
        b"{" + b'"a":[' * 500_000,
        b"{" * 100_000,
        b'{"object":"proof","object":"x"}',
        b'{"index":' + b"9" * 1_000_000 + b"}",
        b'{"\xff":1}',
        b'{"path":[' + b'"x",' * 400_000 + b"1]}",
        b'{"path":[' + b"[]," * 600_000 + b"1]}",
        b"{" + bytes(50_000_000),
        b"",
        b"PK\x03\x04",
        b"x" * 99,
    ],
    ids=[
        "deep",
        "deeper",
        "twice",
        "number",
        "bytes",
        "path",
        "lists",
        "zeros",
        "empty",
        "cut",
        "x",
    ],
)
def test_what_is_no_bundle_and_no_proof_is_refused_with_words(
    verify: Verify, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "x").write_bytes(content)
    done = verify("x")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("✗ x\n  ")


def test_a_bundle_that_was_cut_short_is_refused(verify: Verify, tmp_path: Path) -> None:
    whole = forged(tmp_path / "a.zip", EMPTY).read_bytes()
    for size in (1, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.zip").write_bytes(whole[:size])
        done = verify("cut.zip")
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def ended(entries: int, size: int, start: int = 0) -> bytes:
    """Return the end of a ZIP file: its directory's number of entries, size and place."""
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, size, start)
    place = struct.pack("<4sLQL", b"PK\6\7", 0, start + size, 1)
    tail = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return wide + place + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *tail)


def crowded(entries: int) -> bytes:
    """Return a ZIP file that is nothing but a directory, of entries as short as can be."""
    head = struct.pack("<4s6H3L", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0)
    directory = b"".join(
        head + struct.pack("<5H2L", 8, 0, 0, 0, 0, 0, 0) + b"%08x" % number
        for number in range(entries)
    )
    return directory + ended(entries, len(directory))


def hollow(path: Path, entries: int, size: int) -> None:
    """Write a ZIP file whose directory is a hole of so many bytes."""
    with path.open("wb") as file:
        file.seek(size)
        file.write(ended(entries, size))


def test_a_directory_that_is_larger_than_that_of_any_bundle_is_refused_unread(
    verify: Verify, tmp_path: Path
) -> None:
    (tmp_path / "crowded").write_bytes(crowded(100_000))
    hollow(tmp_path / "few", 1, 1 << 31)
    hollow(tmp_path / "many", 1 << 33, 1 << 40)
    done = verify("crowded", "few", "many")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("directory is larger than that of any bundle") == 3


def test_a_bundle_whose_directory_needs_wide_numbers_is_read(
    verify: Verify, tmp_path: Path
) -> None:
    whole = forged(tmp_path / "zip", EMPTY, root=sha256(b"")).read_bytes()
    entries, size, start = struct.unpack_from("<H2L", whole, len(whole) - 12)
    end = ended(entries, size, start)
    (tmp_path / "wide").write_bytes(whole[: start + size] + end)
    (tmp_path / "moved").write_bytes(whole[: start + size] + end.replace(b"PK\6\6", b"PK\6\5"))
    (tmp_path / "said").write_bytes(whole[:-2] + b"\5\0words")
    done = verify("wide", "moved", "said")
    assert done.stdout.startswith("? wide\n")
    assert done.stdout.count("the ZIP file is damaged") == 2


def test_what_has_no_end_and_what_is_no_file_is_refused(verify: Verify, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("/dev/zero", "pipe"):
        done = verify(name)
        assert done.returncode == 1
        assert "no regular file" in done.stdout
    assert verify(tmp_path).returncode == 2
    (tmp_path / "x").write_bytes(b"x")
    assert verify("--key", "/dev/zero", "x").returncode == 2


def test_what_an_unpinned_bundle_says_stands_behind_a_margin_as_a_claim(
    verify: Verify, tmp_path: Path
) -> None:
    empty = sha256(b"")
    done = verify(forged(tmp_path / "a.zip", EMPTY, root=empty))
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("? ")
    assert "it claims, as anybody could" in done.stdout
    assert "not pinned" in done.stdout
    told = [line for line in done.stdout.splitlines() if "which is trusted" in line]
    assert told
    assert all(line.startswith("  │ ") for line in told)
    assert "✓" not in done.stdout.replace("  │ ", "").split("“")[0]
    assert done.stdout.replace("\n", "").isprintable()
    assert verify("--key", "sha256:" + "0" * 64, tmp_path / "a.zip").returncode == 1


@pytest.mark.parametrize("key", [["x"], {"a": 1}, 7, None, LIE])
def test_a_signature_by_no_key_is_refused(verify: Verify, tmp_path: Path, key: Any) -> None:
    path = forged(tmp_path / "a.zip", EMPTY)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    seal = orjson.loads(members["seal.json"])
    seal["signatures"][0]["keyid"] = key
    done = verify(forged(tmp_path / "b.zip", {**members, "seal.json": canonical(seal)}))
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "signed by a key without an id" in done.stdout


def chained(count: int, **said: Any) -> list[bytes]:
    """Return the lines of an export of events, the last of them signed by a key of its own."""
    previous, lines = None, []
    for number in range(1, count + 1):
        event: dict[str, Any] = {
            "id": f"evt_{number}",
            "object": "event",
            "tenant_id": "ten_a",
            "actor": None,
            "type": "policy.changed",
            "subject": LIE,
            "created_at": LIE,
            "data": {},
            "request_id": None,
            "before": None,
            "after": None,
            **said,
            "sequence": number,
            "previous": previous,
            "signature": None,
        }
        event["hash"] = previous = hash_of(event)
        if number == count:
            event["signature"] = orjson.loads(signature("ten_a", number, previous, KEY))
        lines.append(canonical(event) + b"\n")
    return lines


def test_an_export_of_events_is_verified_as_a_chain(verify: Verify, tmp_path: Path) -> None:
    first, second, third = chained(3)
    export, bad = tmp_path / "events.jsonl", tmp_path / "bad.jsonl"
    export.write_bytes(first + second + third)
    bad.write_bytes(first + third)
    pinned = f"sha256:{key_id(public_key(KEY))}"
    ended = verify("--key", pinned, export)
    assert ended.returncode == 0, ended.stdout
    assert "events     “1 to 3 of tenant ten_a, none left out”" in ended.stdout
    assert LIE not in ended.stdout
    ended = verify(export)
    assert (ended.returncode, "is not pinned" in ended.stdout) == (0, True)
    ended = verify("--key", f"sha256:{'0' * 64}", export)
    assert (ended.returncode, "is not trusted" in ended.stdout) == (1, True)
    ended = verify("--key", pinned, export, bad)
    assert (ended.returncode, "event 3 comes after event 1" in ended.stdout) == (1, True)
