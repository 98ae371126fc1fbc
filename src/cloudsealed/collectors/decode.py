"""Turning text inside an answer into data: JSON policies and IAM's credential report.

Text that does not parse, or says what cannot be stored, is left as it is: whoever judges it sees
that it is not what it should be.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any
from urllib.parse import unquote

from cloudsealed.collectors.storable import storable

_NOTHING = frozenset({"", "N/A", "no_information", "not_supported"})
_WORDS: dict[str, Any] = {"true": True, "false": False} | dict.fromkeys(_NOTHING)
_TEXT_COLUMNS = frozenset({"user", "arn"})


def json_text(value: Any) -> Any:
    """Return the object that JSON text holds.

    IAM percent-encodes it (RFC 3986), API Gateway writes it as it would stand in a JSON string.
    """
    if not isinstance(value, str):
        return value
    try:
        return storable(json.loads(_plain(value)))
    except (ValueError, RecursionError):
        return value


def _plain(text: str) -> str:
    if text.startswith("%"):
        return unquote(text)
    return str(json.loads(f'"{text}"')) if text.startswith('{\\"') else text


def credential_report(value: Any) -> Any:
    """Return the report as one mapping a user; `N/A` and its like become null.

    The columns are those of the IAM User Guide, "Get credential reports for your AWS account".
    """
    if not isinstance(value, str):
        return value
    try:
        text = base64.b64decode(value, validate=True).decode()
        lines = list(csv.DictReader(io.StringIO(text)))
    except (ValueError, csv.Error):
        return value
    return storable([_report_line({**line}) for line in lines])


def _report_line(line: dict[str | None, Any]) -> dict[str, Any]:
    return {
        name: cell if name in _TEXT_COLUMNS else _WORDS.get(cell, cell)
        for name, cell in line.items()
        if name is not None  # cells beyond the columns
    }
