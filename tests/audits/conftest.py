"""Fixtures of an audit's phases: a clock, a cloud, policies, and audits over a real store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.audits.world import TENANT, Clock, Cloud, Pass

from cloudsealed.findings.codec import LOADED, decode
from cloudsealed.findings.model import Finding
from cloudsealed.policies.body import read_policy_body
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import findings, tenants
from cloudsealed.vocabulary import PolicyKind


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cloud(clock: Clock) -> Cloud:
    return Cloud(clock)


@pytest.fixture
def tenant(database: Database) -> str:
    """A tenant's row, on which its transactions take turns."""
    row = {"tenant_id": TENANT, "name": "Acme", "created_at": "2026-01-01T00:00:00.000Z"}
    with database.write() as connection:
        connection.run(tenants.insert(), row)
    return TENANT


@pytest.fixture
def begin(database: Database, clock: Clock, tenant: str) -> Callable[..., Pass]:
    """Returns an audit of queues, and of what else `types` names."""

    def begin(*types: str, **changes: Any) -> Pass:
        return Pass(database, clock, types or ("aws.sqs.queue",), **changes)

    return begin


@pytest.fixture
def check() -> Callable[..., PolicyVersion]:
    """Returns a check of queues that fails on a condition."""

    def check(fail_when: str, key: str = "queues", version: int = 1, **said: Any) -> PolicyVersion:
        body = {
            "key": key,
            "title": "Queues",
            "dimension": "security",
            "severity": "high",
            "resource_types": ["aws.sqs.queue"],
            "fail_when": fail_when,
            **said,
        }
        return PolicyVersion(
            f"pol_{key}", key, version, PolicyKind.CHECK, read_policy_body(body).words
        )

    return check


@pytest.fixture
def classification() -> Callable[..., PolicyVersion]:
    """Returns a classification of what matches a condition."""

    def classification(key: str, when: str = "true", **effect: Any) -> PolicyVersion:
        body = {
            "kind": "classification",
            "key": key,
            "title": key,
            "when": when,
            "reason": "why",
            **effect,
        }
        kind = PolicyKind.CLASSIFICATION
        return PolicyVersion(f"pol_{key}", key, 1, kind, read_policy_body(body).words)

    return classification


@pytest.fixture
def present(database: Database) -> Callable[[], dict[str, Finding]]:
    """Returns the findings as they stand, by (the queue's name)."""

    def present() -> dict[str, Finding]:
        statement = findings.select().with_only_columns(*(findings.c[name] for name in LOADED))
        with database.read() as connection:
            rows = connection.all(statement)
        loaded = [decode(dict(zip(LOADED, row, strict=True))) for row in rows]
        return {finding.resource.native_id.rpartition(":")[2]: finding for finding in loaded}

    return present
