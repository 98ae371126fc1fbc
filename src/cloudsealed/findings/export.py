"""Findings as a file: JSON Lines, or a table for spreadsheets. It reads nothing by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from cloudsealed.findings.remedy import with_own_names
from cloudsealed.kit import spreadsheet

FORMATS: Mapping[str, str] = {"jsonl": "application/jsonl", "csv": spreadsheet.MEDIA_TYPE}
"""Every format, with its media type."""
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
    """Yield the pieces of a file of FORMATS, from the public JSON of findings; the commands in it
    have the names of each one's resource."""
    if wanted == "csv":
        return spreadsheet.csv_pieces(COLUMNS, map(_cells, map(orjson.loads, findings)))
    return (with_own_names(finding) + b"\n" for finding in findings)


def _cells(finding: Mapping[str, Any]) -> Iterator[Any]:
    for path in _PATHS.values():
        value: Any = finding
        for name in path:
            value = None if value is None else value[name]
        yield value
    yield " ".join(f"{each['framework']}/{each['control']}" for each in finding["controls"])
