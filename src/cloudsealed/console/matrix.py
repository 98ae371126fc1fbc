"""The cells of an audit as a table: a row a policy, a column a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WORST_FIRST = ("fail", "unknown", "pass", "not_applicable")


@dataclass(frozen=True, slots=True)
class Matrix:
    """`accounts` has the regions of each account, in order; `rows` a cell or None for each place,
    and `worst` says what a cell is shown as."""

    accounts: Sequence[tuple[str, Sequence[str]]]
    rows: Sequence[tuple[Mapping[str, Any], Sequence[Mapping[str, Any] | None]]]

    @staticmethod
    def worst(cell: Mapping[str, Any]) -> str:
        """Return the outcome that matters most in a cell; `unread` where its resources were not
        all listed, `none` where there is no resource."""
        if not cell["complete"] and not cell["fail"]:
            return "unread"
        return next((name for name in _WORST_FIRST if cell[name]), "none")


def matrix(rows: Sequence[Mapping[str, Any]]) -> Matrix:
    """Return the table of what the API lists as an audit's cells."""
    places = sorted({(c["account"], c["region"]) for row in rows for c in row["cells"]})
    by_account: dict[str, list[str]] = {}
    for account, region in places:
        by_account.setdefault(account, []).append(region)
    found = []
    for row in rows:
        cells = {(cell["account"], cell["region"]): cell for cell in row["cells"]}
        found.append((row, [cells.get(place) for place in places]))
    return Matrix(list(by_account.items()), found)
