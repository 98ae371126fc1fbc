"""Facts that policies rest on, one CSV file a subject: dates of versions, ways to escalate.

The first row names the columns. Every row says its `source` (an address of the vendor's page or the
paper) and the day on which somebody `checked` it (YYYY-MM-DD). Refuses to know what a fact means.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources


@cache
def facts(subject: str) -> tuple[Mapping[str, str], ...]:
    """The rows of `<subject>.csv`, each by column; an empty cell is an empty text."""
    text = (resources.files(__name__) / f"{subject}.csv").read_text("utf-8")
    return tuple(csv.DictReader(text.splitlines()))
