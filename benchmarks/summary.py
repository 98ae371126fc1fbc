"""The summary of a million findings, and lists by a filter that matches nothing.

    python benchmarks/summary.py

It is SQLite's, or PostgreSQL's with BENCHMARK_DATABASE_URL. Times are the least of some rounds, for
the machine does other things too. Bars: a summary without a filter or by one that counts know
<= 50 ms; a list by filters that match nothing is one page, within 5 ms; a page of a search, or of
what is left out, <= 50 ms; any other summary within a page's bound, with `complete` false where it
stops; changing 500 findings of one cell, as an audit does, <= 1.1x what it cost without counts (an
odd batch is shown beside). Exits 1 when one is missed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from million import TENANT, prepare

from cloudsealed.findings import count_store as counts
from cloudsealed.findings import store as rows
from cloudsealed.findings.cell_store import Cell
from cloudsealed.findings.codec import kind
from cloudsealed.findings.model import Finding
from cloudsealed.findings.service import FindingService
from cloudsealed.findings.store import FindingStore
from cloudsealed.kit.clock import utc_now
from cloudsealed.policies.service import PolicyService
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.open import open_database
from cloudsealed.storage.tenancy import turn
from cloudsealed.vocabulary import Severity

Filters = Mapping[str, tuple[str, ...]]
COUNTED: tuple[Filters, ...] = (
    {},
    {"severity": ("high",)},
    {"status": ("resolved",)},
    {"dimension": ("cost",)},
    {"connection": ("con_01ARZ3NDEKTSV4RRFFQ69G5FAV",)},
    {"account": ("123456789012",)},
    {"triage": ("acknowledged",)},
    {"region": ("eu-west-1",)},
    {"resource": ("res_x",)},
)
NOTHING: tuple[Filters, ...] = (
    {"region": ("nowhere",)},
    {"resource_type": ("aws.s3.bucket",)},
    {"policy": ("aws-ec2-sg-ssh-open",), "region": ("nowhere",)},
    {"service": ("s3",)},
    {"tag": ("env=prod",)},
    {"tag_key": ("env",), "tag_value": ("prod",)},
    {"owner": ("nobody",)},
    {"search": ("no such text",)},
    {"name": ("no-such",)},
)
FOUND: tuple[Filters, ...] = (
    {"search": ("service-77-",)},
    {"search": ("the internet reach",)},
    {"name": ("service-77-",)},
    {"region_not": ("global",), "severity_not": ("low", "medium")},
)
BOUNDED: tuple[Filters, ...] = ({"search": ("reach",)}, {"first_seen_after": ("2099",)})
ALL = ("dimension", "severity", "account", "region", "resource_type")
ROUNDS = 20


class _UndoneError(Exception):
    """Ends a measured write, so that the store stays as it is."""


def least(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the least time of a call in milliseconds."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1e3)
    return min(taken)


def reads(service: FindingService) -> Iterator[tuple[str, float, float]]:
    """Yield (what, milliseconds, bar)."""
    for filters in COUNTED:
        for group_by in (("dimension", "severity"), ALL):
            taken = least(
                lambda f=filters, g=group_by: service.summary(  # type: ignore[misc]  # a closure
                    tenant=TENANT, group_by=g, filters=f
                )
            )
            yield f"summary {dict(filters)} by {len(group_by)}", taken, 50
    for filters in NOTHING:
        page = service.list(tenant=TENANT, filters=filters)
        assert page.next is None, filters
        taken = least(lambda f=filters: service.list(tenant=TENANT, filters=f))  # type: ignore[misc]  # a closure
        yield f"list {dict(filters)}", taken, 5
    for filters in FOUND:
        page = service.list(tenant=TENANT, filters=filters)
        taken = least(lambda f=filters: service.list(tenant=TENANT, filters=f))  # type: ignore[misc]  # a closure
        yield f"list {dict(filters)}: {len(page.items)}", taken, 50
    for filters in BOUNDED:
        done = service.summary(tenant=TENANT, group_by=ALL, filters=filters)
        taken = least(
            lambda f=filters: service.summary(tenant=TENANT, group_by=ALL, filters=f),  # type: ignore[misc]  # a closure
            5,
        )
        yield f"summary {dict(filters)}, complete {done['complete']}", taken, 100


@contextmanager
def undone(database: Database) -> Iterator[Connection]:
    """Open a turn that changes nothing in the end."""
    try:
        with turn(database, tenant=TENANT) as connection:
            yield connection
            raise _UndoneError
    except _UndoneError:
        pass


def newest(database: Database) -> list[Finding]:
    """Return 500 findings of as many kinds as there are."""
    store = FindingStore(database)
    page = store.page(tenant=TENANT, filters={}, sort="-id", after=None, limit=500)
    return [store.get(tenant=TENANT, ident=row[0]) for row in page.rows]


def of_a_cell(database: Database) -> list[Finding]:
    """Return 500 findings of one policy, account and region."""
    one = newest(database)[0]
    with database.read() as connection:
        cell = rows.load_cell(
            connection,
            tenant=TENANT,
            cell=Cell(one.policy_id, one.resource.account, one.resource.region),
        )
    return list(cell.values())[:500]


def share_of_counts(database: Database, findings: list[Finding]) -> float:
    """Return what changing findings costs, divided by what it costs without the counts."""
    changed = [(old, replace(old, severity=Severity.LOW)) for old in findings]
    whole, counting = [], []
    for _ in range(ROUNDS):
        with undone(database) as connection:
            began = time.perf_counter()
            rows.update(connection, tenant=TENANT, changed=changed)
            whole.append(time.perf_counter() - began)
        with undone(database) as connection:
            began = time.perf_counter()
            before, after = (
                [counts.kind(kind(each)) for each in some] for some in zip(*changed, strict=True)
            )
            counts.move(connection, tenant=TENANT, before=before, after=after)
            counting.append(time.perf_counter() - began)
    a, b = min(whole), min(counting)
    return a / (a - b)


def main() -> int:
    """Measure and compare with the bars."""
    database = open_database(prepare())
    policies = PolicyService(database=database, clock=utc_now)
    service = FindingService(database=database, policies=policies, clock=utc_now)
    good = True
    for what, taken, bar in reads(service):
        good &= taken <= bar
        print(f"  {what:<64} {taken:8.2f} ms {'' if taken <= bar else 'MISSED'}")
    share = share_of_counts(database, of_a_cell(database))
    good &= share <= 1.1
    print(f"  changing 500 findings of a cell, with counts / without {share:14.3f}")
    odd = share_of_counts(database, newest(database))
    print(f"  changing 500 findings of many kinds, with counts / without {odd:10.3f}")
    database.close()
    print("bars met" if good else "BARS MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
