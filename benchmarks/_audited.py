"""Adds to the store of `million.py` what audits leave: the resources of its findings, audits with
their results, and of the newest what it judged and which calls it made.

It is made once, like the store. Refuses to measure.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import orjson
from million import FINDINGS, TENANT

from cloudsealed.audits.model import Target
from cloudsealed.audits.records import blocks
from cloudsealed.audits.records.blocks import OBSERVATIONS, Block, Spool
from cloudsealed.audits.sealing.verdict import summarize
from cloudsealed.kit.batches import batches
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.ids import ulid
from cloudsealed.policies.service import PolicyService
from cloudsealed.policies.store import PolicyStore
from cloudsealed.resources import store as resources
from cloudsealed.resources.model import Identity, Resource
from cloudsealed.settings import Settings
from cloudsealed.storage import objects
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.open import open_database
from cloudsealed.storage.schema import audits, calls
from cloudsealed.testing.factories import add_audits, make_audit
from cloudsealed.vocabulary import AuditStatus, CallOutcome, ResourceState, Severity

AUDITS = 200
_NEWEST = f"aud_{ulid(1_790_000_000_000)}"
_ACCOUNTS = [f"{number:012d}" for number in range(20)]
_REGIONS = ["eu-west-1", "us-east-1", "eu-central-1", "global"]
_TYPE = "aws.ec2.security_group"
_BATCH = 5_000
_CALLS = 100  # of a region
_DOCUMENT = b'{"document":{"GroupId":"sg-1","IpPermissions":[{"FromPort":22,"ToPort":22}]}}'


def furnish(found: Settings) -> None:
    """Add it all to a filled store, unless it is there."""
    done = found.data_dir / "audited"
    if done.exists():
        return
    began = time.monotonic()
    database = open_database(found)
    chance = random.Random(11)
    with database.write() as connection:
        snapshot = objects.put(connection, TENANT, _DOCUMENT, "2026-11")
    for batch in batches(_resources(chance, snapshot), _BATCH):
        with database.write() as connection:
            resources.insert(connection, tenant=TENANT, new=batch)
    keys = [(policy.key, policy.spec) for policy in PolicyStore(database).all(tenant=TENANT)]
    cells = list(_cells(chance, keys))
    with database.write() as connection:
        for cell in cells:
            _put(connection, cell)
        connection.many(calls.insert(), list(_calls(chance)))
    _add_audits(database, cells)
    database.close()
    done.touch()
    print(
        f"added {FINDINGS // 4:,} resources and {AUDITS} audits in {time.monotonic() - began:.0f} s"
    )


def _resources(chance: random.Random, snapshot: str) -> Iterator[Resource]:
    """The resources that the findings of the store are of: four each."""
    for number in range(FINDINGS // 4):
        group, seen = f"sg-{chance.randrange(16**17):017x}", rfc3339(utc_now())
        account, region = _ACCOUNTS[number % 20], _REGIONS[number % 3]
        native_id = f"arn:aws:ec2:{region}:{account}:security-group/{group}"
        yield Resource(
            id=f"res_{number:026d}",
            identity=Identity("aws", account, region, _TYPE, native_id),
            connection_id=f"con_{account}",
            name=f"service-{number % 5000}",
            tags={"env": "prod" if number % 3 else "test", "owner": f"team-{number % 40}"},
            relations={"vpc": [f"vpc-{number % 200}"]},
            state=ResourceState.PRESENT,
            snapshot=snapshot,
            audit_id=_NEWEST,
            observed_at=seen,
            first_seen_at=seen,
            last_seen_at=seen,
        )


def _cells(chance: random.Random, keys: list[tuple[str, Mapping[str, Any]]]) -> Iterator[Block]:
    """What the newest audit judged: each check in each region of each account."""
    checks = [(key, spec) for key, spec in keys if "severity" in spec and "dimension" in spec]
    for key, spec in checks:
        for account in _ACCOUNTS:
            for region in _REGIONS:
                fails, unknown = chance.randrange(4), chance.randrange(40) == 0
                counts = {"fail": fails, "pass": 30, "unknown": int(unknown), "not_applicable": 2}
                header = {
                    "dimension": spec["dimension"],
                    "severity": spec["severity"],
                    "counts": counts,
                    "fails": {each.value: 0 for each in Severity} | {spec["severity"]: fails},
                    "suppressed": 0,
                    "missing": {"unread": int(unknown), "forbidden": 0, "out_of_scope": 0},
                    "complete": dict.fromkeys(spec["resource_types"], True),
                }
                yield Block(OBSERVATIONS, key, account, region, (), int(unknown), header)


def _put(connection: Connection, cell: Block) -> None:
    reason = {
        "kind": "call",
        "account": cell.account,
        "region": cell.region,
        "service": "ec2",
        "operation": "DescribeVolumes",
        "parameters": {},
        "outcome": CallOutcome.DENIED.value,
        "error_code": "AccessDenied",
        "curable": True,
    }
    line = {"native_id": f"{cell.account}/x", "outcome": "unknown", "reasons": [reason]}
    blocks.put(
        connection,
        tenant=TENANT,
        audit_id=_NEWEST,
        kind=cell.kind,
        key=cell.key,
        account=cell.account,
        region=cell.region,
        lines=Spool.of(TENANT, "2026-11", [line] * cell.count),
        header=cell.header,
    )


def _calls(chance: random.Random) -> Iterator[dict[str, Any]]:
    for account in _ACCOUNTS:
        for region in _REGIONS:
            for number in range(_CALLS):
                denied = chance.randrange(50) == 0
                outcome = CallOutcome.DENIED if denied else CallOutcome.OK
                yield {
                    "tenant_id": TENANT,
                    "audit_id": _NEWEST,
                    "provider": "aws",
                    "account": account,
                    "region": region,
                    "service": "ec2",
                    "operation": f"Describe{number}",
                    "parameters": "{}",
                    "page": 0,
                    "outcome": outcome.value,
                    "attempts": 1,
                    "duration_ms": 40,
                    "request_id": None,
                    "http_status": 403 if denied else 200,
                    "error_code": "AccessDenied" if denied else None,
                    "error_message": "no" if denied else None,
                    "digest": None,
                    "called_at": rfc3339(utc_now()),
                }


def _add_audits(database: Database, cells: list[Block]) -> None:
    now = utc_now()
    result = {
        **summarize(cells, planned=len(cells)),
        "resources": FINDINGS // 4,
        "calls": {each.value: 0 for each in CallOutcome} | {"ok": 8_000},
        "findings": FINDINGS,
    }
    policies = PolicyService(database=database, clock=utc_now)
    judged = tuple(policies.audit_set(tenant=TENANT).as_list())
    targets = tuple(Target(f"con_{each}", each, "aws", tuple(_REGIONS)) for each in _ACCOUNTS)
    for age in range(AUDITS):
        moment = rfc3339(now - timedelta(days=age))
        ident = f"aud_{ulid(1_790_000_000_000 - age * 86_400_000)}" if age else _NEWEST
        audit = make_audit(
            id=ident,
            status=AuditStatus.COMPLETED,
            connection_ids=tuple(target.connection_id for target in targets),
            policy_set=judged,
            targets=targets,
            clock=moment,
            created_at=moment,
            started_at=moment,
            finished_at=moment,
            result=result,
            verdict_digest="0" * 64,
        )
        add_audits(database, TENANT, audit)
        with database.write() as connection:
            row = audits.c.tenant_id == TENANT, audits.c.id == ident
            written = {"result": orjson.dumps(result).decode(), "started_at": moment}
            connection.run(audits.update().where(*row).values(**written, finished_at=moment), {})
