"""The real program in a process of its own, against the emulated estate."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import deploy

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def estate() -> Iterator[Emulator]:
    with Emulator() as emulator:
        deploy(emulator.endpoint)
        yield emulator


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs `cloudsealed` in an empty folder with an empty home."""

    def cloudsealed(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "COLUMNS": "100",
            **environment,
        }
        return subprocess.run(
            [sys.executable, "-m", "cloudsealed.cli.main", *arguments],
            cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return cloudsealed
