"""The real program in a process of its own, against the emulated estate."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.program import program

Run = Callable[..., subprocess.CompletedProcess[str]]


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
        return program().run(*arguments, folder=tmp_path, environment=variables)

    return cloudsealed
