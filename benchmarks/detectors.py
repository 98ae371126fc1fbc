"""Compares what is called a secret with other detectors: `python -m benchmarks.detectors [VENV]`.

On the values of `tests/collectors/secrets`, as an audit meets them: `NAME=value`, or a script. VENV
is a virtual environment that holds `kingfisher-bin` or `detect-secrets` (or both); without it only
our own detector is measured. Nothing is validated or updated over the network, and values go
through pipes, never through files. Refuses to count a value more than once.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.collectors.secrets.corpus import Sample, samples

from cloudsealed.collectors.secrets import kinds_of

_THEIRS = """
import json, sys
from detect_secrets.core.scan import scan_line
from detect_secrets.settings import default_settings
with default_settings():
    for text in json.load(sys.stdin):
        print(int(any(True for line in text.splitlines() for _ in scan_line(line))))
"""


def ours(given: Sequence[Sample]) -> list[bool]:
    """Ask our own detector."""
    return [bool(kinds_of(each.value, each.name)) for each in given]


def kingfisher(program: Path) -> Callable[[Sequence[Sample]], list[bool]]:
    """Return what asks Kingfisher, one process a value."""
    command = [
        str(program),
        "scan",
        "-",
        "--no-validate",
        "--no-update-check",
        "--format",
        "json",
        "--jobs",
        "1",
        "--quiet",
    ]

    def asked(each: Sample) -> bool:
        ran = subprocess.run(
            command, input=_text(each), capture_output=True, text=True, check=False, timeout=120
        )
        return bool(json.loads(ran.stdout)["findings"])

    def ask(given: Sequence[Sample]) -> list[bool]:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(asked, given))

    return ask


def detect_secrets(python: Path) -> Callable[[Sequence[Sample]], list[bool]]:
    """Return what asks detect-secrets, with the plugins that it has by default."""

    def ask(given: Sequence[Sample]) -> list[bool]:
        ran = subprocess.run(
            [str(python), "-c", _THEIRS],
            input=json.dumps([_text(each) for each in given]),
            capture_output=True,
            text=True,
            check=True,
            timeout=600,
        )
        return [line == "1" for line in ran.stdout.split()]

    return ask


def _text(each: Sample) -> str:
    return f"{each.name}={each.value}\n" if each.name else each.value


def main(folder: str | None) -> int:
    """Measure every detector that is there."""
    detectors = {"cloudsealed": ours}
    if folder is not None:
        found = Path(folder) / "bin"
        if (found / "kingfisher").exists():
            detectors["kingfisher"] = kingfisher(found / "kingfisher")
        if (found / "detect-secrets").exists():
            detectors["detect-secrets"] = detect_secrets(found / "python")
    given = samples()
    secrets = sum(each.secret for each in given)
    print(f"{len(given)} values, {secrets} of them secrets")
    for name, ask in detectors.items():
        said = ask(given)
        right = sum(each.secret and told for each, told in zip(given, said, strict=True))
        precision = right / sum(said) if any(said) else 1.0
        print(
            f"{name:>15}: {sum(said) - right} harmless values called secrets, "
            f"{secrets - right} secrets missed; precision {precision:.1%}, "
            f"recall {right / secrets:.1%}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or [None]))
