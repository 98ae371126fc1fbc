"""The sample estate: "Larkspur Ltd", two AWS accounts in two regions, good and bad on purpose.

    python -m cloudsealed.testing.estate --endpoint http://127.0.0.1:PORT [--json]

Every kind of mistake that the built-in policies look for has, where the emulator allows it, a
careless resource and a careful one. It refuses every endpoint that is not on this machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.testing import estate_compute as compute
from cloudsealed.testing import estate_data as data
from cloudsealed.testing import estate_foundation as foundation
from cloudsealed.testing import estate_governance as governance
from cloudsealed.testing import estate_held as held
from cloudsealed.testing import estate_network as network
from cloudsealed.testing import estate_rights as rights
from cloudsealed.testing.estate_site import (
    CANARIES,
    EXTERNAL_ID,
    MAIN_ACCOUNT,
    REGIONS,
    SECOND_ACCOUNT,
    Book,
    EstateError,
    EstateManifest,
    Fact,
    Site,
    Step,
    open_sites,
    step_errors,
)

__all__ = ["CANARIES", "EXTERNAL_ID", "EstateError", "EstateManifest", "Fact", "deploy", "main"]

Progress = Callable[[int, int, str], None]

# An account, and which of the two regions.
_HOME, _FAR = (MAIN_ACCOUNT, 0), (MAIN_ACCOUNT, 1)
_OTHER_HOME, _OTHER_FAR = (SECOND_ACCOUNT, 0), (SECOND_ACCOUNT, 1)
_WORKERS = 4

# A chain's steps run in their order; chains of a phase run side by side, phases one by one.
Chain = tuple[tuple[str, int], tuple[Step, ...]]
_HELD: tuple[Chain, ...] = tuple(
    (each, (held.answers,)) for each in (_HOME, _FAR, _OTHER_HOME, _OTHER_FAR)
)
_PHASES: tuple[tuple[Chain, ...], ...] = (
    (
        (_HOME, (foundation.service_roles, foundation.audit_role, foundation.alias)),
        (_HOME, (foundation.keys, foundation.log_groups)),
        (_HOME, (foundation.networks, network.security_groups, network.default_groups)),
        (_HOME, (compute.certificates,)),
        (_OTHER_HOME, (foundation.audit_role, governance.strong_passwords)),
        (_OTHER_HOME, (foundation.networks,)),
    ),
    (
        (
            _HOME,
            (
                network.instances,
                network.volumes,
                network.load_balancers,
                network.classic_balancer,
                network.scaling_groups,
                network.gateways,
            ),
        ),
        (
            _HOME,
            (
                data.buckets,
                data.worn_buckets,
                data.account_block,
                governance.good_trail,
                governance.recorder,
            ),
        ),
        (_HOME, (data.databases, data.clusters, data.tables, data.file_systems, data.secrets)),
        (_HOME, (data.topics_and_queues, compute.functions, compute.stacks, governance.alarms)),
        (_HOME, (compute.repositories, compute.containers, compute.kubernetes)),
        (_HOME, (governance.users, governance.roles_and_policies, governance.weak_passwords)),
        (
            _HOME,
            (
                rights.roles_of_partners,
                rights.roles_with_wide_rights,
                rights.policies_of_nobody,
                rights.second_factors,
            ),
        ),
        (_HOME, (governance.website,)),
        (_FAR, (data.sandbox_bucket, foundation.log_groups)),
        (_OTHER_HOME, (data.sandbox_bucket, governance.poor_trail, network.security_groups)),
        (_OTHER_FAR, (data.sandbox_bucket,)),
    ),
)


def deploy(
    endpoint: str,
    progress: Progress | None = None,
    partition: str = "aws",
    *,
    with_held: bool = True,
) -> EstateManifest:
    """Build the estate in the emulator at `endpoint` and return what it is.

    `progress(done, total, step)` is told of each finished step, one at a time, from any thread.
    Without what the emulator holds it is what moto has backends for, a fifth of it.
    Build it once: a second time the names exist. Raises EstateError.
    """
    book = Book()
    with step_errors("signing in"):
        sites = open_sites(endpoint, book, partition)
    regions = REGIONS[partition]
    phases = (_HELD, *_PHASES) if with_held else _PHASES
    counter = _Counter(progress, sum(len(steps) for phase in phases for _, steps in phase))
    with ThreadPoolExecutor(_WORKERS) as pool:
        for phase in phases:
            running = [
                pool.submit(_run, sites[account, regions[which]], steps, counter)
                for (account, which), steps in phase
            ]
            for finished in as_completed(running):
                finished.result()
    return book.manifest(endpoint, partition)


class _Counter:
    """Counts finished steps and passes each on."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0
        self._lock = threading.Lock()

    def finished(self, step: str) -> None:
        with self._lock:
            self._done += 1
            if self._progress:
                self._progress(self._done, self._total, step)


def _run(site: Site, steps: Sequence[Step], counter: _Counter) -> None:
    for step in steps:
        name = f"{step.__name__.replace('_', ' ')} in {site.account} {site.region}"
        with step_errors(name):
            step(site)
        counter.finished(name)


def main(argv: Sequence[str] | None = None) -> int:
    """Build the estate from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cloudsealed.testing.estate")
    parser.add_argument("--endpoint", required=True, help="an emulator's http://127.0.0.1:PORT")
    parser.add_argument(
        "--partition", default="aws", choices=REGIONS, help="of its ids and regions"
    )
    parser.add_argument("--json", action="store_true", help="print the manifest as JSON")
    options = parser.parse_args(argv)
    try:
        manifest = deploy(options.endpoint, _print_progress, options.partition)
    except CloudSealedError as error:
        print(error.message, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(manifest.as_dict(), indent=2))
    else:
        print(f"Larkspur Ltd: {manifest.total} resources of {len(manifest.counts)} types")
    return 0


def _print_progress(done: int, total: int, step: str) -> None:
    print(f"[{done:2}/{total}] {step}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
