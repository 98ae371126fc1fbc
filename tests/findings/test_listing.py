"""Every filter with every sort lists what a plain filter and sort of the same findings does."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudsealed.findings import store as rows
from cloudsealed.findings.listing import LISTING
from cloudsealed.findings.model import Finding, Triage
from cloudsealed.findings.store import FindingStore
from cloudsealed.findings.text_store import words
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Database, SqliteDatabase
from cloudsealed.storage.filters import NOT, with_negations
from cloudsealed.storage.postgres import PostgresDatabase
from cloudsealed.storage.schema import resource_tags
from cloudsealed.testing.factories import add_findings, make_finding
from cloudsealed.vocabulary import Dimension, FindingStatus, Severity, TriageState

Filters = Mapping[str, tuple[str, ...]]
TENANT = "ten_a"
TIMES = tuple(f"2026-01-0{day}T00:00:00.000Z" for day in range(1, 6))
PLACES = ("eu-west-1", "us-east-1", "global")
VALUES: dict[str, tuple[str, ...]] = {
    "resource": ("res_0", "res_1", "res_2"),
    "policy": ("pol_0", "pol_1"),
    "triage": tuple(TriageState),
    "severity": tuple(Severity),
    "connection": ("con_0", "con_1"),
    "account": ("111111111111", "222222222222"),
    "dimension": tuple(Dimension),
    "status": tuple(FindingStatus),
    "resource_type": ("aws.sqs.queue", "aws.s3.bucket"),
    "provider": ("aws",),
    "region": PLACES,
    "framework": ("pol_0", "pol_1"),
    "control": ("pol_0", "pol_1"),
    "first_seen_after": TIMES,
    "first_seen_before": TIMES,
    "service": ("sqs", "s3"),
    "tag": ("env=prod", "env=test", "team=a%2Cb", "team=prod"),
    "tag_key": ("env", "team", "none"),
    "tag_value": ("prod", "a,b", "none"),
    "owner": ("ann", "prod", "a,b", "none"),
    "name": ("queue-1", "QUEUE", "%", "_", "50%", "é"),
    "search": (
        "queue-1",
        "OPEN to Everybody",
        "S3.BUCKET",
        "%",
        "0% o",
        "_2",
        "né",
        "111:fnd",
        "x",
    ),
}
TAGS = {
    "res_0": {"env": "prod", "team": "a,b", "Owner": "ann", "owner": " "},
    "res_1": {"env": "test", "team": "prod", "none": "", "service-owner": "ann"},
    "res_2": {},
}
OWNERS = {"res_0": "ann", "res_1": "prod", "res_2": None}
SORTS: dict[str, Callable[[Finding], Any]] = {
    "-id": lambda f: f.id,
    "-severity": lambda f: (f.severity.rank, f.id),
    "-first_seen_at": lambda f: (f.first_seen_at, f.id),
    "-monthly_savings": lambda f: (
        -1 if f.monthly_savings_cents is None else f.monthly_savings_cents,
        f.id,
    ),
}
CHECKS: dict[str, Callable[[Finding, tuple[str, ...]], bool]] = {
    "resource": lambda f, v: f.resource.id in v,
    "policy": lambda f, v: f.policy_id in v,
    "triage": lambda f, v: f.triage is not None and f.triage.state in v,
    "severity": lambda f, v: f.severity in v,
    "connection": lambda f, v: f.connection_id in v,
    "account": lambda f, v: f.resource.account in v,
    "dimension": lambda f, v: f.dimension in v,
    "status": lambda f, v: f.status in v,
    "resource_type": lambda f, v: f.resource.type in v,
    "provider": lambda f, v: f.resource.provider in v,
    "region": lambda f, v: f.resource.region in v,
    "framework": lambda f, v: f.policy_id in v,
    "control": lambda f, v: f.policy_id in v,
    "first_seen_after": lambda f, v: f.first_seen_at >= v[0],
    "first_seen_before": lambda f, v: f.first_seen_at < v[0],
    "service": lambda f, v: f.resource.type.split(".")[1] in v,
    "tag": lambda f, v: _tagged(TAGS[f.resource.id], v),
    "tag_key": lambda f, v: not TAGS[f.resource.id].keys().isdisjoint(v),
    "tag_value": lambda f, v: not set(TAGS[f.resource.id].values()).isdisjoint(v),
    "owner": lambda f, v: OWNERS[f.resource.id] in v,
    "name": lambda f, v: any(text.lower() in (f.resource.name or "").lower() for text in v),
    "search": lambda f, v: any(text.lower() in words(f) for text in v),
}
ASKED = {f.name: f for f in with_negations(LISTING.filters) if f.is_public and not f.pins}


def _tagged(tags: Mapping[str, str], wanted: tuple[str, ...]) -> bool:
    """Say whether tags have every key that is asked for, each with one of the values asked."""
    asked: dict[str, set[str]] = {}
    for tag in wanted:
        key, _, value = unquote(tag).partition("=")
        asked.setdefault(key, set()).add(value)
    return all(tags.get(key) in values for key, values in asked.items())


def passes(finding: Finding, filters: Filters) -> bool:
    """Say whether a finding passes: of a negation, whether it has none of the values."""
    tags, keys, values = TAGS[finding.resource.id], *map(filters.get, ("tag_key", "tag_value"))
    if keys and values and not any(k in keys and v in values for k, v in tags.items()):
        return False
    return all(
        not any(CHECKS[name.removesuffix(NOT)](finding, (value,)) for value in given)
        if name.endswith(NOT)
        else CHECKS[name](finding, given)
        for name, given in filters.items()
    )


def some(chosen: random.Random) -> Finding:
    pick = chosen.choice
    triage = Triage(pick(list(TriageState)), None, None, None, TIMES[0], "usr_a")
    return make_finding(
        resource_id=pick(VALUES["resource"]),
        policy_id=pick(VALUES["policy"]),
        triage=pick((None, triage)),
        severity=pick(list(Severity)),
        connection_id=pick(VALUES["connection"]),
        account=pick(VALUES["account"]),
        dimension=pick(list(Dimension)),
        status=pick(list(FindingStatus)),
        resource_type=pick(VALUES["resource_type"]),
        region=pick(PLACES),
        first_seen_at=pick(TIMES),
        last_seen_at=pick(TIMES),
        monthly_savings_cents=pick((None, 0, 100, 250)),
        name=pick(("queue-1", "queue_2", "50% off", "axb", "né", None)),
    )


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def seeded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Store 150 findings of a tenant among 50 of another; many share each value."""
    database: Database
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("listing") / "one.db"
        path.write_bytes(request.getfixturevalue("migrated_file"))
        database = SqliteDatabase(path)
    else:
        server = request.getfixturevalue("postgres")
        database = PostgresDatabase(server.create("test_listing", "migrated"))
    chosen = random.Random(1)
    made = [some(chosen) for _ in range(150)]
    add_findings(database, TENANT, *made)
    add_findings(database, "ten_b", *(some(chosen) for _ in range(50)))
    with database.write() as connection:
        connection.many(resource_tags.insert(), tag_rows(TENANT, TAGS))
        connection.many(resource_tags.insert(), tag_rows("ten_b", {"res_2": TAGS["res_0"]}))
    yield database, made
    database.close()
    if request.param == "postgresql":
        server.drop("test_listing")


