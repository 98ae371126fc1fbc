"""A day of many tenants on schedules, its time compressed: is anything more at its end?

    python benchmarks/hours.py [sqlite|postgresql] [TENANTS [HOURS]]

One process does what a server and a worker do for TENANTS (200) over HOURS (24), by a clock that
jumps five minutes whenever there is nothing left to do: what is due, audits of an emulated AWS, a
tenant's each six hours, events, and what is looked after each hour; and it answers requests.
The first six hours find what there is; the next six are compared with the last six. Bars: memory,
open files, threads and the database's connections grow by a tenth at most, as do an audit's CPU and
what six hours add to the tables; a request's CPU and a round of looking after all tenants by three
tenths. Others on the machine make all slower at times: so a time is compared by a yardstick, which
is some work that is always the same, done beside each request. Exits 1 when a bar is missed.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import orjson
from _installation import Installation, installation
from _process import begin, resident
from sqlalchemy import func, select, text

from cloudsealed import working
from cloudsealed.api.app import create_app
from cloudsealed.audits.shard_store import JOB
from cloudsealed.auth.model import Scope
from cloudsealed.collectors.aws import client
from cloudsealed.collectors.calling import caller
from cloudsealed.kit.clock import utc_now
from cloudsealed.settings import Window
from cloudsealed.storage.schema import metadata
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import deploy
from cloudsealed.testing.estate_site import HOME_REGION
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import Services, build_services

TENANTS, HOURS, STEP, EVERY = 200, 24, timedelta(minutes=5), 6
SCOPE = {"regions": [HOME_REGION], "services": ["sqs"]}
REQUESTS, PATHS = 8, ("/v1/findings?limit=50", "/v1/audits?limit=1", "/v1/findings/summary")
LEASE = "ms a lease of an audit"
YARDSTICK = "ms the yardstick"
FLAT, QUICK = 1.1, 1.3
_UNLIMITED = (Window(10**9, 60),)
_CONNECTED = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")


class Moving:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = utc_now().replace(minute=0, second=0, microsecond=0)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Hours:
    """What was seen in some hours: each figure the median, or of `added` the sum."""

    held: dict[str, list[float]] = field(default_factory=dict)
    took: dict[str, list[float]] = field(default_factory=dict)
    added: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Keep the milliseconds of the processor that the block takes."""
        began = time.process_time()
        yield
        self.took.setdefault(what, []).append(1e3 * (time.process_time() - began))

    def see(self, figures: dict[str, float]) -> None:
        """Keep what is held now."""
        for name, value in figures.items():
            self.held.setdefault(name, []).append(value)

    def figures(self) -> dict[str, tuple[float, float]]:
        """Return each figure by name, with its bar."""
        return {
            **{name: (max(values), FLAT) for name, values in self.held.items()},
            **{
                name: (statistics.median(values), FLAT if name == LEASE else QUICK)
                for name, values in self.took.items()
            },
            **{f"rows of {name}": (float(number), FLAT) for name, number in self.added.items()},
        }


class Day:
    """An installation whose time is compressed."""

    def __init__(self, there: Installation, tenants: int) -> None:
        self.clock = Moving()
        limits = {f"limit_{name}": _UNLIMITED for name in ("core", "anonymous", "audits")}
        self.services = build_services(replace(there.settings, **limits), clock=self.clock)
        self._worker = working.worker(self.services)
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(self.services)), base_url="http://x"
        )
        self._tokens = [_tenant(self.services, number) for number in range(tenants)]
        self._asking = asyncio.Runner()

    def step(self, seen: Hours) -> None:
        """Go on by five minutes, and do all that there is to do then."""
        self.clock.now += STEP
        with seen.timed("ms a round of housekeeping"):
            working.housekeep(self.services)
        while self._worked(seen):
            pass
        while working.chain_events(self.services):
            pass
        if self.clock.now.minute == 0:
            working.expire_evidence(self.services)
        self._asking.run(self._ask(seen))
        seen.see(self.held())

    def _worked(self, seen: Hours) -> bool:
        began = time.process_time()
        done = self._worker.run_once(JOB)
        if done:
            seen.took.setdefault(LEASE, []).append(1e3 * (time.process_time() - began))
        return done

    async def _ask(self, seen: Hours) -> None:
        for number in range(REQUESTS):
            token = self._tokens[(self.clock.now.minute * 7 + number) % len(self._tokens)]
            for path in PATHS:
                with seen.timed(YARDSTICK):
                    sorted(str(each) for each in range(2_000))
                with seen.timed(f"ms {path}"):
                    answer = await self._http.get(
                        path, headers={"Authorization": f"Bearer {token}"}
                    )
                assert answer.status_code == 200, answer.text

    def held(self) -> dict[str, float]:
        """Return what this process holds of the system, and of the database."""
        found = {
            "MiB of memory": resident(),
            "open files": float(len([*Path("/proc/self/fd").iterdir()])),
            "threads": float(len([*Path("/proc/self/task").iterdir()])),
        }
        if self.services.settings.database_url:
            with self.services.database.read() as connection:
                row = connection.first(_CONNECTED)
            assert row is not None
            found["connections"] = float(row[0])
        return found

    def rows(self) -> Counter[str]:
        """Return how many rows each table has."""
        with self.services.database.read() as connection:
            found = {
                table.name: connection.first(select(func.count()).select_from(table))
                for table in metadata.sorted_tables
            }
        return Counter({name: row[0] for name, row in found.items() if row})


