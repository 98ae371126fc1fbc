"""Two audits of one account at once, by several workers: one ceiling, one worker in a place.

Run by `make chaos`. Ceilings are counted where the calls arrive, in every second of the audits.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.e2e.installation import Installation
from tests.e2e.test_shared_audit import begun
from tests.e2e.workers import HANDS, RUN, at_work, count, same

from cloudsealed.settings import Settings
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import deploy

WORKERS = 3
CEILING = int(os.environ.get("CHAOS_CEILING", "6"))
_NOTED = """
import os, time
from contextlib import contextmanager
from pathlib import Path
from cloudsealed.collectors.aws import client
from cloudsealed.collectors.calling import caller
from cloudsealed.collectors.calling.places import Places
client.CEILINGS, caller.DEFAULT_CEILING = {{}}, {ceiling}
real = Places.at
noted = Path({folder!r}, str(os.getpid())).open("a", buffering=1)

@contextmanager
def at(self, key, pause):
    with real(self, key, pause):
        began = time.monotonic()
        try:
            yield
        finally:
            noted.write(f"{{'/'.join(key)}} {{began}} {{time.monotonic()}}\\n")

Places.at = at
"""

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def estate() -> Iterator[Emulator]:
    """A cloud that nobody else calls."""
    with Emulator() as emulator:
        deploy(emulator.endpoint)
        yield emulator


def _turns(folder: Path) -> dict[str, list[tuple[float, float, str]]]:
    """Return when who called where, by place and service: from, to, worker."""
    found = defaultdict(list)
    for noted in folder.iterdir():
        for line in noted.read_text().splitlines():
            key, began, ended = line.rsplit(" ", 2)
            found[key].append((float(began), float(ended), noted.name))
    return {key: sorted(calls) for key, calls in found.items()}


def _met(calls: list[tuple[float, float, str]]) -> list[tuple[float, str, str]]:
    """Return where a worker called before another one's calls had ended."""
    met, until, owner = [], 0.0, ""
    for began, ended, worker in calls:
        if worker != owner and began < until:
            met.append((began, owner, worker))
        until, owner = max(until, ended), worker
    return met


def test_two_audits_of_an_account_keep_under_one_ceiling_and_out_of_each_others_places(
    installation: Installation, settings: Settings, estate: Emulator, tmp_path: Path
) -> None:
    folder = tmp_path / "noted"
    folder.mkdir()
    noted = _NOTED.format(folder=str(folder), ceiling=CEILING)
    estate.reset()
    both = begun(installation), begun(installation)
    with at_work(settings, estate, WORKERS, noted + RUN):
        shown = [same(installation, audit) for audit in both]
    assert shown[0]["verdict_digest"] == shown[1]["verdict_digest"]
    assert all(count(installation, HANDS, audit) > 1 for audit in both)
    busiest = {
        f"{lane['service']} in {lane['region']}": lane["most"] for lane in estate.calls()["busiest"]
    }
    turns = _turns(folder)
    passed = sum(a[2] != b[2] for calls in turns.values() for a, b in pairwise(calls))
    most = max(busiest.values())
    print(
        f"{estate.calls()['total']} calls of {WORKERS} workers: at most {most} of {CEILING} in any"
        f" second of any of {len(busiest)} places; they passed on {passed} times"
    )
    assert {where: number for where, number in busiest.items() if number > CEILING} == {}
    assert most == CEILING, "nothing was held back"
    assert passed > 0, "no place had two workers"
    assert {key: met for key, calls in turns.items() if (met := _met(calls))} == {}
