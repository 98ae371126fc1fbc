from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers import _open_to_all


@pytest.fixture
def without_programs() -> Iterator[Path]:
    """Return a folder of everybody's, where no program runs."""
    with tempfile.TemporaryDirectory() as folder:
        mount = ("mount", "-t", "tmpfs", "-o", "noexec,mode=1777,size=1m", "tmpfs", folder)
        try:
            subprocess.run(mount, check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this user may mount nothing")
        yield Path(folder)
        subprocess.run(("umount", folder), check=True, timeout=60)


def test_programs_for_another_user_are_copied_to_where_they_run(
    without_programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(without_programs))
    assert _open_to_all() != without_programs
