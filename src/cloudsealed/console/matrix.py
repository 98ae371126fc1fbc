"""The cells of an audit as a table: a row a policy, a column a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WORST_FIRST = ("fail", "unknown", "pass", "not_applicable")
_WIDEST = 60  # places side by side; at least one account is shown


@dataclass(frozen=True, slots=True)
class Matrix:
    """`accounts` has the regions of each account, in order; `rows` a cell or None for each place,
    and `worst` says what a cell is shown as. `others` are accounts that there is no room for."""

    accounts: Sequence[tuple[str, Sequence[str]]]
    rows: Sequence[tuple[Mapping[str, Any], Sequence[Mapping[str, Any] | None]]]
    others: Sequence[str]

    @staticmethod
    def worst(cell: Mapping[str, Any]) -> str:
        """Return the outcome that matters most in a cell; `unread` where its resources were not
        all listed, `none` where there is no resource."""
        if not cell["complete"] and not cell["fail"]:
            return "unread"
        return next((name for name in _WORST_FIRST if cell[name]), "none")


def matrix(rows: Sequence[Mapping[str, Any]]) -> Matrix:
    """Return the table of what the API lists as an audit's cells."""
    by_account: dict[str, list[str]] = {}
    for account, region in sorted({_place(cell) for row in rows for cell in row["cells"]}):
        by_account.setdefault(account, []).append(region)
    shown, others = list[tuple[str, Sequence[str]]](), list[str]()
    width = 0
    for account, regions in by_account.items():
        width += len(regions)
        if shown and width > _WIDEST:
            others.append(account)
        else:
            shown.append((account, regions))
    places = [(account, region) for account, regions in shown for region in regions]
    found = []
    for row in rows:
        cells = {_place(cell): cell for cell in row["cells"]}
        found.append((row, [cells.get(place) for place in places]))
    return Matrix(shown, found, others)


def _place(cell: Mapping[str, Any]) -> tuple[str, str]:
    return cell["account"], cell["region"]
