"""Files of the product: named, written whole or not at all, read in pieces.

Names are ids or digests, never a customer's text. It refuses to know what the bytes mean.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Protocol

from cloudsealed.settings import Settings
from cloudsealed.storage.database import ServiceUnavailableError
from cloudsealed.storage.extra import need
from cloudsealed.storage.private import FILE, private_folder

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9]+)?")
_LONGEST_NAME = 200
PIECE = 64 * 1024
"""Bytes of a piece that is read."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class BlobNotFoundError(Exception):
    """No blob has this name."""


class Blobs(Protocol):
    """A store of files by name; one written again is replaced at once, as a whole."""

    def put(self, name: str, content: bytes | Iterable[bytes]) -> None:
        """Store `content`; readers see it complete or not at all."""

    def open(self, name: str, start: int = 0) -> Iterator[bytes]:
        """Return the pieces of a blob from a byte on; raises BlobNotFoundError before the first."""

    def size(self, name: str) -> int:
        """Return how many bytes a blob has; raises BlobNotFoundError."""

    def delete(self, name: str) -> None:
        """Forget a blob; nothing happens when there is none."""

    def names(self) -> Iterator[str]:
        """Yield the names of all blobs, those among them that are whole."""

    def fault(self) -> str | None:
        """Return why nothing can be read or written, for people; it may take seconds."""


def open_blobs(settings: Settings) -> Blobs:
    """Return the object store when its URL is set, else a folder; raises MissingExtraError and
    InvalidSettingError."""
    if not settings.has_object_store:
        return DiskBlobs(settings.blob_dir)
    need("obstore", "CLOUDSEALED_BLOB_URL")
    from cloudsealed.storage.object_blobs import ObjectBlobs

    return ObjectBlobs(settings.blob_url, settings.blob_options)


def checked(name: str) -> str:
    """Return a blob's name; raises ValueError for what is none."""
    if _NAME.fullmatch(name) is None or len(name) > _LONGEST_NAME:
        raise ValueError(f"not a blob's name: {name!r}")
    return name


class DiskBlobs:
    """Blobs as files of one folder that only its owner can open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, content: bytes | Iterable[bytes]) -> None:
        """Write beside the blob, then rename: a crash leaves the old content or the new."""
        path = self._path(name)
        try:
            self._write(path, content)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise ServiceUnavailableError("The disk is full: no file can be written") from error

    def _write(self, path: Path, content: bytes | Iterable[bytes]) -> None:
        private_folder(self._folder)
        with NamedTemporaryFile(dir=self._folder, prefix=".new-", delete=False) as file:
            try:
                os.fchmod(file.fileno(), FILE)
                for piece in (content,) if isinstance(content, bytes) else content:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink()
                raise

    def open(self, name: str, start: int = 0) -> Iterator[bytes]:
        """Return the pieces of a blob; it stays readable to the end though it is deleted."""
        try:
            file = self._path(name).open("rb")
        except FileNotFoundError:
            raise BlobNotFoundError(name) from None
        file.seek(start)
        return _pieces(file)

    def size(self, name: str) -> int:
        """Return how many bytes a blob has."""
        try:
            return self._path(name).stat().st_size
        except FileNotFoundError:
            raise BlobNotFoundError(name) from None

    def delete(self, name: str) -> None:
        """Remove the blob's file."""
        with suppress(FileNotFoundError):
            self._path(name).unlink()

    def names(self) -> Iterator[str]:
        """Yield the names of the folder's files, in their order."""
        found = sorted(self._folder.iterdir()) if self._folder.is_dir() else ()
        return (path.name for path in found if not path.name.startswith("."))  # being written

    def fault(self) -> str | None:
        """Return nothing: what is wrong with a disk is wrong with the data folder too."""
        return None

    def _path(self, name: str) -> Path:
        return self._folder / checked(name)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece
