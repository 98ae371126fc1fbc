"""What requests cost and how long they take when they come by themselves: an open loop.

    python benchmarks/arrivals.py

One server process over the store of BENCHMARK_FINDINGS, on SQLite or on the PostgreSQL that
BENCHMARK_DATABASE_URL names, which is on this machine; requests come BENCHMARK_RATE (200) a second,
at random. Kinds take turns. CPU is the server process's, and PostgreSQL's for it, the least of some
rounds. Beside the API's own: a bare ASGI callable in the same server, and a static route of FastAPI
behind the same gate. Bars: a list takes at most 4 times the CPU of the bare callable; on PostgreSQL
a static route takes at least 0.20 of it, PostgreSQL's own CPU left out. Exits 1 when one is missed.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from _process import exact_cpu_of
from client import Arrivals
from million import TENANT
from serving import LIST, App, server_of, serving, token_of, unlimited
from sqlalchemy import select, text

from api import with_static_route
from cloudsealed.settings import Settings
from cloudsealed.storage.open import open_database
from cloudsealed.storage.schema import findings
from cloudsealed.wiring import Services, build_services

RATE, REQUESTS, ROUNDS = float(os.environ.get("BENCHMARK_RATE", "200")), 60, 40
BARE = "/bare"
FILTERS = (
    "/v1/findings?limit=50&severity=critical&status=open",
    "/v1/findings?limit=50&region=eu-west-1&sort=-severity",
    "/v1/findings?limit=50&dimension=security&resource_type=aws.ec2.security_group",
)
_BACKENDS = text(
    "SELECT pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def _with_others(edge: App, services: Services) -> App:
    """Add the static route, and the bare callable before all that the product does."""
    app = with_static_route(edge, services)
    head = [(b"content-type", b"application/json"), (b"content-length", b"11")]

    async def bare(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != BARE:
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b'{"ok":true}'})

    return bare


def _kinds(settings: Settings) -> tuple[str, dict[str, list[str]]]:
    """Return a token, and what each kind of request asks for by turns."""
    services = build_services(settings)
    some = select(findings.c.id).where(findings.c.tenant_id == TENANT).limit(500)
    with services.database.read() as connection:
        gets = [f"/v1/findings/{row[0]}" for row in connection.all(some)]
    token = token_of(services)
    services.database.close()
    mixed = [
        each for three in zip(gets, cycle([LIST]), cycle(FILTERS), strict=False) for each in three
    ]
    kinds = {"bare": [BARE], "static": ["/static-route"], "list": [LIST], "get": gets}
    return token, kinds | {"filter": [*FILTERS], "mixed": mixed}


class Costs:
    """The seconds of the processor that the server had, and PostgreSQL's processes for it."""

    def __init__(self, settings: Settings, server: int) -> None:
        self._server = server
        self._database = open_database(settings) if settings.database_url else None

    def now(self) -> tuple[float, float]:
        """Return both."""
        return exact_cpu_of(self._server), sum(map(_exact, self._backends()))

    def _backends(self) -> Iterator[int]:
        if self._database is not None:
            with self._database.read() as connection:
                yield from (row[0] for row in connection.all(_BACKENDS))


def _exact(process: int) -> float:
    there = Path(f"/proc/{process}")
    return exact_cpu_of(process) if there.exists() else 0.0


def main() -> int:
    """Measure and compare with the bars."""
    settings = unlimited(searchable=False)
    token, kinds = _kinds(settings)
    took: dict[str, list[float]] = {name: [] for name in kinds}
    ours: dict[str, list[float]] = {name: [] for name in kinds}
    theirs: dict[str, list[float]] = {name: [] for name in kinds}
    chance = random.Random(5)
    with serving(settings, _with_others) as port:
        arrivals, costs = Arrivals(port, token), Costs(settings, server_of(port))
        for number in range(ROUNDS + 1):  # of which the first warms up
            for name, paths in kinds.items():
                before = costs.now()
                answers = arrivals.run([*islice(cycle(paths), REQUESTS)], RATE, chance)
                after = costs.now()
                if number:
                    took[name] += answers
                    ours[name].append((after[0] - before[0]) / REQUESTS)
                    theirs[name].append((after[1] - before[1]) / REQUESTS)
    cpu = {name: min(each) for name, each in ours.items()}
    print("PostgreSQL" if settings.database_url else "SQLite", f"{RATE:.0f} requests a second")
    for name, answers in took.items():
        cuts = statistics.quantiles(answers, n=100)
        print(
            f"  {name:<7} p50 {1e3 * cuts[49]:.2f} ms, p99 {1e3 * cuts[98]:.2f} ms;"
            f" CPU {1e6 * cpu[name]:.0f} us, PostgreSQL's {1e6 * min(theirs[name]):.0f} us;"
            f" {cpu[name] / cpu['bare']:.2f} x bare; static / it {cpu['static'] / cpu[name]:.2f}"
        )
    good = cpu["list"] <= 4 * cpu["bare"]
    good &= not settings.database_url or cpu["static"] >= 0.20 * cpu["list"]
    print("bars met" if good else "BARS MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
