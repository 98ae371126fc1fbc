"""Which audits one is compared with: those that were asked for the same, up to it."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from cloudsealed.audits.model import Audit, Scope, Target
from cloudsealed.audits.store import AuditStore, encode
from cloudsealed.kit.clock import utc_now
from cloudsealed.reports.source import TREND, trend
from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import audits
from cloudsealed.testing.factories import make_audit
from cloudsealed.vocabulary import AuditKind, AuditStatus

TENANT, MOMENT = "ten_a", "2026-01-01T00:00:00.000Z"


def audit(ident: str, **given: Any) -> Audit:
    values: dict[str, Any] = {
        "status": AuditStatus.COMPLETED,
        "policy_set": ({"key": "a"},),
        "targets": (Target("con_a", "1", "aws", ()),),
        "clock": MOMENT,
        "created_at": MOMENT,
    }
    return make_audit(id=ident, **values | given)


@pytest.fixture
def history(database: Database) -> Any:
    """Returns the ids of the audits that one is compared with, after all of them were stored."""

    def history(this: Audit, *others: Audit, tenant: str = TENANT, most: int = 50) -> list[str]:
        with database.write() as connection:
            for each in (this, *others):
                connection.run(audits.insert(), encode(tenant, each))
        store = AuditStore(database, utc_now)
        found = store.history(tenant=TENANT, audit=this, most=most)
        assert all(each.policy_set == () and each.clock == MOMENT for each in found)
        return [each.id for each in found]

    return history


def test_the_newest_comes_first_and_none_is_later_than_the_audit(history: Any) -> None:
    others = [audit(f"aud_{number}") for number in (1, 2, 4)]
    assert history(audit("aud_3"), *others) == ["aud_3", "aud_2", "aud_1"]


def test_there_are_at_most_so_many(history: Any) -> None:
    others = [audit(f"aud_{number}") for number in range(5)]
    assert history(audit("aud_9"), *others, most=3) == ["aud_9", "aud_4", "aud_3"]


@pytest.mark.parametrize(
    "change",
    [
        {"connection_ids": ("con_a", "con_b")},
        {"scope": Scope(regions=("eu-west-1",))},
        {"policies": ("a",)},
        {"status": AuditStatus.FAILED},
        {"status": AuditStatus.EVALUATING},
    ],
)
def test_an_audit_of_something_else_or_without_an_end_is_not_in_it(
    history: Any, change: dict[str, Any]
) -> None:
    assert history(audit("aud_2"), audit("aud_1", **change)) == ["aud_2"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"connection_ids": ("con_a", "con_b")}, {"connection_ids": ("con_b", "con_a")}),
        ({"scope": Scope(regions=("b", "a"))}, {"scope": Scope(regions=("a", "b"))}),
        ({"policies": ("b", "a")}, {"policies": ("a", "b")}),
    ],
)
def test_the_order_in_which_it_is_asked_makes_it_nothing_else(
    history: Any, one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert history(audit("aud_2", **one), audit("aud_1", **other)) == ["aud_2", "aud_1"]


def test_another_tenants_audit_is_not_in_it(history: Any) -> None:
    assert history(audit("aud_2"), audit("aud_1"), tenant="ten_b") == []


def test_a_reanalysis_follows_the_audit_whose_ledger_it_reads(history: Any) -> None:
    again = audit("aud_9", kind=AuditKind.REANALYSIS, source_id="aud_2", parent_id="aud_2")
    others = [audit(f"aud_{number}") for number in (1, 2, 3)]
    assert history(again, *others) == ["aud_9", "aud_2", "aud_1"]


def test_a_trend_has_each_ledger_once_as_it_was_judged_last() -> None:
    first = audit("aud_1")
    judged_again = replace(first, id="aud_3", kind=AuditKind.REANALYSIS)
    points = trend([audit("aud_4"), audit("aud_2"), judged_again, first])
    assert [point["id"] for point in points] == ["aud_3", "aud_2", "aud_4"]


def test_a_trend_keeps_the_newest() -> None:
    points = trend([audit(f"aud_{number}") for number in range(50, 10, -1)])
    assert [point["id"] for point in points] == [f"aud_{n}" for n in range(51 - TREND, 51)]


def test_audits_are_shown_without_reading_their_policies(database: Database) -> None:
    large = ({"key": "a" * 100_000},)
    with database.write() as connection:
        for number in range(60):
            row = encode(TENANT, audit(f"aud_{number:02}", policy_set=large))
            connection.run(audits.insert(), row)
    service = AuditStore(database, utc_now)

    def shown() -> None:
        rows = service.page(tenant=TENANT, filters={}, sort="-id", after=None, limit=50).rows
        assert len(rows) == 50
        service.shown(tenant=TENANT, ident="aud_07")

    shown()
    tracemalloc.start()
    shown()
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000_000
    assert service.get(tenant=TENANT, ident="aud_07").policy_set == large
