from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.kit.spreadsheet import csv_pieces, guarded, unguarded

DANGEROUS = "=+-@\t\r\n＝＋－＠"
UNSEEN = " \x00\x07\u00a0\u200b\u202e\ufeff"
texts = st.text() | st.text(alphabet=f"{DANGEROUS}{UNSEEN}'\",;\r\nab", max_size=8)


def read(pieces: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(pieces.decode(), newline="")))


@given(rows=st.lists(st.lists(texts, min_size=2, max_size=2), max_size=20))
def test_any_text_is_read_back_as_it_was_once_the_guard_is_off(rows: list[list[str]]) -> None:
    table = read(b"".join(csv_pieces(["a", "b"], rows)))
    assert [list(map(unguarded, cells)) for cells in table] == [["a", "b"], *rows]


@given(text=texts)
def test_no_cell_begins_as_a_formula_does(text: str) -> None:
    (cell, _other) = read(b"".join(csv_pieces([text, ""], [])))[0]
    assert cell[:1] == "'" or cell.lstrip(UNSEEN + DANGEROUS[4:7])[:1] not in {*DANGEROUS}
    assert cell[:1] not in {*DANGEROUS}


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|' /C calc'!A1",
        "+1",
        "-1",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        " =1",
        "\x00=1",
        "\u200b=1",
        "\u202e=1",
        "\ufeff=1",
        "'quoted",
        "'=1",
    ],
)
def test_what_could_be_taken_for_a_formula_is_behind_an_apostrophe(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["", "web-1", "a=b", " plain", "10.5", "arn:aws:s3:::x", "バケット"]
)
def test_any_other_text_is_as_it_was(text: str) -> None:
    assert guarded(text) == text


def test_lines_end_as_the_rfc_says_and_only_what_needs_it_is_quoted() -> None:
    table = csv_pieces(["a", "b"], [("x", None), ('say "no"', "1,5"), ("two\nlines", 7)])
    assert b"".join(table) == b'a,b\r\nx,\r\n"say ""no""","1,5"\r\n"two\nlines",7\r\n'


def test_a_long_table_comes_in_pieces_while_its_rows_are_made() -> None:
    made = 0

    def rows() -> Iterator[list[object]]:
        nonlocal made
        for made in range(1, 10_001):
            yield [made]

    pieces = csv_pieces(["n"], rows())
    assert next(pieces).startswith(b"n\r\n1\r\n")
    assert made < 1_000
    assert b"".join(pieces).endswith(b"\r\n10000\r\n")
