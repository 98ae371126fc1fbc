"""Bundles of real audits: an untouched one verifies, any other does not and names the change."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.waiting import SECONDS

from cloudsealed.audits.sealing import seal as seals
from cloudsealed.audits.sealing.seal import public_keys
from cloudsealed.audits.sealing.verify import verify_bundle, verify_chain
from cloudsealed.kit.canonical import canonical, sha256
from cloudsealed.packs import load_policies
from cloudsealed.storage.keys import Key, KeyRing, load_keys, replace_key

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def bundles(audited: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The bundles of the three audits, in the order of their seals."""
    folder, installation = tmp_path_factory.mktemp("bundles"), audited.installation
    made = []
    for number, audit in enumerate(audited.audits):
        path = folder / f"{number}.zip"
        pieces = installation.services.evidence.bundle(
            tenant=installation.tenant, ident=audit["id"]
        )
        path.write_bytes(b"".join(pieces))
        made.append(path)
    return made


@pytest.fixture(scope="module")
def members(bundles: list[Path]) -> Members:
    with zipfile.ZipFile(bundles[0]) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[[Members], Path]:
    def zipped(members: Members) -> Path:
        path = tmp_path / "changed.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path

    return zipped


def test_a_bundle_verifies_and_is_the_same_bytes_again(audited: Any, bundles: list[Path]) -> None:
    found = verify_bundle(bundles[0])
    assert found.problems == []
    audit = audited.audits[0]
    assert found.predicate["verdict_digest"] == audit["verdict_digest"]
    assert found.predicate["leaves"]["calls"] == sum(audit["calls"].values())
    again = audited.installation.services.evidence.bundle(
        tenant=audited.installation.tenant, ident=audit["id"]
    )
    assert b"".join(again) == bundles[0].read_bytes()


def test_an_untouched_copy_zipped_again_in_another_order_verifies(
    members: Members, zipped: Any
) -> None:
    assert verify_bundle(zipped(dict(sorted(members.items(), reverse=True)))).problems == []


def test_every_answer_and_snapshot_is_in_it(members: Members) -> None:
    kinds = {name.partition("/")[0] for name in members}
    assert kinds == {
        "seal.json",
        "keys.json",
        "manifest.json",
        "leaves.bin",
        "policies.jsonl",
        "calls.jsonl",
        "snapshots.jsonl",
        "observations.jsonl",
        "objects",
    }
    assert len(members["policies.jsonl"].splitlines()) == len(load_policies())
    assert sum(name.startswith("objects/") for name in members) > 200


@settings(max_examples=60)
@given(data=st.data())
def test_any_flipped_byte_of_any_member_is_found_and_its_member_named(
    members: Members, zipped: Any, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(members)))
    content = bytearray(members[name])
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    problems = verify_bundle(zipped({**members, name: bytes(content)})).problems
    assert problems
    assert any(name in problem for problem in problems) or name == "keys.json"


@pytest.mark.parametrize("name", ["seal.json", "keys.json", "manifest.json"])
def test_every_byte_of_the_seal_and_the_key_counts(
    members: Members, zipped: Any, name: str
) -> None:
    small = {key: members[key] for key in members if not key.startswith("objects/")}
    for at in range(len(members[name])):
        content = bytearray(members[name])
        content[at] ^= 1
        problems = verify_bundle(zipped({**small, name: bytes(content)})).problems
        assert not problems[0].startswith("objects/"), at


@pytest.mark.parametrize("change", ["drop", "repeat", "reorder", "add", "last newline"])
@pytest.mark.parametrize("kind", ["policies", "calls", "snapshots", "observations"])
def test_a_line_dropped_added_repeated_or_moved_is_named(
    members: Members, zipped: Any, kind: str, change: str
) -> None:
    name = f"{kind}.jsonl"
    lines = members[name].splitlines(keepends=True)
    changed = {
        "drop": [*lines[:3], *lines[4:]],
        "repeat": [*lines[:4], *lines[3:]],
        "reorder": [*lines[:3], lines[4], lines[3], *lines[5:]],
        "add": [*lines, lines[-1]],
        "last newline": [*lines[:-1], lines[-1][:-1]],
    }[change]
    place = {"add": len(lines) + 1, "last newline": len(lines), "repeat": 5}.get(change, 4)
    [problem] = verify_bundle(zipped({**members, name: b"".join(changed)})).problems
    assert problem.startswith(f"{name}: line {place} ")


