"""Findings are found by any part of their text, by an index, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alembic import command
from tests.waiting import SECONDS

from cloudsealed.findings import store as rows
from cloudsealed.findings import text_store
from cloudsealed.findings.model import Finding
from cloudsealed.findings.store import FindingStore
from cloudsealed.settings import Settings
from cloudsealed.storage import keyset
from cloudsealed.storage.database import Database
from cloudsealed.storage.migrate import alembic_config, engine_for, migrate
from cloudsealed.storage.tenancy import turn
from cloudsealed.testing.factories import add_findings, make_finding

TENANT = "ten_a"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_store, "SCAN_SECONDS", SECONDS)
    monkeypatch.setattr(keyset, "SCAN_SECONDS", SECONDS)


def named(database: Database, *wanted: str, tenant: str = TENANT) -> list[str] | None:
    with database.read() as connection:
        return text_store.candidates(connection, database.name, tenant=tenant, wanted=wanted)


def found(database: Database, *wanted: str) -> list[str]:
    page = FindingStore(database).page(
        tenant=TENANT, filters={"search": wanted}, sort="-id", after=None, limit=50
    )
    assert page.next is None
    return [row[0] for row in page.rows]


def written(database: Database, old: Finding, new: Finding, *, over: bool) -> None:
    with turn(database, tenant=TENANT) as connection:
        if over:
            rows.overwrite(connection, tenant=TENANT, changed=[new])
        else:
            rows.update(connection, tenant=TENANT, changed=[(old, new)])


@pytest.mark.parametrize("over", [False, True])
def test_a_changed_text_is_found_and_the_former_one_is_not(database: Database, over: bool) -> None:
    one, other = make_finding(title="Queue is open"), make_finding(title="Queue is open")
    add_findings(database, TENANT, one, other)
    assert found(database, "is open") == sorted([one.id, other.id], reverse=True)
    written(database, one, replace(one, title="Topic “ΣΑΣ” is closed"), over=over)
    assert found(database, "is open") == [other.id]
    assert named(database, "is open") == [other.id]
    for text in ("topic", "“ΣΑ", "IS CLOSED"):
        assert named(database, text) == found(database, text) == [one.id], text


def test_the_index_names_a_tenants_own_and_what_no_text_has_is_nothing(database: Database) -> None:
    mine, theirs = make_finding(name="orders"), make_finding(name="orders")
    add_findings(database, TENANT, mine)
    add_findings(database, "ten_b", theirs)
    assert named(database, "orders") == [mine.id]
    assert named(database, "orders", tenant="ten_b") == [theirs.id]
    for text in ('"', 'a"b"c', "'; DROP", "%%%", "___", "***", "NEAR(a b)", "a\\b/c", "order_"):
        assert found(database, text) == [], text
        assert len(text) < 3 or named(database, text) == [], text


def test_the_database_looks_into_its_index(database: Database) -> None:
    add_findings(database, TENANT, *(make_finding() for _ in range(2_000)))
    values = {"tenant": TENANT, "match": '"xyz"', "grams": ["xyz", TENANT], "most": 10}
    with database.read() as connection:
        plan = " ".join(map(str, connection.explain(text_store._NAMED[database.name], values)))
    assert "finding_grams" in plan
    assert "SCAN t" not in plan
    assert "Seq Scan" not in plan


def test_what_is_short_or_in_too_many_is_looked_for_along_the_list(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make_finding(name=f"u{number}") for number in range(5)]
    add_findings(database, TENANT, *made)
    monkeypatch.setattr(text_store, "MOST", 4)
    assert named(database, "queue") is None
    assert named(database, "u1") is None
    assert named(database, "u10", "queue") is None
    assert found(database, "queue") == [finding.id for finding in reversed(made)]
    assert found(database, "u1", "u3") == [made[3].id, made[1].id]


def test_findings_from_before_the_index_are_found(
    storage_settings: Settings, database: Database
) -> None:
    made = [make_finding(name=name) for name in ("Orders", None)]
    add_findings(database, TENANT, *made)
    engine = engine_for(storage_settings)
    command.downgrade(alembic_config(engine), "0003")
    engine.dispose()
    migrate(storage_settings)
    assert named(database, "orders") == found(database, "orders") == [made[0].id]
    assert found(database, made[1].id) == [made[1].id]
    later = make_finding(name="Orders")
    add_findings(database, TENANT, later)
    assert named(database, "orders") == [later.id, made[0].id]
