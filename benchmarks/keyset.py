"""Page 20,000 of a walk against page 1, and every declared query plan, at a million findings.

    python benchmarks/keyset.py

Bars: deep page <= 1.2x the first, also with a writer at work; every row of the declared table of
driving filters is served by an index of that name and without a sort. Exits 1 when one is missed.
"""

from __future__ import annotations

import multiprocessing
import random
import statistics
import sys
import time
from multiprocessing.synchronize import Event
from pathlib import Path

from million import TENANT, prepare

from cloudsealed.findings.listing import LISTING
from cloudsealed.findings.store import FindingStore
from cloudsealed.kit.cursor import Position
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.storage.keyset import plans

PAGE, DEEP, ROUNDS, BAR = 50, 20_000, 200, 1.2


def _position(database: SqliteDatabase, page: int, share: float) -> Position:
    """Return where a walk stands after `page` pages, or `share` of the table when it is smaller."""
    with database.read() as connection:
        raw = connection._raw
        total = raw.execute("SELECT count(*) FROM findings").fetchone()[0]
        offset = min(page * PAGE, int(total * share))
        sql = "SELECT id FROM findings WHERE tenant_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?"
        return Position(raw.execute(sql, (TENANT, offset)).fetchone()[0])


def _cost(store: FindingStore, after: Position | None) -> float:
    began = time.process_time()
    rows = store.page(tenant=TENANT, filters={}, sort="-id", after=after, limit=PAGE)
    assert len(rows.rows) == PAGE
    return time.process_time() - began


def _ratio(store: FindingStore, deep: Position) -> float:
    first, last = [], []
    for _ in range(ROUNDS):
        first.append(_cost(store, None))
        last.append(_cost(store, deep))
    a, b = statistics.median(first), statistics.median(last)
    print(f"  page 1 {a * 1e6:.0f} us, deep page {b * 1e6:.0f} us, ratio {b / a:.2f}")
    return b / a


def _write(path: Path, stop: Event) -> None:
    """Rewrite findings at random, 500 a transaction, until told to stop."""
    database = SqliteDatabase(path)
    chance = random.Random(3)
    with database.read() as connection:
        raw = connection._raw
        known = [row[0] for row in raw.execute("SELECT id FROM findings LIMIT 20000")]
    while not stop.is_set():
        with database.write() as connection:
            raw = connection._raw
            sql = "UPDATE findings SET audit_id = ? WHERE tenant_id = ? AND id = ?"
            rows = [(f"aud_{chance.random()}", TENANT, chance.choice(known)) for _ in range(500)]
            raw.executemany(sql, rows)
    database.close()


def main() -> int:
    """Measure and compare with the bars."""
    found = prepare()
    database = SqliteDatabase(found.sqlite_path)
    store = FindingStore(database)
    deep = _position(database, DEEP, 0.98)
    for _ in range(20):
        _cost(store, deep)
    print("alone:")
    good = _ratio(store, deep) <= BAR
    stop = multiprocessing.Event()
    writer = multiprocessing.Process(target=_write, args=(found.sqlite_path, stop), daemon=True)
    writer.start()
    time.sleep(1)
    print("with a writer at work:")
    good &= _ratio(store, deep) <= BAR
    stop.set()
    writer.join(30)
    for line in plans(database, LISTING, tenant=TENANT):
        fine = line.index is not None and not line.sorts
        good &= fine
        served = line.index or "NO INDEX"
        print(f"  {line.filter or '-':<12} {line.sort:<18} {served:<34} {'' if fine else 'SORTS'}")
    print("bars met" if good else "BARS MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