@pytest.mark.parametrize(
    "dropped", ["seal.json", "keys.json", "manifest.json", "leaves.bin", "calls.jsonl"]
)
def test_a_missing_member_is_named(members: Members, zipped: Any, dropped: str) -> None:
    left = {name: content for name, content in members.items() if name != dropped}
    assert verify_bundle(zipped(left)).problems[0] == f"{dropped} is missing"


def test_objects_are_named_when_they_are_missing_added_or_swapped(
    members: Members, zipped: Any
) -> None:
    one, two = [name for name in members if name.startswith("objects/")][:2]
    swapped = {**members, one: members[two], two: members[one]}
    assert sorted(verify_bundle(zipped(swapped)).problems) == sorted(
        [f"{one} was changed", f"{two} was changed"]
    )
    left = {name: content for name, content in members.items() if name != one}
    assert verify_bundle(zipped(left)).problems == [f"{one} is missing"]
    added = {**members, "objects/" + "0" * 64: b"{}", "note.txt": b"hello"}
    assert verify_bundle(zipped(added)).problems == [
        f"“objects/{'0' * 64}” is not part of what was sealed",
        "“note.txt” is not part of what was sealed",
    ]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice_is_refused(members: Members, zipped: Any) -> None:
    path = zipped(members)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("calls.jsonl", members["calls.jsonl"])
    assert verify_bundle(path).problems == ["“calls.jsonl” is there twice"]


def test_a_policy_version_that_was_swapped_is_named(members: Members, zipped: Any) -> None:
    lines = members["policies.jsonl"].splitlines()
    kind, version = orjson.loads(lines[7])
    version["spec"]["fail_when"] = "false"
    lines[7] = canonical([kind, version])
    changed = {**members, "policies.jsonl": b"\n".join([*lines, b""])}
    assert verify_bundle(zipped(changed)).problems == [
        "policies.jsonl: line 8 is not the one that was sealed"
    ]


def test_who_signs_it_anew_is_not_trusted(audited: Any, members: Members, zipped: Any) -> None:
    keys = public_keys(audited.installation.services.keys)
    assert verify_bundle(zipped(members), keys).is_trusted
    forger = Key("forged", os.urandom(32))
    payload = base64.b64decode(orjson.loads(members["seal.json"])["payload"])
    envelope = seals.sign(
        {**orjson.loads(payload), "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}]},
        forger,
    )
    public = Ed25519PrivateKey.from_private_bytes(forger.secret).public_key()
    own = {seals.key_id(public): base64.b64encode(public.public_bytes_raw()).decode()}
    forged = {**members, "seal.json": envelope, "keys.json": canonical(own)}
    [problem] = verify_bundle(zipped(forged), keys).problems
    assert "not trusted" in problem
    replaced = verify_bundle(zipped({**members, "keys.json": canonical(own)}))
    assert "another key" in replaced.problems[0]
    borrowed = {next(iter(keys)): next(iter(own.values()))}
    changed = verify_bundle(zipped({**members, "keys.json": canonical(borrowed)}))
    assert "not the one of its id" in changed.problems[0]


def test_the_bundles_of_a_tenant_form_a_chain_that_misses_none(bundles: list[Path]) -> None:
    one, two, three = (verify_bundle(path) for path in bundles)
    assert verify_chain([three, one, two]) == []
    [gap] = verify_chain([one, three])
    assert "seals 2 to 2 are missing" in gap
    [same] = verify_chain([one, one])
    assert "same place" in same
    two.digest = sha256(b"another")
    [other] = verify_chain([one, two, three])
    assert "another seal came before it" in other


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + b"\0" * 18, b"PK\x03\x04garbage" * 50])
def test_what_is_no_bundle_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    assert verify_bundle(path).problems


