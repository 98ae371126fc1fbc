"""A connection's test says who it is to its cloud, and what it may not ask there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from cloudsealed.collectors.aws.permissions import required_actions
from cloudsealed.collectors.providers import provider_of
from cloudsealed.collectors.registry import rows_of
from cloudsealed.connections import service as services
from cloudsealed.connections.itself import Itself
from cloudsealed.connections.service import ConnectionService
from cloudsealed.settings import Settings
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.storage.schema import tenants
from cloudsealed.testing.emulator import Emulator

TENANT = "ten_a"
ROLE = "arn:aws:iam::123456789012:role/audit"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def tested(
    cloud: Emulator, migrated_file: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """Returns the test of a connection by the process's own credentials."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(services, "_CALL_SECONDS", 60.0)
    monkeypatch.setattr(services, "_PROBE_SECONDS", 60.0)
    file = tmp_path / "one.db"
    file.write_bytes(migrated_file)
    database = SqliteDatabase(file)
    with database.write() as connection:
        row = {"tenant_id": TENANT, "name": "x", "created_at": "2026-01-01T00:00:00.000Z"}
        connection.run(tenants.insert(), row)
    connections = ConnectionService(
        database=database,
        clock=lambda: datetime.now(UTC),
        settings=Settings(),
        tenant_count=lambda: 1,
    )

    def tested(**changes: str) -> dict[str, Any]:
        body = {"provider": "aws", "name": "main", "regions": ["eu-west-1"], **changes}
        made = orjson.loads(connections.create(tenant=TENANT, body=body))
        found = connections.test(tenant=TENANT, ident=made["id"])
        trust = connections.trust_policy(tenant=TENANT, ident=made["id"])
        return {**found, "external_id": made["external_id"], "trust_policy": trust}

    yield tested
    cloud.faults()
    database.close()


def test_what_is_missing_is_named_with_the_statement_that_allows_it(
    tested: Any, cloud: Emulator
) -> None:
    cloud.faults(
        {"service": "s3", "operation": "ListBuckets", "kind": "access_denied"},
        {"service": "sqs", "operation": "ListQueues", "kind": "access_denied"},
        {"service": "sns", "operation": "ListTopics", "kind": "denied_by_organization"},
    )
    found = tested()
    assert (found["ok"], found["error"], len(found["account"])) == (True, None, 12)
    assert found["arn"].startswith("arn:aws:")
    assert [(each["action"], each["curable"]) for each in found["missing"]] == [
        ("s3:ListAllMyBuckets", True),
        ("sns:ListTopics", False),
        ("sqs:ListQueues", True),
    ]
    assert found["iam_statement"]["Action"] == ["s3:ListAllMyBuckets", "sqs:ListQueues"]
    assert found["calls_tried"] > 20
    assert {each["action"] for each in found["missing"]} <= set(required_actions(rows_of()))


def test_nothing_is_missing_where_everything_is_allowed(tested: Any) -> None:
    found = tested()
    assert (found["ok"], found["missing"], found["iam_statement"]) == (True, [], None)
    assert found["trust_policy"] is None


def test_a_role_that_may_not_be_assumed_is_told_with_what_would_trust_us(
    tested: Any, cloud: Emulator
) -> None:
    cloud.faults({"service": "sts", "operation": "AssumeRole", "kind": "access_denied"})
    found = tested(role_arn=ROLE)
    assert (found["ok"], found["error"]["code"]) == (False, "cloud_role_refused")
    statement = found["trust_statement"]
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Principal"]["AWS"].startswith("arn:aws:")
    assert statement["Condition"]["StringEquals"]["sts:ExternalId"] == found["external_id"]
    assert found["trust_policy"] == {"Version": "2012-10-17", "Statement": [statement]}


def test_what_cannot_be_used_was_not_tried(tested: Any, cloud: Emulator) -> None:
    cloud.faults({"service": "*", "kind": "unrecognized"})
    found = tested()
    assert (found["ok"], found["account"], found["calls_tried"]) == (False, None, 0)
    assert found["error"]["code"] == "cloud_credentials_refused"
    assert tested(name="other", role_arn=ROLE)["trust_policy"] is None


def test_who_this_process_is_is_asked_once_and_not_for_every_page(
    tested: Any, cloud: Emulator
) -> None:
    itself = Itself(lambda: datetime(2026, 1, 31, tzinfo=UTC), seconds=60)
    found = itself.name(provider_of("aws"))
    assert found is not None
    cloud.faults({"service": "*", "kind": "unrecognized"})
    assert itself.name(provider_of("aws")) == found
