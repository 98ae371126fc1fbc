"""CEL's official conformance files; skipped where they are not at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine.conformance import TABLE, cases, folder, judge, results, skipped, table
from tests.engine.textproto import read

FILES = sorted(folder().glob("*.textproto"))
needs_files = pytest.mark.skipif(
    not FILES, reason=f"CEL's conformance files are not in {folder().name}/ of the test data"
)


@needs_files
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_answer_is_that_of_the_specification(path: Path) -> None:
    troubles = {
        case.id: (case.source, trouble)
        for case in cases(path)
        if not skipped(case) and (trouble := judge(case))
    }
    assert not troubles


@needs_files
def test_the_table_of_the_documents_is_what_the_files_gave() -> None:
    assert table(results()) in TABLE.read_text()


def test_the_text_format_is_read() -> None:
    text = 'a: 1 # note\nb { c: "x" \'y\' } b: { [t.e/N] { s: -5 } } l: [1, 2] q: "\\101\\"\\xff"'
    assert read(text) == {
        "a": ["1"],
        "b": [{"c": [b"xy"]}, {"[t.e/N]": [{"s": ["-5"]}]}],
        "l": ["1", "2"],
        "q": [b'A"\xff'],
    }