def _tenant(services: Services, number: int) -> str:
    """Add a tenant with a connection and a schedule; return a token of its."""
    tenant = services.tenants.create(name=f"tenant {number}").id
    services.policies.synchronize(tenant=tenant)
    role = f"arn:aws:iam::123456789012:role/audit-{number}"
    made = services.connections.create(
        tenant=tenant, body={"provider": "aws", "name": "cloud", "role_arn": role}
    )
    body = {
        "name": "often",
        "cron": f"{number % 12 * 5} {number // 12 % EVERY}-23/{EVERY} * * *",
        "audit": {"connection_ids": [orjson.loads(made)["id"]], "scope": SCOPE},
    }
    services.schedules.create(tenant=tenant, body=body)
    user = services.users.create(tenant=tenant, email=f"a{number}@example.com", role=Role.ADMIN)
    scopes = frozenset({Scope("findings:read"), Scope("audits:read")})
    return services.tokens.issue(tenant=tenant, user_id=user.id, name="a", scopes=scopes).text


def compared(hours: list[Hours]) -> bool:
    """Print every figure of each six hours, and the last ones against the second; say whether all
    are flat."""
    every = [each.figures() for each in hours]
    slower, good = every[-1][YARDSTICK][0] / every[1][YARDSTICK][0], True
    for name, (last, bar) in every[-1].items():
        values = [each.get(name, (0.0, bar))[0] for each in every]
        if not any(values[1:]):
            continue
        ratio = last / values[1] if values[1] else float("inf")
        ratio /= slower if name.startswith("ms ") else 1
        good &= ratio <= bar
        shown = " ".join(f"{value:>9,.4g}" for value in values)
        print(f"  {name:<38} {shown}   {ratio:.2f}{'' if ratio <= bar else ' MISSED'}")
    return good


def measured(there: Installation, tenants: int, hours: int) -> bool:
    """Let the hours pass; say whether the bars are met."""
    begin()
    day = Day(there, tenants)
    seen: list[Hours] = []
    for _ in range(hours // EVERY):
        one, before = Hours(), day.rows()
        for _ in range(int(timedelta(hours=EVERY) / STEP)):
            day.step(one)
        one.added = day.rows() - before
        seen.append(one)
        began = day.clock.now.isoformat()
        print(f"  until {began}: {one.added['audits']} audits", flush=True)
    print(
        f"{(there.settings.database_url and 'PostgreSQL') or 'SQLite'}, {tenants} tenants;"
        f" each {EVERY} hours; the last against the second:"
    )
    good = compared(seen)
    day.services.database.close()
    return good


def main() -> int:
    """Measure and compare with the bars."""
    store, *numbers = sys.argv[1:] or ["sqlite"]
    tenants, hours = [*map(int, numbers), *[TENANTS, HOURS][len(numbers) :]]
    client.CEILINGS, caller.DEFAULT_CEILING = {}, 1e6  # an emulator needs none
    with Emulator() as cloud, installation(store) as there:
        deploy(cloud.endpoint)
        os.environ.update(cloud.environment())
        good = measured(there, tenants, hours)
    print("bars met" if good else "BARS MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
