"""Packages of npm that tests use, installed when a test asks for one; without npm it is skipped."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_SECONDS = 90


def install(package: str, folder: Path) -> Path:
    """Install a pinned package (`name@version`) into a folder where Node finds it; return that.

    Skips the test where there is no Node or npm, or where npm cannot install.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node or npm is not here")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", package]
    try:
        done = subprocess.run(
            command, check=False, cwd=folder, capture_output=True, text=True, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install {package} in time")
    if done.returncode:
        pytest.skip(f"npm cannot install {package}: {done.stderr.strip()[-200:]}")
    return folder
