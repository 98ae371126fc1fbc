"""What a worker keeps up for all tenants ends after a while, and is gone on with at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from cloudsealed import working
from cloudsealed.audits.model import NO_PROGRESS, Audit, Scope
from cloudsealed.audits.sealing import retention
from cloudsealed.audits.store import AuditStore
from cloudsealed.kit.ids import new_id
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.schema import seal_rows
from cloudsealed.vocabulary import AuditKind, AuditStatus
from cloudsealed.wiring import Services, build_services

LONG_AGO = "2020-01-01T00:00:00.000Z"
ROWS = 30


@pytest.fixture
def services(storage_settings: Settings) -> Iterator[Services]:
    ensure_keys(storage_settings.key_path)
    found = build_services(replace(storage_settings, retention_days=400))
    yield found
    found.database.close()


def add_old_audit(services: Services, tenant: str) -> None:
    """Add an audit that ended long ago, with ROWS rows of evidence."""
    ident = new_id("aud")
    audit = Audit(
        id=ident,
        kind=AuditKind.IMPORT,
        status=AuditStatus.COMPLETED,
        parent_id=None,
        source_id=ident,
        connection_ids=(),
        scope=Scope(),
        policies=None,
        policy_set=(),
        targets=(),
        clock=LONG_AGO,
        created_at=LONG_AGO,
        started_at=LONG_AGO,
        finished_at=LONG_AGO,
        progress=NO_PROGRESS,
        result=None,
        error=None,
        verdict_digest=None,
    )
    store = AuditStore(services.database, services.clock)
    row = {"tenant_id": tenant, "audit_id": ident, "level": 0, "hashes": b""}
    with services.database.write() as connection:
        store.insert(connection, tenant=tenant, audit=audit, queue=False)
        connection.run(store.listing.table.update().values(finished_at=LONG_AGO))
        connection.many(seal_rows.insert(), [{**row, "number": n} for n in range(ROWS)])


def left(services: Services) -> int:
    with services.database.read() as connection:
        row = connection.first(select(func.count()).select_from(seal_rows))
    return int(row[0]) if row else 0


def test_a_round_of_retention_ends_and_says_whether_rows_are_left(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        add_old_audit(services, services.tenants.create(name=name).id)
    monkeypatch.setattr(retention, "ROUND", 20)
    rounds = []
    while working.expire_evidence(services):
        rounds.append(left(services))
    assert rounds == [40, 21, 1]  # with a shard that each audit had left
    assert left(services) == 0
    assert working.expire_evidence(services) is False
