"""Files that are made when somebody asks: kept a while, so that the next part costs no second one.

They have no name on the disk, and are gone with the process. It refuses to wait: who cannot have a
file gets the pieces as they are made.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from cloudsealed.storage.private import private_folder

KEPT, KEPT_SECONDS = 4, 600.0
_AT_ONCE = 2  # files that are made at one time
_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Spooled:
    """A whole file: its size in bytes, its SHA-256 in hex, the tick when it was made."""

    file: IO[bytes]
    size: int
    sha256: str
    made: float

    def open(self, start: int) -> Iterator[bytes]:
        """Return its pieces from a byte on; several may read at once."""
        while piece := os.pread(self.file.fileno(), _PIECE, start):
            yield piece
            start += len(piece)


class Spools:
    """The files that were asked for last."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Spooled] = {}
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(_AT_ONCE)

    def get(
        self, key: Hashable, folder: Path, make: Callable[[], Iterator[bytes]]
    ) -> Spooled | None:
        """Return the file of `key`, making it if it is not kept; None when there is no room for it
        on the disk, or others are being made. Raises what `make` raises."""
        with self._lock:
            found = self._kept.get(key)
        if found is not None or not self._free.acquire(blocking=False):
            return found
        try:
            made = _written(folder, make())
        except OSError:
            return None
        finally:
            self._free.release()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > KEPT:  # whoever reads it has it open to the end
                del self._kept[next(iter(self._kept))]
        return made

    def purge(self, older: float = KEPT_SECONDS) -> None:
        """Forget what was made long ago: what it was made from may be gone."""
        before = time.monotonic() - older
        with self._lock:
            self._kept = {k: file for k, file in self._kept.items() if file.made > before}


def _written(folder: Path, pieces: Iterator[bytes]) -> Spooled:
    private_folder(folder)
    file = TemporaryFile(dir=folder)  # noqa: SIM115 - it outlives this
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        file.write(piece)
        digest.update(piece)
        size += len(piece)
    file.flush()
    return Spooled(file, size, digest.hexdigest(), time.monotonic())
