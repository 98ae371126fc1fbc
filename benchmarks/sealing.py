"""What a seal and a proof cost: `python benchmarks/sealing.py` prints seconds and fails over a bar.

An audit of 100,000 resources and 200,000 observations in 100 places, with its ledger of calls, is
sealed from an SQLite store: every line read, hashed and put into the kept tree, the statement
signed. Then proofs of findings drawn at random are made from the store and checked. CPU time of
this process; the bars are those of the product's promise, far from what a fast machine needs.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from cloudsealed.audits.model import Audit, Target
from cloudsealed.audits.records import blocks
from cloudsealed.audits.sealing import seal
from cloudsealed.audits.sealing.proof import prove, verify_proof
from cloudsealed.audits.sealing.tree import path_of
from cloudsealed.audits.shard_store import Lease, Shards
from cloudsealed.findings.model import fingerprint
from cloudsealed.kit.canonical import sha256
from cloudsealed.kit.clock import utc_now
from cloudsealed.kit.merkle import leaf_hash, verify
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import KeyRing, ensure_keys
from cloudsealed.storage.migrate import migrate
from cloudsealed.storage.open import open_database
from cloudsealed.storage.schema import calls
from cloudsealed.storage.tenancy import take_turn
from cloudsealed.testing.factories import add_audits, make_audit
from cloudsealed.vocabulary import AuditStatus

ACCOUNTS, REGIONS, RESOURCES, CALLS, PROOFS = 5, 20, 1_000, 5_000, 300
POLICIES = ("aws-ec2-instance-imdsv1", "aws-ec2-instance-public-ip")
TENANT, TYPE, MOMENT = "ten_bench", "aws.ec2.instance", "2026-01-01T00:00:00.000Z"
MAX_SEAL_SECONDS, MAX_PROOF_MS = 10.0, 1.0


def places() -> Iterator[tuple[str, str]]:
    """The accounts and regions of the estate."""
    for account in range(ACCOUNTS):
        for region in range(REGIONS):
            yield f"{account:012d}", f"region-{region:02d}"


def native_id(place: tuple[str, str], number: int) -> str:
    """The native id of a resource."""
    return f"arn:aws:ec2:{place[1]}:{place[0]}:instance/i-{number:017x}"


def observation(policy: str, place: tuple[str, str], number: int) -> dict[str, Any]:
    """A line as the evaluator writes it; every tenth fails."""
    ident, fails = native_id(place, number), number % 10 == 0
    return {
        "native_id": ident,
        "type": TYPE,
        "outcome": "fail" if fails else "pass",
        "severity": "high",
        "snapshot": sha256(ident.encode()),
        "fingerprint": fingerprint(
            policy_key=policy, provider="aws", account=place[0], region=place[1], native_id=ident
        ),
        "title": f"Instance i-{number:017x} answers to IMDSv1" if fails else None,
        "evidence": [{"path": "MetadataOptions.HttpTokens", "value": "optional"}],
        "reasons": [],
        "classified_by": None,
        "suppressed": False,
    }


def begun(database: Database) -> tuple[Audit, Lease]:
    """An audit that is about to be sealed."""
    audit = make_audit(
        status=AuditStatus.SEALING,
        targets=(Target("con_a", "000000000000", "aws", ("region-00",)),),
        clock=MOMENT,
        created_at=MOMENT,
        started_at=MOMENT,
    )
    add_audits(database, TENANT, audit)
    lease = Shards(database, utc_now).take(tenant=TENANT, ident=audit.id, owner="bench")
    assert lease is not None, "nobody else is there"
    return audit, lease


def fill(database: Database, audit: Audit) -> None:
    """Write the blocks and calls that an audit of this size leaves."""
    for account, region in places():
        place = (account, region)
        lines: dict[tuple[str, str], list[Any]] = {
            (blocks.SNAPSHOTS, TYPE): [
                [native_id(place, n), sha256(native_id(place, n).encode())]
                for n in range(RESOURCES)
            ]
        }
        for policy in POLICIES:
            found = [observation(policy, place, number) for number in range(RESOURCES)]
            lines[blocks.OBSERVATIONS, policy] = found
        with database.write() as connection:
            for (kind, key), each in lines.items():
                blocks.put(
                    connection,
                    tenant=TENANT,
                    audit_id=audit.id,
                    kind=kind,
                    key=key,
                    account=account,
                    region=region,
                    header={},
                    lines=blocks.Spool.of(TENANT, "2026-01", each),
                )
    with database.write() as connection:
        connection.many(calls.insert(), [call(audit.id, number) for number in range(CALLS)])


def call(audit_id: str, number: int) -> dict[str, Any]:
    """A row of the ledger."""
    return {
        "tenant_id": TENANT,
        "audit_id": audit_id,
        "provider": "aws",
        "account": "000000000000",
        "region": "region-00",
        "service": "ec2",
        "operation": "DescribeInstances",
        "parameters": orjson.dumps({"NextToken": str(number)}).decode(),
        "page": 0,
        "outcome": "ok",
        "attempts": 1,
        "duration_ms": 40,
        "request_id": None,
        "http_status": 200,
        "error_code": None,
        "error_message": None,
        "digest": sha256(str(number).encode()),
        "called_at": MOMENT,
    }


def sealed(database: Database, audit: Audit, lease: Lease, keys: KeyRing) -> float:
    """Seal the audit; return the CPU seconds."""
    began = time.process_time()
    root, tally = seal.grow(database, lease, audit)
    with lease.write() as connection:
        take_turn(connection, tenant=TENANT)
        seal.seal(
            connection,
            tenant=TENANT,
            audit=audit,
            root=root,
            tally=tally,
            verdict_digest="0" * 64,
            finished_at=MOMENT,
            key=keys.current("seal"),
        )
    return time.process_time() - began


def finding(rng: random.Random) -> dict[str, Any]:
    """What a proof needs to know of a finding, of one at random."""
    account, region = rng.choice(list(places()))
    ident = native_id((account, region), 10 * rng.randrange(RESOURCES // 10))
    resource = {"provider": "aws", "account": account, "region": region, "native_id": ident}
    return {"id": "fnd_x", "policy": {"key": rng.choice(POLICIES)}, "resource": resource}


def timed(work: Callable[[], Any], into: list[float]) -> Any:
    """Return what `work` returns; add its CPU milliseconds."""
    began = time.process_time()
    result = work()
    into.append(1_000 * (time.process_time() - began))
    return result


def main() -> int:
    """Print every figure; return 1 when a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        migrate(settings)
        keys, database = ensure_keys(settings.key_path), open_database(settings)
        audit, lease = begun(database)
        fill(database, audit)
        seconds = sealed(database, audit, lease, keys)
        size = CALLS + len(list(places())) * RESOURCES * (1 + len(POLICIES))
        print(f"sealing {size:,} leaves: {seconds:.2f} s CPU (bar {MAX_SEAL_SECONDS:.0f})")
        whole, paths, checks, sizes = _proofs(database, audit, keys, Path(folder) / "proof.json")
    middle = {name: statistics.median(each) for name, each in (("make", paths), ("check", checks))}
    print(f"path of a proof from the kept tree: {middle['make']:.3f} ms (bar {MAX_PROOF_MS:g})")
    print(f"check of a path: {middle['check']:.3f} ms (bar {MAX_PROOF_MS:g})")
    print(f"whole proof, its line found in the block: {statistics.median(whole):.2f} ms")
    print(f"proof without seal, key and leaf: {max(sizes)} bytes")
    return int(seconds > MAX_SEAL_SECONDS or max(middle.values()) > MAX_PROOF_MS)


