"""The cells of an audit as a table."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.console.matrix import Matrix, matrix

COUNTS = {"fail": 0, "pass": 0, "unknown": 0, "not_applicable": 0, "complete": True}


def cell(account: str, region: str, **changes: Any) -> dict[str, Any]:
    return {"account": account, "region": region, **COUNTS, **changes}


def test_every_cell_stands_in_the_column_of_its_place() -> None:
    rows = [
        {"policy": "a", "cells": [cell("2", "x", fail=1), cell("1", "y", fail=2)]},
        {"policy": "b", "cells": [cell("1", "x", fail=3)]},
    ]
    found = matrix(rows)
    assert found.accounts == [("1", ["x", "y"]), ("2", ["x"])]
    fails = [[each and each["fail"] for each in cells] for _row, cells in found.rows]
    assert fails == [[None, 2, 1], [3, None, None]]
    assert found.others == []


def test_accounts_that_there_is_no_room_for_are_named_and_one_always_has_room() -> None:
    wide = [cell("1", f"r{number:02}") for number in range(70)]
    found = matrix([{"cells": [*wide, cell("2", "x"), cell("3", "x")]}])
    assert [account for account, _regions in found.accounts] == ["1"]
    assert found.others == ["2", "3"]
    assert all(len(cells) == 70 for _row, cells in found.rows)


@pytest.mark.parametrize(
    ("changes", "worst"),
    [
        ({"fail": 1, "unknown": 1, "pass": 9}, "fail"),
        ({"unknown": 1, "pass": 9}, "unknown"),
        ({"pass": 9, "complete": False}, "unread"),
        ({"fail": 1, "complete": False}, "fail"),
        ({"pass": 1, "not_applicable": 3}, "pass"),
        ({"not_applicable": 3}, "not_applicable"),
        ({}, "none"),
    ],
)
def test_a_cell_is_shown_as_what_matters_most_in_it(changes: dict[str, Any], worst: str) -> None:
    assert Matrix.worst(cell("1", "x", **changes)) == worst
