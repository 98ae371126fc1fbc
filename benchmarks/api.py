"""Requests a second of the findings list and of one finding, against a static route of the process.

    python benchmarks/api.py

One server process (uvicorn, a million findings on SQLite) and one client process on loopback,
interleaved rounds, medians. Bars: list of 50 >= 0.35 of the static FastAPI route, one finding
>= 0.50. Also shown: the same with a writer at work in another process. Exits 1 when one is missed.
"""

from __future__ import annotations

import multiprocessing
import random
import statistics
import sys
from typing import Any

from client import Load
from million import TENANT
from serving import LIST, App, serving, token_of, unlimited

from cloudsealed.settings import Settings
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.wiring import Services, build_services

ROUNDS, SECONDS = 7, 1.0
BARS = {"list": 0.35, "get": 0.50}


def with_static_route(edge: App, _: Services) -> App:
    """Add one more route to the API, as plain as FastAPI has them."""

    async def static_route() -> dict[str, bool]:
        return {"ok": True}

    edge._app._app.add_api_route("/static-route", static_route)
    return edge


def _write(settings: Settings, stop: Any) -> None:
    database = SqliteDatabase(settings.sqlite_path)
    chance = random.Random(3)
    with database.read() as connection:
        raw = connection._raw
        known = [row[0] for row in raw.execute("SELECT id FROM findings LIMIT 20000")]
    while not stop.is_set():
        with database.write() as connection:
            raw = connection._raw
            sql = "UPDATE findings SET audit_id = ? WHERE tenant_id = ? AND id = ?"
            rows = [(f"aud_{chance.random()}", TENANT, chance.choice(known)) for _ in range(100)]
            raw.executemany(sql, rows)
        stop.wait(0.05)


def _identity(settings: Settings) -> tuple[str, str]:
    """Return a token and the id of a finding that it may read."""
    services = build_services(settings)
    with services.database.read() as connection:
        raw = connection._raw  # type: ignore[attr-defined]  # SQLite, as the store is
        ident: str = raw.execute("SELECT id FROM findings LIMIT 1 OFFSET 500").fetchone()[0]
    token = token_of(services)
    services.database.close()
    return token, ident


def _compare(load: Load, ident: str) -> dict[str, float]:
    paths = {"static": "/static-route", "list": LIST, "get": f"/v1/findings/{ident}"}
    seen: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(ROUNDS):
        for name, path in paths.items():
            seen[name].append(load.rate(path, SECONDS))
    rates = {name: statistics.median(values) for name, values in seen.items()}
    ratios = {
        name: statistics.median(a / b for a, b in zip(seen[name], seen["static"], strict=True))
        for name in BARS
    }
    print("  " + "  ".join(f"{name} {rate:,.0f}/s" for name, rate in rates.items()))
    print("  " + "  ".join(f"{name}/static {ratio:.2f}" for name, ratio in ratios.items()))
    return ratios


def main() -> int:
    """Measure and compare with the bars."""
    settings = unlimited()
    token, ident = _identity(settings)
    with serving(settings, with_static_route) as port:
        load = Load(port, token)
        for path in ("/static-route", LIST, f"/v1/findings/{ident}"):
            load.rate(path, 0.5)
        print("alone:")
        ratios = _compare(load, ident)
        context = multiprocessing.get_context("spawn")
        stop = context.Event()
        writer = context.Process(target=_write, args=(settings, stop), daemon=True)
        writer.start()
        print("with a writer at work:")
        _compare(load, ident)
        stop.set()
        writer.join(10)
    good = all(ratios[name] >= bar for name, bar in BARS.items())
    print("bars met" if good else "BARS MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
