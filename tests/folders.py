"""Where tests keep their files: in memory, where a machine has enough of it.

Thousands of tests make a database and throw it away. On a disk the making of its files costs more
than what the tests do with it. A folder that someone chose, by TMPDIR, stays theirs.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30
"""Bytes that have to be free before anything is kept in memory; a run uses about a tenth."""
_NOEXEC = getattr(os, "ST_NOEXEC", 0)  # Linux's


def keep_in_memory() -> None:
    """Have this process, and those that it starts, make temporary files in memory."""
    if "TMPDIR" not in os.environ and _has_room(_MEMORY):
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None  # to be found anew


def runs_programs(folder: Path) -> bool:
    """Return whether a program in `folder` may be run."""
    return not os.statvfs(folder).f_flag & _NOEXEC


def _has_room(folder: Path) -> bool:
    if not os.access(folder, os.W_OK) or not runs_programs(folder):
        return False
    there = os.statvfs(folder)
    return min(there.f_bavail * there.f_frsize, _available()) >= _ROOM


def _available() -> int:
    """Return how many bytes of memory programs can still have, as Linux estimates it."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) << 10
    return 0
