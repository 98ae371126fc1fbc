"""Findings as a file: JSON Lines, or a table for spreadsheets. It reads nothing by itself.

The file is made at once, of one moment, and kept in a temporary file without a name until it is
sent: a slow client holds up no database, and one that goes away leaves nothing behind.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import orjson

from cloudsealed.kit import spreadsheet
from cloudsealed.storage.database import ServiceUnavailableError

FORMATS: Mapping[str, str] = {"jsonl": "application/jsonl", "csv": spreadsheet.MEDIA_TYPE}
"""Every format, with its media type."""
SECONDS = 600
AT_ONCE = 2
"""Files made at the same moment in a process: they must not crowd out other requests."""
_PIECE = 1 << 16
_slots = threading.BoundedSemaphore(AT_ONCE)

_OWN = ("id", "status", "severity", "base_severity", "dimension", "title")
_LAST = ("audit_id", "first_seen_at", "last_seen_at", "resolved_at")
_PATHS: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in _OWN},
    "policy": ("policy", "key"),
    "policy_version": ("policy", "version"),
    "resource_id": ("resource", "id"),
    "resource_type": ("resource", "type"),
    "resource_name": ("resource", "name"),
    "native_id": ("resource", "native_id"),
    "provider": ("resource", "provider"),
    "account": ("resource", "account"),
    "region": ("resource", "region"),
    "monthly_savings": ("monthly_savings", "amount"),
    "currency": ("monthly_savings", "currency"),
    "triage": ("triage", "state"),
    "triage_assignee": ("triage", "assignee"),
    "triage_note": ("triage", "note"),
    "triage_expires_at": ("triage", "expires_at"),
    "classified_by": ("classified_by", "key"),
    "yields_to": ("yields_to",),
    "resolution": ("resolution",),
    "last_observation": ("last_observation",),
    **{name: (name,) for name in _LAST},
    "remediation": ("remediation", "summary"),
}
COLUMNS = (*_PATHS, "controls")
"""The columns of the table, in their order."""


def written(findings: Iterable[bytes], wanted: str) -> Iterator[bytes]:
    """Yield the pieces of a file of FORMATS, from the public JSON of findings."""
    if wanted == "csv":
        return spreadsheet.csv_pieces(COLUMNS, map(_cells, map(orjson.loads, findings)))
    return (finding + b"\n" for finding in findings)


def _cells(finding: Mapping[str, Any]) -> Iterator[Any]:
    for path in _PATHS.values():
        value: Any = finding
        for name in path:
            value = None if value is None else value[name]
        yield value
    yield " ".join(f"{each['framework']}/{each['control']}" for each in finding["controls"])


@contextmanager
def slot() -> Iterator[None]:
    """Be one of those that make a file; raises ServiceUnavailableError where there are enough."""
    if not _slots.acquire(blocking=False):
        raise ServiceUnavailableError("Other exports are being made: try again in a moment")
    try:
        yield
    finally:
        _slots.release()


def timed(findings: Iterable[bytes]) -> Iterator[bytes]:
    """Yield findings for as long as one moment is held."""
    ends = time.monotonic() + SECONDS
    for finding in findings:
        if time.monotonic() > ends:
            raise ServiceUnavailableError("The export takes too long: narrow it by filters")
        yield finding


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
