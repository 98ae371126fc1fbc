"""Files and folders that only their owner can open, from the first byte, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cloudsealed.settings import Settings

FOLDER, FILE = 0o700, 0o600
IGNORED = ".gitignore"
"""The file that keeps what an installation writes out of a repository around it."""


@dataclass(frozen=True, slots=True)
class Loose:
    """A path that others than its owner can open; `mode` are its permission bits."""

    path: Path
    mode: int
    wanted: int

    def __str__(self) -> str:
        return f"{self.path} has mode {self.mode:04o}: run `chmod {self.wanted:o} {self.path}`"


def private_folder(path: Path) -> None:
    """Make a folder, and what is missing above it; one that is there stays as it is."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=FOLDER, exist_ok=True)
        path.chmod(FOLDER)  # a umask may take the owner's own bits away


def data_folder(path: Path) -> None:
    """Make a folder of an installation, or take an empty one; what it will hold is kept out of the
    repository that it may lie in. One with something in it stays as it is."""
    private_folder(path)
    if not any(path.iterdir()):
        private_file(path / IGNORED)
        (path / IGNORED).write_text("*\n")


def private_file(path: Path) -> None:
    """Make an empty file unless there is one, in a folder of its own if that is missing."""
    private_folder(path.parent)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE)
    except FileExistsError:
        return
    try:
        os.fchmod(descriptor, FILE)
    finally:
        os.close(descriptor)


def loose(settings: Settings) -> list[Loose]:
    """Return what others can open of the files that an installation has now."""
    found = []
    for path, wanted in _expected(settings):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            continue
        if mode & ~wanted & 0o077:
            found.append(Loose(path, mode, wanted))
    return found


def tighten(settings: Settings) -> None:
    """Take away what others may do with the files of this installation, where they are ours.

    A folder that everybody may write to, like /tmp, is somebody else's to change; and a key file
    that others can read is refused where it is read, not mended: they may have read it.
    """
    for each in loose(settings):
        mine = each.path.stat().st_uid == os.geteuid()
        if mine and not each.mode & stat.S_ISVTX and each.path != settings.key_path:
            each.path.chmod(each.mode & each.wanted)


def _expected(settings: Settings) -> Iterator[tuple[Path, int]]:
    """Yield each path of an installation with the most that it may allow."""
    locks = (settings.data_dir / name for name in ("serve.lock", "flights.lock", "calls.lock"))
    held = (settings.sqlite_path, settings.key_path, *locks)
    if any(path.parent == settings.data_dir and path.exists() for path in held):
        yield settings.data_dir, FOLDER
    for path in held:
        yield path, FILE
    for suffix in ("-wal", "-shm"):
        yield settings.sqlite_path.with_name(settings.sqlite_path.name + suffix), FILE
    yield settings.blob_dir, FOLDER
    if settings.blob_dir.is_dir():
        for path in settings.blob_dir.iterdir():
            yield path, FILE
