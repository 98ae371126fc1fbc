"""The proof of one finding of a real audit verifies alone; any other does not and says why."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cloudsealed.audits.model import AuditNotFoundError
from cloudsealed.audits.sealing.proof import ObservationNotFoundError, verify_proof
from cloudsealed.audits.sealing.seal import leaves_by_kind, payload, sign, signer
from cloudsealed.audits.sealing.tree import path_of
from cloudsealed.cli.main import app
from cloudsealed.kit.canonical import canonical, sha256
from cloudsealed.kit.merkle import leaf_hash
from cloudsealed.storage.keys import Key, KeyRing, key_id, public_key

Proof = dict[str, Any]


def proved(audited: Any, finding: dict[str, Any], audit_id: str | None = None) -> Proof:
    installation = audited.installation
    proof: Proof = installation.services.evidence.proof(
        tenant=installation.tenant, ident=finding["id"], audit_id=audit_id
    )
    return proof


@pytest.fixture(scope="module")
def proof(audited: Any) -> Proof:
    finding = audited.installation.finding("aws-s3-bucket-plain-http", "larkspur-public-assets")
    return proved(audited, finding)


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[object], Path]:
    def stored(document: object) -> Path:
        path = tmp_path / "proof.json"
        path.write_bytes(document if isinstance(document, bytes) else orjson.dumps(document))
        return path

    return stored


def test_the_observation_of_every_finding_is_proved_in_every_audit_that_has_it(
    audited: Any, stored: Any
) -> None:
    known = 0
    for finding in audited.installation.findings().values():
        for audit in audited.audits:
            try:
                made = proved(audited, finding, audit["id"])
            except ObservationNotFoundError:
                continue
            found = verify_proof(stored(made))
            assert found.problems == []
            assert found.leaf is not None
            assert found.leaf["native_id"] == finding["resource"]["native_id"]
            assert found.policy_key == finding["policy"]["key"]
            assert found.predicate["audit_id"] == audit["id"]
            known += 1
    assert known > 300


def test_a_proof_without_its_seal_is_about_a_kilobyte(proof: Proof) -> None:
    own = {name: value for name, value in proof.items() if name not in ("seal", "keys", "leaf")}
    assert len(orjson.dumps(own)) < 1_000


@settings(max_examples=400)
@given(data=st.data())
def test_any_flipped_byte_of_a_proof_is_found(
    proof: Proof, stored: Any, data: st.DataObject
) -> None:
    content = bytearray(orjson.dumps(proof))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    assert verify_proof(stored(bytes(content))).problems


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"audit_id": "aud_another"}, "audit_id was changed"),
        ({"policy_key": "aws-s3-bucket-public"}, "policy_key"),
        ({"account": "000000000000"}, "account"),
        ({"index": 0}, "do not lead to the root"),
        ({"index": True}, "do not lead to the root"),
        ({"path": []}, "do not lead to the root"),
        ({"path": None}, "do not lead to the root"),
        ({"leaf": 7}, "do not lead to the root"),
        ({"keys": {}}, "keys must hold the one key"),
        ({"seal": {}}, "seal is no envelope"),
        ({"more": 1}, "neither a bundle nor the proof"),
    ],
)
def test_what_was_changed_is_named(
    proof: Proof, stored: Any, change: dict[str, Any], said: str
) -> None:
    [problem] = verify_proof(stored({**proof, **change})).problems
    assert said in problem


def test_a_leaf_that_is_no_observation_proves_nothing(
    audited: Any, proof: Proof, stored: Any
) -> None:
    installation = audited.installation
    [policy] = [
        line
        for line in _lines(audited, proof["audit_id"], "policies")
        if b'"aws-s3-bucket-plain-http"' in line
    ]
    number = _lines(audited, proof["audit_id"], "policies").index(policy)
    size = verify_proof(stored(proof)).predicate["tree_size"]
    path = path_of(
        installation.services.database,
        tenant=installation.tenant,
        audit_id=proof["audit_id"],
        index=number,
        size=size,
    )
    texts = [base64.b64encode(each).decode() for each in path]
    other = {**proof, "leaf": policy.decode(), "index": number, "path": texts}
    assert verify_proof(stored(other)).problems == ["the leaf is not an observation"]


def _lines(audited: Any, audit_id: str, kind: str) -> list[bytes]:
    services, tenant = audited.installation.services, audited.installation.tenant
    audit = services.audits.with_evidence(tenant=tenant, ident=audit_id)
    kinds = leaves_by_kind(services.database, tenant=tenant, audit=audit)
    return next(list(lines) for name, lines in kinds if name == kind)


def test_an_audit_that_did_not_observe_a_finding_has_no_proof_of_it(audited: Any) -> None:
    [first, *_] = audited.installation.findings().values()
    with pytest.raises(AuditNotFoundError):
        proved(audited, first, "aud_01JD0000000000000000000000")


def test_the_command_checks_a_proof_against_a_pinned_key(
    audited: Any, proof: Proof, stored: Any, tmp_path: Path
) -> None:
    path = str(stored(proof))
    public = public_key(audited.installation.services.keys.current("seal"))
    pem = tmp_path / "seal.pem"
    pem.write_bytes(
        public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    run = CliRunner().invoke
    for key in (f"sha256:{key_id(public)}", str(pem)):
        good = run(app, ["verify", "--key", key, path])
        assert good.exit_code == 0, good.output
        assert "which is trusted" in good.output
        assert "larkspur-public-assets" in good.output
        assert "aws-s3-bucket-plain-http" in good.output
    unpinned = run(app, ["verify", path])
    assert unpinned.exit_code == 0
    assert "not pinned" in unpinned.output
    assert run(app, ["verify", "--key", "sha256:" + "0" * 64, path]).exit_code == 1
    assert run(app, ["verify", "--key", "sha256:0", path]).exit_code == 2


@pytest.fixture
def forge() -> Callable[..., Proof]:
    """Returns a proof as a forger with a key of their own signs it."""
    forger = Key("forged", os.urandom(32))

    def forge(proof: Proof, leaf: Any = None, **said: Any) -> Proof:
        statement = payload(orjson.dumps(proof["seal"]))
        line = proof["leaf"] if leaf is None else canonical(leaf).decode()
        root = leaf_hash(line.encode()).hex()
        counts = {"policies": 0, "calls": 0, "snapshots": 0, "observations": 1}
        alone = {"root": root, "tree_size": 1, "leaves": counts}
        predicate = {**statement["predicate"], **alone, **said}
        kept = {name: value for name, value in predicate.items() if value is not None}
        envelope = sign({**statement, "predicate": kept}, forger)
        keys = signer(envelope, KeyRing({"seal": (forger,)}))
        seal = orjson.loads(envelope)
        return {**proof, "leaf": line, "index": 0, "path": [], "seal": seal, "keys": keys}

    return forge


def test_what_a_forger_signs_verifies_by_the_forgers_key_alone(
    proof: Proof, stored: Any, forge: Any
) -> None:
    forged = stored(forge(proof))
    assert verify_proof(forged).problems == []
    [problem] = verify_proof(forged, set(proof["keys"])).problems
    assert "not trusted" in problem


@pytest.mark.parametrize(
    "leaf", [[], {}, "x", {"native_id": "a"}, {"native_id": 1, "fingerprint": 2}]
)
def test_a_signed_leaf_of_another_form_is_refused(
    proof: Proof, stored: Any, forge: Any, leaf: Any
) -> None:
    [problem] = verify_proof(stored(forge(proof, leaf))).problems
    assert "leaf" in problem or "was changed" in problem


@pytest.mark.parametrize(
    "name", ["audit_id", "tenant_id", "kind", "finished_at", "verdict_digest", "sequence", "root"]
)
def test_a_signed_statement_that_lacks_something_is_refused(
    proof: Proof, stored: Any, forge: Any, name: str
) -> None:
    for value in (None, 1.5, ["x"]):
        [problem] = verify_proof(stored(forge(proof, **{name: value}))).problems
        assert "another kind than this program knows" in problem


@pytest.mark.parametrize("raw", [b"", b"short", bytes(31), b"\xff" * 32, bytes(64)])
def test_a_key_that_is_none_is_refused(proof: Proof, stored: Any, raw: bytes) -> None:
    keys = {sha256(raw): base64.b64encode(raw).decode()}
    assert len(verify_proof(stored({**proof, "keys": keys})).problems) == 1
