"""Findings rest in rows whose document never differs from their columns."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import orjson
import pytest
from tests.waiting import SECONDS

from cloudsealed.findings import store as rows
from cloudsealed.findings.codec import decode, document, encode
from cloudsealed.findings.model import FindingNotFoundError, Moment, Triage
from cloudsealed.findings.service import without
from cloudsealed.findings.store import FindingStore
from cloudsealed.kit.cursor import Position
from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import tenants
from cloudsealed.testing.factories import add_findings, make_finding, make_savings
from cloudsealed.vocabulary import Dimension, FindingStatus, Outcome, Severity, TriageState

TENANT = "ten_a"


def ids(database: Database, sort: str = "-id", **filters: tuple[str, ...]) -> list[str]:
    """Return a whole walk, two at a time."""
    store, found, after = FindingStore(database), [], None
    while True:
        page = store.page(tenant=TENANT, filters=filters, sort=sort, after=after, limit=2)
        found += [row[0] for row in page.rows]
        if page.next is None:
            return found
        after = page.next


@pytest.fixture
def six(database: Database) -> list[str]:
    """Store six findings of two severities, three dimensions, two accounts; return their ids."""
    severities = [Severity.LOW, Severity.HIGH] * 3
    dimensions = [Dimension.SECURITY, Dimension.COST, Dimension.ARCHITECTURE] * 2
    made = [
        make_finding(
            id=f"fnd_{number:026d}",
            severity=severities[number],
            dimension=dimensions[number],
            account=f"{number % 2}" * 12,
            name=f"queue-{number}",
            monthly_savings_cents=number * 7 % 5,
            first_seen_at=f"2026-01-0{number % 3 + 1}T00:00:00.000Z",
            status=FindingStatus.OPEN if number else FindingStatus.SUPPRESSED,
        )
        for number in range(6)
    ]
    add_findings(database, TENANT, *made)
    add_findings(database, "ten_other", make_finding(id=f"fnd_{99:026d}"))
    return [finding.id for finding in made]


def test_a_walk_shows_the_tenants_findings_newest_first(database: Database, six: list[str]) -> None:
    assert ids(database) == six[::-1]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"severity": ("high",)}, [5, 3, 1]),
        ({"severity": ("high", "low")}, [5, 4, 3, 2, 1, 0]),
        ({"dimension": ("cost",)}, [4, 1]),
        ({"status": ("suppressed",)}, [0]),
        ({"account": ("1" * 12,)}, [5, 3, 1]),
        ({"account": ("1" * 12,), "severity": ("low",)}, []),
        ({"severity": ("high",), "dimension": ("cost",)}, [1]),
        ({"name": ("QUEUE-3",)}, [3]),
        ({"name": ("%",)}, []),
        ({"resource_type": ("aws.sqs.queue",)}, [5, 4, 3, 2, 1, 0]),
        ({"triage": ("acknowledged",)}, []),
        ({"policy": ("pol_b",)}, []),
        ({"connection": ("con_a",), "region": ("eu-west-1",)}, [5, 4, 3, 2, 1, 0]),
    ],
)
def test_filters_narrow(
    database: Database, six: list[str], filters: dict[str, Any], expected: list[int]
) -> None:
    assert ids(database, **filters) == [six[number] for number in expected]


@pytest.mark.parametrize(
    ("sort", "filters", "expected"),
    [
        ("-severity", {}, [5, 3, 1, 4, 2, 0]),
        ("-severity", {"severity": ("low", "high")}, [5, 3, 1, 4, 2, 0]),
        ("-severity", {"status": ("open",)}, [5, 3, 1, 4, 2]),
        ("-first_seen_at", {}, [5, 2, 4, 1, 3, 0]),
        ("-first_seen_at", {"severity": ("high",)}, [5, 1, 3]),
        ("-monthly_savings", {}, [2, 4, 1, 3, 5, 0]),
        ("-monthly_savings", {"status": ("open", "suppressed")}, [2, 4, 1, 3, 5, 0]),
    ],
)
def test_sorts_order_by_value_then_id(
    database: Database, six: list[str], sort: str, filters: dict[str, Any], expected: list[int]
) -> None:
    assert ids(database, sort, **filters) == [six[number] for number in expected]


def test_a_page_that_only_narrows_may_be_short_and_say_that_there_is_more(
    database: Database, monkeypatch: pytest.MonkeyPatch, six: list[str]
) -> None:
    monkeypatch.setattr("cloudsealed.storage.keyset.SCAN_ROWS", 3)
    page = FindingStore(database).page(
        tenant=TENANT, filters={"name": ("-0",)}, sort="-id", after=None, limit=50
    )
    assert page.rows == []
    assert page.next == Position(six[3])
    assert ids(database, name=("queue-0",)) == [six[0]]


def test_what_is_loaded_is_what_was_stored(database: Database) -> None:
    triage = Triage(
        TriageState.ACCEPTED_RISK, "ann", "known", None, "2026-01-02T00:00:00.000Z", "usr_a"
    )
    finding = make_finding(
        triage=triage,
        classified_by={"key": "k", "version": 2},
        monthly_savings_cents=1234,
        resolved=Moment("2026-01-03T00:00:00.000Z", "aud_b"),
        evidence=({"path": "a", "value": "é"},),
    )
    add_findings(database, TENANT, finding)
    assert FindingStore(database).get(tenant=TENANT, ident=finding.id) == finding


def test_the_document_says_what_the_columns_say() -> None:
    finding = make_finding(savings=make_savings(3285))
    row = encode(TENANT, finding)
    doc = orjson.loads(row["doc"])
    assert doc["monthly_savings"] == make_savings(3285)
    assert "monthly_savings_unknown" not in doc
    assert decode(row).savings == finding.savings
    unpriced = encode(TENANT, make_finding(savings={"unknown": "Nobody knows"}))
    assert orjson.loads(unpriced["doc"])["monthly_savings_unknown"] == "Nobody knows"
    assert decode(unpriced).savings == {"unknown": "Nobody knows"}
    assert unpriced["monthly_savings"] == -1
    for name in ("id", "status", "resolution", "last_observation", "audit_id", "first_seen_at"):
        assert doc[name] == row[name]
    assert (doc["severity"], row["severity"]) == ("high", Severity.HIGH.rank)


def test_another_tenants_finding_is_not_found(database: Database, six: list[str]) -> None:
    with pytest.raises(FindingNotFoundError):
        FindingStore(database).get(tenant="ten_other", ident=six[0])


def test_an_update_replaces_the_row_and_its_place_in_every_index(
    database: Database, six: list[str]
) -> None:
    changed = FindingStore(database).replace(
        tenant=TENANT,
        ident=six[1],
        change=lambda finding: make_finding(id=finding.id, severity=Severity.CRITICAL),
    )
    assert ids(database, severity=("critical",)) == [changed.id]
    assert six[1] not in ids(database, severity=("high",))


def test_an_audits_findings_are_pinned_whatever_happens_to_them(
    database: Database, six: list[str]
) -> None:
    with database.write() as connection:
        rows.pin_to_audit(
            connection, tenant=TENANT, audit="aud_x", idents=six[1:4], month="2026-01"
        )
    assert ids(database, audit=("aud_x",)) == [six[3], six[2], six[1]]
    assert ids(database, audit=("aud_x",), severity=("high",)) == [six[3], six[1]]
    seen = [row[0] for row in FindingStore(database).of_audit(tenant=TENANT, audit="aud_x")]
    assert seen == [six[3], six[2], six[1]]


def test_what_entered_and_left_between_two_audits_is_told_apart(
    database: Database, six: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BLOCK_LINES", 2)
    with database.write() as connection:
        rows.pin_to_audit(connection, tenant=TENANT, audit="aud_x", idents=six[:4], month="2026-01")
        rows.pin_to_audit(
            connection, tenant=TENANT, audit="aud_y", idents=[six[0], *six[3:]], month="2026-01"
        )
    store = FindingStore(database)
    idents = {a: list(store.ids_of_audit(tenant=TENANT, audit=a)) for a in ("aud_x", "aud_y")}
    assert idents["aud_x"] == six[3::-1]
    assert list(without(iter(idents["aud_y"]), iter(idents["aud_x"]))) == [six[5], six[4]]
    assert list(without(iter(idents["aud_x"]), iter(idents["aud_y"]))) == [six[2], six[1]]
    assert list(without(iter(idents["aud_x"]), iter(()))) == idents["aud_x"]
    served = store.by_ids(tenant=TENANT, idents=iter([six[1], six[2], six[0]]))
    assert {row[0] for row in served} == set(six[:3])


def test_episodes_grow_while_nothing_changes_and_begin_when_something_does(
    database: Database,
) -> None:
    finding = make_finding()
    add_findings(database, TENANT, finding)
    later = Moment("2026-01-05T00:00:00.000Z", "aud_b")
    same = make_finding(id=finding.id, looked=later)
    passed = make_finding(id=finding.id, looked=later, last_observation=Outcome.PASS)
    with database.write() as connection:
        rows.record_episodes(connection, tenant=TENANT, told=[(same, False), (passed, True)])
    history = FindingStore(database).history(tenant=TENANT, ident=finding.id)
    assert [(row[0], row[1], row[3], row[4]) for row in history] == [
        (1, "fail", "aud_a", "aud_b"),
        (2, "pass", "aud_b", "aud_b"),
    ]


def test_changes_at_once_of_one_finding_all_count(database: Database) -> None:
    with database.write() as connection:
        row = {"tenant_id": TENANT, "name": "x", "created_at": "2026-01-01T00:00:00.000Z"}
        connection.run(tenants.insert(), row)
    finding = make_finding(evidence=())
    add_findings(database, TENANT, finding)
    barrier = threading.Barrier(6)

    def add(number: int) -> None:
        barrier.wait()
        FindingStore(database).replace(
            tenant=TENANT,
            ident=finding.id,
            change=lambda old: replace(old, evidence=(*old.evidence, {"n": number})),
        )

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    found = FindingStore(database).get(tenant=TENANT, ident=finding.id).evidence
    assert sorted(item["n"] for item in found) == list(range(6))


def test_a_pinned_finding_is_shown_and_found_as_its_audit_said_it(
    database: Database, six: list[str]
) -> None:
    by = {"key": "prod", "version": 1}
    pins = [
        (six[0], Severity.CRITICAL.rank, Severity.HIGH.rank, by, False, None),
        (six[1], Severity.LOW.rank, Severity.LOW.rank, None, True, six[0]),
        six[2],  # of an audit from before there were pins
    ]
    with database.write() as connection:
        rows.pin_to_audit(connection, tenant=TENANT, audit="aud_x", idents=pins, month="2026-01")
    page = FindingStore(database).page(
        tenant=TENANT, filters={"audit": ("aud_x",)}, sort="-id", after=None, limit=5
    )
    shown = {row[0]: orjson.loads(row[2]) for row in page.rows}
    said = ("severity", "base_severity", "classified_by", "status", "yields_to")
    assert [shown[six[0]][name] for name in said] == ["critical", "high", by, "open", None]
    assert [shown[six[1]][name] for name in said] == ["low", "low", None, "suppressed", six[0]]
    assert shown[six[2]] == orjson.loads(
        document(FindingStore(database).get(tenant=TENANT, ident=six[2]))
    )
    assert ids(database, audit=("aud_x",), severity=("critical",)) == [six[0]]
    assert ids(database, audit=("aud_x",), status=("suppressed",)) == [six[1]]
    counted, whole = FindingStore(database).count(
        tenant=TENANT,
        filters={"audit": ("aud_x",), "status": ("open", "suppressed")},
        columns=("severity",),
    )
    assert whole
    assert (Severity.CRITICAL.rank, 1) in counted
    assert (Severity.LOW.rank, 2) in counted
