"""A seal is one root over everything, checked here without any of the product's own checks."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.dsse import Envelope as SecureEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey
from tests.audits.world import TENANT, Cloud
from tests.waiting import SECONDS

from cloudsealed.audits.model import AuditNotFinishedError
from cloudsealed.audits.sealing import seal as seals
from cloudsealed.audits.sealing.chain import append, envelope_of
from cloudsealed.audits.sealing.tree import path_of
from cloudsealed.kit.merkle import leaf_hash, verify
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import Key, KeyRing
from cloudsealed.storage.schema import calls
from cloudsealed.storage.tenancy import take_turn

KEY = Key("seal-1", os.urandom(32))


def public() -> Ed25519PublicKey:
    return Ed25519PrivateKey.from_private_bytes(KEY.secret).public_key()


def statement_of(envelope: bytes, key: Ed25519PublicKey) -> dict[str, Any]:
    """Check a DSSE envelope as its specification says; raises InvalidSignature."""
    document = json.loads(envelope)
    kind, payload = document["payloadType"].encode(), base64.b64decode(document["payload"])
    signed = b" ".join(
        [b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload]
    )
    key.verify(base64.b64decode(document["signatures"][0]["sig"]), signed)
    statement: dict[str, Any] = json.loads(payload)
    return statement


def root_of(leaves: list[bytes]) -> bytes:
    """Return the root as RFC 9162, 2.1.1 defines it."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while 2 * split < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


@pytest.fixture
def judged(begin: Any, cloud: Cloud, check: Any) -> Any:
    """An audit of some queues, ready to be sealed."""
    cloud.queues = {f"q{number}": {"A": str(number)} for number in range(6)}
    policy = check("resource.Attributes.A == '3'")
    audit = begin(policy_set=(policy.as_dict(),))
    audit.collect(cloud)
    audit.judge(policy)
    return audit


def lines(database: Database, audit: Any) -> list[bytes]:
    kinds = seals.leaves_by_kind(database, tenant=TENANT, audit=audit.audit)
    return [line for _kind, lines in kinds for line in lines]


def sealed(database: Database, audit: Any, key: Key = KEY) -> bytes:
    lease = audit.take()
    root, tally = seals.grow(database, lease, audit.audit)
    with lease.write() as connection:
        take_turn(connection, tenant=TENANT)
        return seals.seal(
            connection,
            tenant=TENANT,
            audit=audit.audit,
            root=root,
            tally=tally,
            verdict_digest="0" * 64,
            finished_at="2026-01-01T00:00:00.000Z",
            key=key,
        )


def test_the_root_is_that_of_every_policy_call_snapshot_and_observation(
    database: Database, judged: Any
) -> None:
    leaves = lines(database, judged)
    said = statement_of(sealed(database, judged), public())["predicate"]
    assert said["leaves"] == {"policies": 1, "calls": 8, "snapshots": 6, "observations": 6}
    assert said["tree_size"] == len(leaves) == 21
    assert said["root"] == root_of(leaves).hex()
    for index, leaf in enumerate(leaves):
        path = path_of(database, tenant=TENANT, audit_id=judged.id, index=index, size=21)
        assert verify(leaf_hash(leaf), index, 21, path, root_of(leaves))


def test_the_subject_is_the_manifest_of_the_files_of_leaves(
    database: Database, judged: Any
) -> None:
    kinds = {
        f"{kind}.jsonl": b"".join(line + b"\n" for line in found)
        for kind, found in seals.leaves_by_kind(database, tenant=TENANT, audit=judged.audit)
    }
    kinds["leaves.bin"] = b"".join(leaf_hash(leaf) for leaf in lines(database, judged))
    members = {name: hashlib.sha256(content).hexdigest() for name, content in kinds.items()}
    manifest = {"audit_id": judged.id, "members": members}
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    [subject] = statement_of(sealed(database, judged), public())["subject"]
    assert subject == {
        "name": "manifest.json",
        "digest": {"sha256": hashlib.sha256(text.encode()).hexdigest()},
    }


def test_another_implementation_of_the_envelope_agrees(database: Database, judged: Any) -> None:
    raw = sealed(database, judged)
    envelope = SecureEnvelope.from_dict(json.loads(raw))
    theirs = SSlibKey.from_crypto(public())
    theirs.keyid = seals.key_id(public())
    assert set(envelope.verify([theirs], 1)) == {theirs.keyid}
    payload = base64.b64decode(json.loads(raw)["payload"])
    assert envelope.pae() == seals.signed_bytes(payload)
    other = SSlibKey.from_crypto(Ed25519PrivateKey.generate().public_key())
    other.keyid = theirs.keyid
    with pytest.raises(VerificationError):
        envelope.verify([other], 1)


