"""Every list that an index serves: its last page against its first, and against a smaller store.

    python benchmarks/keyset.py [FEWER]

For each row of the declared table of driving filters: the first page of 50 and the last, alone and
with a writer at work (500 rows a transaction), in a store of BENCHMARK_FINDINGS (a million) and,
taken in turns, in one of FEWER. SQLite, or PostgreSQL when BENCHMARK_DATABASE_URL names an empty
database of this machine. Measured is the CPU of this process and of PostgreSQL's for it, of each
page the least of some rounds, of more where that misses a bar. Bars: a last page takes at most 1.3
times its first, and any page 1.3 times that of the smaller store; an index serves each list,
without a sort. Exits 1 when one is missed.
"""

from __future__ import annotations

import multiprocessing
import random
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from million import FINDINGS, TENANT, prepare
from sqlalchemy import bindparam, func, select

from cloudsealed.findings.listing import LISTING
from cloudsealed.findings.store import FindingStore
from cloudsealed.kit.cursor import Position
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Connection
from cloudsealed.storage.keyset import Filters, _Shape, statement_for
from cloudsealed.storage.open import open_database
from cloudsealed.storage.schema import finding_counts, findings

PAGE, BAR, ROUNDS, TRIES, CALLS, WRITTEN = 50, 1.3, 9, 3, 40, 500
_USED = re.compile(r"(?:USING (?:COVERING )?INDEX|using) (\w+)")
_SORTS = re.compile(r"TEMP B-TREE|Sort|Seq Scan")
_OURS = findings.c.tenant_id == TENANT
_ORDERED = select(findings).where(_OURS).order_by(findings.c.id).limit(1)
_COUNT = select(func.sum(finding_counts.c.count)).where(finding_counts.c.tenant_id == TENANT)
_KNOWN = select(findings.c.id).where(_OURS).limit(20_000)
COMMON = {"severity": "medium", "status": "open", "triage": "acknowledged"}
"""What many findings have, as the API says it."""
_WRITE = (
    findings.update()
    .where(_OURS, findings.c.id == bindparam("ident"))
    .values(audit_id=bindparam("audit"))
)


@dataclass(frozen=True)
class List:
    """A row of the declared table, asked with what many findings have; where its last page begins
    in a store, None where it has but one."""

    name: str
    sort: str
    filters: Filters
    last: Position | None


class Store:
    """A filled store, opened once for all pages."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.settings = prepare(count, searchable=False)
        self.database = open_database(self.settings)
        self._findings = FindingStore(self.database)
        with self.database.read() as connection:
            self.lists = list(lists(connection))

    def cost(self, one: List, after: Position | None) -> float:
        """Return the seconds that a page takes."""
        asked: dict[str, Any] = {"filters": one.filters, "sort": one.sort, "after": after}
        with self.database.read() as connection:
            began = cpu(connection)
            for _ in range(CALLS):
                self._findings.page(tenant=TENANT, limit=PAGE, **asked)
            return (cpu(connection) - began) / CALLS

    def plan(self, one: List, after: Position | None) -> tuple[str, bool]:
        """Return which index serves a page, and whether it sorts or reads past the index."""
        shape = _Shape(one.name, (), one.sort, resumed=after is not None)
        driving = [LISTING.filter(one.name).convert(v) for (v,) in one.filters.values()]
        place = after or Position("")
        values = {
            "tenant": TENANT,
            "driving": driving[0] if driving else None,
            "chunk": PAGE + 1,
            "after_id": place.id,
            "after_value": place.value,
        }
        statement = statement_for(LISTING, shape)[after is not None]
        with self.database.read() as connection:
            told = " ".join(str(row[-1]) for row in connection.explain(statement, values))
        used = _USED.search(told)
        return used[1] if used else "NO INDEX", bool(_SORTS.search(told))


def lists(connection: Connection) -> Iterator[List]:
    """Yield the lists of the table, each of what a finding in the middle is."""
    middle = connection.first(_ORDERED.offset(connection.first(_COUNT)[0] // 2))
    assert middle is not None
    given = dict(zip(findings.c.keys(), middle, strict=True)) | COMMON
    for name, sort in [("", sort) for sort in LISTING.unfiltered_sorts] + [
        (item.name, sort) for item in LISTING.filters for sort in item.sorts
    ]:
        column, where, filters = findings.c[LISTING.sorts[sort]], [_OURS], {}
        if name:
            driving = str(LISTING.filter(name).column)
            filters = {name: (given[driving],)}
            where.append(findings.c[driving] == LISTING.filter(name).convert(given[driving]))
        order = (
            [findings.c.id]
            if sort == "-id" or sort.endswith(name or "-")
            else [column, findings.c.id]
        )
        end = select(findings.c.id, column).where(*where).order_by(*order).offset(PAGE + 1).limit(1)
        row = connection.first(end)
        place = None if row is None else Position(row[0], None if sort == "-id" else row[1])
        yield List(name, sort, filters, place)


def cpu(connection: Connection) -> float:
    """Return the seconds of the processor that this process had, and PostgreSQL's for it."""
    raw: Any = connection.raw  # type: ignore[attr-defined]  # either driver's
    info = getattr(raw, "info", None)
    if info is None:
        return time.process_time()
    there = Path(f"/proc/{info.backend_pid}/schedstat").read_text().split()
    return time.process_time() + int(there[0]) / 1e9