@settings(max_examples=80)
@given(data=st.data())
def test_a_byte_flipped_in_the_file_itself_is_found_unless_it_is_none_of_a_members(
    bundles: list[Path], members: Members, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(bundles[0].read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "flipped.zip"
    path.write_bytes(content)
    if not verify_bundle(path).problems:
        with zipfile.ZipFile(path) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == members


def test_the_command_needs_neither_server_nor_network(
    audited: Any, bundles: list[Path], members: Members, zipped: Any, tmp_path: Path
) -> None:
    trusted = tmp_path / "keys.json"
    keys = public_keys(audited.installation.services.keys)
    served = [{"key_id": name, "public_key": text} for name, text in keys.items()]
    trusted.write_bytes(orjson.dumps({"keys": served}))

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = (
            "import socket, sys\n"
            "def refused(*_): raise AssertionError('the network was used')\n"
            "socket.socket.connect = socket.getaddrinfo = refused\n"
            "from cloudsealed.cli.main import main\n"
            "sys.exit(main())"
        )
        return subprocess.run(
            [sys.executable, "-c", command, "verify", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=SECONDS,
            check=False,
            env={"PATH": os.environ["PATH"]},
        )

    good = run("--key", trusted, *bundles)
    assert good.returncode == 0, good.stderr
    assert good.stdout.count("✓") == 4
    assert "which is trusted" in good.stdout
    assert "--key" in run(bundles[0]).stdout
    bad = run("--key", trusted, bundles[0], zipped({**members, "leaves.bin": b""}))
    assert bad.returncode == 1
    assert "leaves.bin was changed" in bad.stdout
    assert not list(tmp_path.glob("cloudsealed-data*"))


def test_a_small_bundle_is_whole_too(install: Any, estate: Any, tmp_path: Path) -> None:
    installation = install(tmp_path / "small", estate)
    audit = installation.audit(services=["sqs"], regions=["eu-west-1"])
    pieces = list(
        installation.services.evidence.bundle(tenant=installation.tenant, ident=audit["id"])
    )
    path = tmp_path / "small.zip"
    path.write_bytes(b"".join(pieces))
    found = verify_bundle(path)
    assert found.problems == []
    assert found.predicate["sequence"] == 1
    assert all(pieces)


def test_seals_of_a_key_that_was_replaced_verify_beside_those_of_the_new_one(
    install: Any, estate: Any, tmp_path: Path
) -> None:
    def sealed(name: str) -> Path:
        installation = install(tmp_path / "rotated", estate)
        audit = installation.audit(services=["sqs"], regions=["eu-west-1"])
        path = tmp_path / name
        pieces = installation.services.evidence.bundle(
            tenant=installation.tenant, ident=audit["id"]
        )
        path.write_bytes(b"".join(pieces))
        return path

    first = sealed("first.zip")
    replace_key(tmp_path / "rotated" / "keys.json", "seal")
    second = sealed("second.zip")
    keys = public_keys(load_keys(tmp_path / "rotated" / "keys.json"))
    one, two = (verify_bundle(path, keys) for path in (first, second))
    assert one.problems == two.problems == []
    assert [two.key_id, one.key_id] == list(keys)
    assert verify_chain([one, two]) == []
    assert verify_bundle(first, {two.key_id}).problems == [
        f"seal.json was signed by a key that is not trusted: {one.key_id}"
    ]


@pytest.mark.parametrize(
    "manifest",
    [[], {}, {"members": {}}, {"audit_id": "x", "members": []}, {"audit_id": 1, "members": 2}],
)
def test_a_signed_manifest_of_another_form_is_refused(
    members: Members, zipped: Any, manifest: Any
) -> None:
    forger = Key("forged", os.urandom(32))
    content = canonical(manifest)
    statement = seals.payload(members["seal.json"])
    subject = [{"name": "manifest.json", "digest": {"sha256": sha256(content)}}]
    envelope = seals.sign({**statement, "subject": subject}, forger)
    keys = canonical(seals.signer(envelope, KeyRing({"seal": (forger,)})))
    forged = {**members, "seal.json": envelope, "keys.json": keys, "manifest.json": content}
    assert verify_bundle(zipped(forged)).problems == [
        "manifest.json is of another kind than this program knows"
    ]