def tag_rows(tenant: str, tags: Mapping[str, Mapping[str, str]]) -> list[dict[str, str]]:
    return [
        {"tenant_id": tenant, "resource_id": ident, "key": key, "value": value}
        for ident, held in tags.items()
        for key, value in held.items()
    ]


def pages(
    database: Database, tenant: str, filters: Filters, sort: str, limits: Iterator[int]
) -> Iterator[list[str]]:
    store, after = FindingStore(database), None
    while True:
        limit = next(limits)
        page = store.page(tenant=tenant, filters=filters, sort=sort, after=after, limit=limit)
        assert len(page.rows) <= limit
        yield [row[0] for row in page.rows]
        assert page.next is None or page.next != after, "a walk that stands still"
        after = page.next
        if after is None:
            return


def walk(database: Database, filters: Filters, sort: str, seed: int) -> list[str]:
    chosen = random.Random(seed)
    limits = iter(lambda: chosen.randint(1, 40), 0)
    return [ident for page in pages(database, TENANT, filters, sort, limits) for ident in page]


def expected(made: list[Finding], filters: Filters, sort: str) -> list[str]:
    wanted = [f for f in made if passes(f, filters)]
    return [f.id for f in sorted(wanted, key=SORTS[sort], reverse=True)]


@st.composite
def asked(draw: st.DrawFn) -> tuple[dict[str, tuple[str, ...]], str]:
    filters = {}
    for name in draw(st.lists(st.sampled_from(sorted(ASKED)), max_size=3, unique=True)):
        most, some = 3 if ASKED[name].is_multiple else 1, VALUES[name.removesuffix(NOT)]
        values = st.lists(st.sampled_from(some), min_size=1, max_size=most, unique=True)
        filters[name] = tuple(draw(values))
    sorts = [sort for sort in LISTING.sorts if LISTING.allows(filters, sort)]
    return filters, draw(st.sampled_from(sorts))


def test_the_oracle_knows_every_filter_and_every_sort() -> None:
    assert set(VALUES) == set(CHECKS) == {name.removesuffix(NOT) for name in ASKED}
    assert set(SORTS) == set(LISTING.sorts)


