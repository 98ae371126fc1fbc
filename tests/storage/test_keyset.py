"""A walk by keyset shows each row once, in order, whatever the page sizes, by an index."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsealed.audits.store import LISTING as AUDITS
from cloudsealed.auth.token_store import LISTING as TOKENS
from cloudsealed.connections.store import LISTING as CONNECTIONS
from cloudsealed.findings.listing import LISTING as FINDINGS
from cloudsealed.findings.store import FindingStore
from cloudsealed.policies.store import LISTING as POLICIES
from cloudsealed.reports.store import LISTING as REPORTS
from cloudsealed.resources.store import LISTING as RESOURCES
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.storage.keyset import Listing, plans
from cloudsealed.testing.factories import add_findings, make_finding
from cloudsealed.views.store import LISTING as VIEWS
from cloudsealed.vocabulary import Severity

TENANT = "ten_a"
LISTINGS = (AUDITS, CONNECTIONS, FINDINGS, POLICIES, REPORTS, RESOURCES, TOKENS, VIEWS)
ROWS = st.lists(
    st.tuples(st.sampled_from(list(Severity)), st.integers(0, 3), st.sampled_from("ab")),
    max_size=25,
)
KEYS = {
    "-id": lambda f: f.id,
    "-severity": lambda f: (f.severity.rank, f.id),
    "-monthly_savings": lambda f: (f.monthly_savings_cents, f.id),
}


@pytest.fixture(scope="module")
def file(migrated_file: bytes) -> bytes:
    return migrated_file


@settings(max_examples=60)
@given(
    drawn=ROWS,
    sort=st.sampled_from(sorted(KEYS)),
    severities=st.sets(st.sampled_from(list(Severity)), max_size=3),
    name=st.sampled_from(["", "a", "b"]),
    data=st.data(),
)
def test_a_walk_is_the_sorted_filtered_list_whatever_the_page_sizes(
    file: bytes,
    drawn: list[Any],
    sort: str,
    severities: set[Severity],
    name: str,
    data: st.DataObject,
) -> None:
    made = [
        make_finding(
            id=f"fnd_{n:026d}", severity=severity, monthly_savings_cents=savings, name=label
        )
        for n, (severity, savings, label) in enumerate(drawn)
    ]
    wanted = [
        f
        for f in made
        if (not severities or f.severity in severities) and (not name or f.resource.name == name)
    ]
    expected = [f.id for f in sorted(wanted, key=KEYS[sort], reverse=True)]
    filters = {"severity": tuple(sorted(severities))} if severities else {}
    filters |= {"name": (name,)} if name else {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db"
        path.write_bytes(file)
        database = SqliteDatabase(path)
        add_findings(database, TENANT, *made)
        found, after = [], None
        while True:
            limit = data.draw(st.integers(1, 7))
            page = FindingStore(database).page(
                tenant=TENANT, filters=filters, sort=sort, after=after, limit=limit
            )
            assert len(page.rows) <= limit
            found += [row[0] for row in page.rows]
            after = page.next
            if after is None:
                break
        database.close()
    assert found == expected


@pytest.mark.parametrize("listing", LISTINGS)
def test_every_declared_driving_filter_is_served_by_an_index_and_never_sorted(
    listing: Listing, tmp_path: Path, migrated_file: bytes
) -> None:
    path = tmp_path / "db"
    path.write_bytes(migrated_file)
    database = SqliteDatabase(path)
    for plan in plans(database, listing, tenant=TENANT):
        assert plan.index is not None, plan
        assert not plan.sorts, plan
    database.close()
