"""A disk that fills up."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Disk:
    """A folder that can be filled up: a small tmpfs for root, else a limit on files' sizes."""

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self.folder = folder
        self.is_mounted = os.geteuid() == 0 and _mounted(folder, mebibytes)
        self._filler = folder / "filler"

    def fill(self, *pids: int) -> None:
        """Leave no room; `pids` are the processes that write."""
        if not self.is_mounted:
            self._limit(pids, 0)
            return
        with self._filler.open("wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                while _written(file, size):
                    pass

    def free(self, *pids: int) -> None:
        """Make room again."""
        if not self.is_mounted:
            self._limit(pids, resource.RLIM_INFINITY)
            return
        self._filler.unlink()

    def _limit(self, pids: tuple[int, ...], size: int) -> None:
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def close(self) -> None:
        if self.is_mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


def _mounted(folder: Path, mebibytes: int) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _written(file: Any, size: int) -> bool:
    try:
        return bool(file.write(b"\0" * size) == size)
    except OSError:
        return False


@contextmanager
def small_disk(folder: Path, mebibytes: int = 160) -> Iterator[Disk]:
    """Make a folder a disk of its own until the block ends."""
    folder.mkdir()
    disk = Disk(folder, mebibytes)
    try:
        yield disk
    finally:
        disk.close()
