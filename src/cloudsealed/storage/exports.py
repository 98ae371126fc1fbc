"""Exports: files made at once, of one moment, kept in a temporary file without a name until sent.

A slow client holds up no database, and one that goes away leaves nothing behind.

It refuses to know what is exported.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TypeVar

from cloudsealed.storage.database import ServiceUnavailableError

T = TypeVar("T")

SECONDS = 600
AT_ONCE = 2
"""Files made at the same moment in a process: they must not crowd out other requests."""
_PIECE = 1 << 16
_slots = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def slot() -> Iterator[None]:
    """Be one of those that make a file; raises ServiceUnavailableError where there are enough."""
    if not _slots.acquire(blocking=False):
        raise ServiceUnavailableError("Other exports are being made: try again in a moment")
    try:
        yield
    finally:
        _slots.release()


def timed(items: Iterable[T]) -> Iterator[T]:
    """Yield items for as long as one moment is held."""
    ends = time.monotonic() + SECONDS
    for item in items:
        if time.monotonic() > ends:
            raise ServiceUnavailableError("The export takes too long: narrow it by filters")
        yield item


def kept(pieces: Iterable[bytes], folder: Path) -> Iterator[bytes]:
    """Write pieces to a temporary file in a folder, if it is there, at once; return an iterator
    that reads it, and with which it ends. Raises ServiceUnavailableError when the disk is full."""
    reading = _kept(pieces, folder if folder.is_dir() else None)
    try:
        next(reading)
    except OSError as error:
        raise ServiceUnavailableError("The disk has no room for the export") from error
    return reading


def _kept(pieces: Iterable[bytes], folder: Path | None) -> Iterator[bytes]:
    """Yield nothing once all is written, then what was."""
    with TemporaryFile(dir=folder) as file:
        file.writelines(pieces)
        file.seek(0)
        yield b""
        while piece := file.read(_PIECE):
            yield piece