def _proofs(
    database: Database, audit: Audit, keys: KeyRing, file: Path
) -> tuple[list[float], list[float], list[float], list[int]]:
    whole: list[float] = []
    paths: list[float] = []
    checks: list[float] = []
    sizes = []
    rng = random.Random(7)
    for _ in range(PROOFS):
        sought = finding(rng)
        proof = timed(
            lambda sought=sought: prove(
                database, tenant=TENANT, audit_id=audit.id, finding=sought, keys=keys
            ),
            whole,
        )
        file.write_bytes(orjson.dumps(proof))
        found = verify_proof(file)
        assert found.problems == [], "the proof is good"
        index, size = proof["index"], found.predicate["tree_size"]
        path = timed(
            lambda index=index, size=size: path_of(
                database, tenant=TENANT, audit_id=audit.id, index=index, size=size
            ),
            paths,
        )
        leaf, root = proof["leaf"].encode(), bytes.fromhex(found.predicate["root"])
        good = timed(
            lambda leaf=leaf, index=index, size=size, path=path, root=root: verify(
                leaf_hash(leaf), index, size, path, root
            ),
            checks,
        )
        assert good, "the path is good"
        own = {name: proof[name] for name in proof if name not in ("seal", "keys", "leaf")}
        sizes.append(len(orjson.dumps(own)))
    return whole, paths, checks, sizes


if __name__ == "__main__":
    sys.exit(main())