def write(settings: list[Settings], begun: Event, stop: Event) -> None:
    """Rewrite findings at random, 500 a transaction, in each store by turns, until told to stop."""
    databases, chance = [open_database(each) for each in settings], random.Random(3)
    known = []
    for database in databases:
        with database.read() as connection:
            known.append([row[0] for row in connection.all(_KNOWN)])
    while not stop.is_set():
        for database, idents in zip(databases, known, strict=True):
            rows = [
                {"ident": ident, "audit": f"aud_{chance.random()}"}
                for ident in sorted(chance.sample(idents, WRITTEN))
            ]
            with database.write() as connection:
                connection.many(_WRITE, rows)
        begun.set()
    for database in databases:
        database.close()


@contextmanager
def writer(stores: list[Store]) -> Iterator[None]:
    """Have a process write while the block runs."""
    context = multiprocessing.get_context("spawn")
    begun, stop = context.Event(), context.Event()
    given = ([each.settings for each in stores], begun, stop)
    process = context.Process(target=write, args=given, daemon=True)
    process.start()
    begun.wait(60)
    yield
    stop.set()
    process.join(30)


def measured(stores: list[Store]) -> bool:
    """Measure every list in every store; say whether the bars are met."""
    good = True
    for ones in zip(*(store.lists for store in stores), strict=True):
        places = [(None, one.last) if one.last else (None,) for one in ones]
        costs = [[float("inf")] * len(each) for each in places]
        for _ in range(TRIES):
            for _ in range(ROUNDS):
                for number, (store, one) in enumerate(zip(stores, ones, strict=True)):
                    for page, after in enumerate(places[number]):
                        costs[number][page] = min(costs[number][page], store.cost(one, after))
            ratios = [each[-1] / each[0] for each in costs]
            ratios += [more / few for few, more in zip(*costs, strict=True)] if costs[1:] else []
            if met := max(ratios) <= BAR:
                break
        good &= met
        shown = "; ".join(" ".join(f"{1e6 * page:4.0f}" for page in each) for each in costs)
        print(
            f"  {ones[0].name or '-':<11} {ones[0].sort:<17} us {shown:<22} ratios"
            f" {' '.join(f'{ratio:.2f}' for ratio in ratios)}{'' if met else ' MISSED'}",
            flush=True,
        )
    return good


def planned(store: Store) -> bool:
    """Print which index serves each list; say whether all are served."""
    good = True
    for one in store.lists:
        for after in {None, one.last}:
            index, sorts = store.plan(one, after)
            good &= index != "NO INDEX" and not sorts
            print(f"  {one.name or '-':<11} {one.sort:<17} {index:<34} {'SORTS' if sorts else ''}")
    return good


def main() -> int:
    """Measure and compare with the bars."""
    counts = [int(each) for each in sys.argv[1:]] + [FINDINGS]
    stores = [Store(count) for count in counts]
    print(f"{stores[0].database.name}, findings: " + "; ".join(f"{each:,}" for each in counts))
    print("page 1 and last of each; last / first of each, more findings / fewer of each; alone:")
    good = measured(stores)
    print("with a writer at work:")
    with writer(stores):
        good &= measured(stores)
    print(f"plans with {counts[-1]:,}:")
    good &= planned(stores[-1])
    print("bars met" if good else "BARS MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