def test_each_single_filter_with_each_sort_is_the_sorted_filtered_list(seeded: Any) -> None:
    database, made = seeded
    for sort in SORTS:
        assert walk(database, {}, sort, seed=1) == expected(made, {}, sort)
        for name, item in ASKED.items():
            values = VALUES[name.removesuffix(NOT)]
            together = [values if item.is_multiple else values[:1]]
            for given_values in together + [(value,) for value in values] * (sort == "-id"):
                filters = {name: given_values}
                if not LISTING.allows(filters, sort):
                    continue
                found = walk(database, filters, sort, seed=2)
                assert found == expected(made, filters, sort), (filters, sort)


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(asked(), st.integers(0, 99))
def test_filters_together_are_the_sorted_filtered_list(
    seeded: Any, question: tuple[Filters, str], seed: int
) -> None:
    database, made = seeded
    assert walk(database, question[0], question[1], seed) == expected(made, *question)


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(question=asked(), seed=st.integers(0, 99), chunk=st.integers(1, 9), most=st.integers(1, 60))
def test_a_bound_on_the_rows_that_a_page_reads_loses_none(
    seeded: Any, question: tuple[Filters, str], seed: int, chunk: int, most: int
) -> None:
    database, made = seeded
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cloudsealed.storage.keyset._CHUNK", chunk)
        patch.setattr("cloudsealed.storage.keyset.SCAN_ROWS", most)
        patch.setattr("cloudsealed.findings.text_store.MOST", most)
        patch.setattr("cloudsealed.storage.keyset.LED", most % 3)
        assert walk(database, question[0], question[1], seed) == expected(made, *question)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(data=st.data(), question=asked(), seed=st.integers(0, 10**6), most=st.integers(1, 40))
def test_findings_that_come_during_a_walk_repeat_and_hide_none_that_was_there(
    database: Database,
    data: st.DataObject,
    question: tuple[Filters, str],
    seed: int,
    most: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cloudsealed.findings.text_store.MOST", most)
    monkeypatch.setattr("cloudsealed.storage.keyset.LED", most % 3)
    filters, sort = question
    tenant, chosen = new_id("ten"), random.Random(seed)
    with database.write() as connection:
        connection.many(resource_tags.insert(), tag_rows(tenant, TAGS))
    there = [some(chosen) for _ in range(data.draw(st.integers(0, 20)))]
    add_findings(database, tenant, *there)
    later: list[Finding] = []
    limits = iter(lambda: data.draw(st.integers(1, 6)), 0)
    found: list[str] = []
    for page in pages(database, tenant, filters, sort, limits):
        found += page
        if len(later) < 30:
            new = [some(chosen) for _ in range(data.draw(st.integers(0, 3)))]
            add_findings(database, tenant, *new)
            later += new
    assert len(found) == len(set(found))
    before = {finding.id for finding in there}
    assert [i for i in found if i in before] == expected(there, filters, sort)
    assert found == [i for i in expected(there + later, filters, sort) if i in set(found)]


def test_a_pinned_list_is_the_audits_findings_whatever_the_page_sizes(seeded: Any) -> None:
    database, made = seeded
    chosen = random.Random(5)
    failed = chosen.sample(made, 90)
    audit = new_id("aud")
    with pytest.MonkeyPatch.context() as patch, database.write() as connection:
        patch.setattr(rows, "BLOCK_LINES", 7)
        rows.pin_to_audit(
            connection, tenant=TENANT, audit=audit, idents=[f.id for f in failed], month="2026-01"
        )
    for name, values in [("", ()), *VALUES.items()]:
        filters = {name: values[:1]} if name else {}
        found = walk(database, {"audit": (audit,), **filters}, "-id", seed=3)
        assert found == expected(failed, filters, "-id"), filters
    assert walk(database, {"audit": ("aud_none",)}, "-id", seed=3) == []


def test_a_pinned_page_that_only_narrows_reads_so_many_rows_and_says_that_there_is_more(
    seeded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, made = seeded
    audit = new_id("aud")
    with database.write() as connection:
        rows.pin_to_audit(
            connection, tenant=TENANT, audit=audit, idents=[f.id for f in made], month="2026-01"
        )
    monkeypatch.setattr(rows, "SCAN_ROWS", 100)
    page = FindingStore(database).page(
        tenant=TENANT,
        filters={"audit": (audit,), "name": ("nothing",)},
        sort="-id",
        after=None,
        limit=5,
    )
    assert page.rows == []
    assert page.next == Position(sorted(f.id for f in made)[-100])
    assert walk(database, {"audit": (audit,), "name": ("50%",)}, "-id", seed=1) == expected(
        made, {"name": ("50%",)}, "-id"
    )