def test_a_seal_made_with_a_key_that_was_replaced_still_names_and_verifies_by_it(
    database: Database, judged: Any
) -> None:
    envelope = sealed(database, judged)
    fresh = Key("seal-2", os.urandom(32))
    ring = KeyRing({"seal": (fresh, KEY)})
    assert list(seals.public_keys(ring)) == [
        seals.key_id(seals.public_key(k)) for k in (fresh, KEY)
    ]
    [(name, text)] = seals.signer(envelope, ring).items()
    assert name == seals.key_id(public())
    assert base64.b64decode(text) == public().public_bytes_raw()
    assert seals.signer(envelope, KeyRing({"seal": (fresh,)})) == {}


def test_a_leaf_names_what_is_stored_by_its_sha256(database: Database, judged: Any) -> None:
    leaves = [json.loads(leaf) for leaf in lines(database, judged)]
    snapshots = [leaf for leaf in leaves if isinstance(leaf, list) and leaf[0].startswith("arn:")]
    assert len(snapshots) == 6
    for native_id, address in snapshots:
        stored = judged.snapshots.at(address)
        text = json.dumps(stored, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(text.encode()).hexdigest() == address
        assert stored["native_id"] == native_id


def test_a_changed_call_gives_another_root(database: Database, judged: Any, cloud: Cloud) -> None:
    def root() -> bytes:
        return seals.grow(database, judged.take(), judged.audit)[0]

    before = root()
    assert root() == before
    with database.write() as connection:
        connection.run(calls.update().values(outcome="denied"))
    assert root() != before


def test_an_envelope_with_any_byte_of_its_statement_flipped_is_refused(
    database: Database, judged: Any
) -> None:
    document = json.loads(sealed(database, judged))
    payload = base64.b64decode(document["payload"])
    for position in range(0, len(payload), 37):
        forged = bytearray(payload)
        forged[position] ^= 1
        envelope = {**document, "payload": base64.b64encode(forged).decode()}
        with pytest.raises(InvalidSignature):
            statement_of(json.dumps(envelope).encode(), public())
        with pytest.raises(InvalidSignature):
            seals.opened(json.dumps(envelope).encode(), public())


def test_another_key_s_signature_is_refused(database: Database, judged: Any) -> None:
    envelope = sealed(database, judged)
    other = Ed25519PrivateKey.generate().public_key()
    with pytest.raises(InvalidSignature):
        seals.opened(envelope, other)
    assert json.loads(envelope)["signatures"][0]["keyid"] == seals.key_id(public())
    assert seals.key_id(public()) == hashlib.sha256(public().public_bytes_raw()).hexdigest()


def test_each_seal_names_the_one_before_it(database: Database, begin: Any) -> None:
    audits = [begin() for _ in range(3)]
    envelopes = [sealed(database, audit) for audit in audits]
    links = [statement_of(envelope, public())["predicate"] for envelope in envelopes]
    assert [link["sequence"] for link in links] == [1, 2, 3]
    hashes = [hashlib.sha256(envelope).hexdigest() for envelope in envelopes]
    assert [link["previous"] for link in links] == [None, *hashes[:2]]
    for audit, envelope in zip(audits, envelopes, strict=True):
        assert envelope_of(database, tenant=TENANT, audit_id=audit.id) == envelope


def test_audits_that_finish_at_once_never_fork_the_chain(database: Database, begin: Any) -> None:
    audits = [begin() for _ in range(8)]
    gate, made = threading.Barrier(len(audits)), []

    def finish(audit: Any) -> None:
        gate.wait(SECONDS)
        made.append(sealed(database, audit))

    threads = [threading.Thread(target=finish, args=(audit,)) for audit in audits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert len(made) == len(audits)
    chain = sorted(made, key=lambda e: statement_of(e, public())["predicate"]["sequence"])
    links = [statement_of(envelope, public())["predicate"] for envelope in chain]
    assert [link["sequence"] for link in links] == list(range(1, 9))
    hashes = [hashlib.sha256(envelope).hexdigest() for envelope in chain]
    assert [link["previous"] for link in links] == [None, *hashes[:-1]]


def test_a_place_of_the_chain_is_taken_once(database: Database, begin: Any) -> None:
    with database.write() as connection:
        append(connection, tenant=TENANT, sequence=1, audit_id="aud_1", envelope=b"{}")
    for taken in ({"sequence": 1, "audit_id": "aud_2"}, {"sequence": 2, "audit_id": "aud_1"}):
        with pytest.raises(Exception, match=r"(?i)unique"), database.write() as connection:
            append(connection, tenant=TENANT, envelope=b"{}", **taken)  # type: ignore[arg-type]  # by name


def test_an_audit_that_has_not_completed_has_no_seal(database: Database, begin: Any) -> None:
    with pytest.raises(AuditNotFinishedError):
        envelope_of(database, tenant=TENANT, audit_id=begin().id)
