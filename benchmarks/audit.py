"""What a run costs: `python benchmarks/audit.py [VENV]`.

CPU of `cloudsealed --help`, of an audit of an empty account in one region, and of one of the sample
estate, each a process of its own against an emulated AWS; start-up is what the audit costs before
its first call, by importing what it imports. VENV is a virtual environment that holds Prowler: then
it audits the same accounts. The emulator's own CPU is left out. Refuses to compare findings.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import deploy
from cloudsealed.testing.estate_site import HOME_REGION

ROUNDS = 3
HELP, EMPTY = 0.3, 1.2
"""Bars, in seconds of CPU."""
_OURS = Path(sys.executable).with_name("cloudsealed")


def cpu(command: Sequence[str | Path], environment: Mapping[str, str]) -> float:
    """Run a command some times, each in a new folder; return the median of its seconds of CPU."""
    spent = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            before = _children()
            ran = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=900,
                env={**os.environ, **environment, "CLOUDSEALED_DATA_DIR": f"{folder}/data"},
            )
            assert ran.returncode in (0, 3), ran.stderr  # Prowler ends with 3 where something fails
            spent.append(_children() - before)
    return statistics.median(spent)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _audits(of: str, environment: Mapping[str, str], prowler: Path | None) -> float:
    own = cpu([_OURS, "audit", "aws", "--regions", HOME_REGION], environment)
    print(f"  an audit of {of}: {own:.2f} s")
    if prowler is not None:
        command = [
            prowler,
            "aws",
            "--region",
            HOME_REGION,
            "--no-banner",
            "--output-formats",
            "csv",
        ]
        theirs = cpu(command, environment)
        print(f"  Prowler on the same: {theirs:.2f} s, {theirs / own:.1f} times as much")
    return own


def main(folder: str | None = None) -> int:
    """Measure, and compare with the bars."""
    prowler = Path(folder) / "bin" / "prowler" if folder else None
    helped = cpu([_OURS, "--help"], {})
    print(f"  --help: {helped:.2f} s (bar {HELP})")
    imported = cpu([sys.executable, "-c", "import cloudsealed.cli.audit"], {})
    print(f"  start-up of an audit: {imported:.2f} s")
    with Emulator() as emulator:
        empty = _audits("an empty account", emulator.environment(), prowler)
        deploy(emulator.endpoint)
        _audits("the sample estate", emulator.environment(), prowler)
    met = helped <= HELP and empty <= EMPTY
    print("bars met" if met else f"BAR MISSED (empty account {EMPTY} s)")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
