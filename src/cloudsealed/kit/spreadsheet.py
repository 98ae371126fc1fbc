"""Tables as CSV (RFC 4180) that a spreadsheet shows and never runs.

A spreadsheet takes a cell for a formula by how it begins (OWASP, "CSV injection"), so such a text
gets an apostrophe in front. So does one that begins with an apostrophe: a program that removes one
from each cell that has it has every text as it was. Nothing else is changed: control, bidirectional
and line characters stay, the latter within quotes. It refuses to guess types: every cell is text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from cloudsealed.kit.batches import batches

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"
"""RFC 7111 and RFC 4180."""

_ROWS = 500
# Some readers drop what cannot be seen before they look at a cell's first character; those of East
# Asia take the wide forms for the plain ones.
_UNSEEN = r"[\s\x00-\x1f\x7f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
_RUNS = re.compile(rf"[\t\r\n']|{_UNSEEN}*[=+\-@＝＋－＠]")


def guarded(text: str) -> str:
    """Return a text as a cell holds it: after an apostrophe if it could be taken for a formula."""
    return f"'{text}" if _RUNS.match(text) else text


def unguarded(cell: str) -> str:
    """Return the text of a cell."""
    return cell.removeprefix("'")


def csv_pieces(head: Sequence[str], rows: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """Yield a table with its head as UTF-8, some hundred rows at a time; None is an empty cell."""
    for batch in batches(chain([head], rows), _ROWS):
        lines = io.StringIO(newline="")
        csv.writer(lines).writerows([_cell(value) for value in row] for row in batch)
        yield lines.getvalue().encode()


def _cell(value: object) -> str:
    return "" if value is None else guarded(str(value))
