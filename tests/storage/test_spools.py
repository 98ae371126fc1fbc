"""Files made on demand are kept a while, and whoever reads one reads it to its end."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cloudsealed.storage.spools import KEPT, Spools


def test_a_file_is_made_once_and_read_from_any_byte(tmp_path: Path) -> None:
    made = []

    def make() -> Iterator[bytes]:
        made.append(1)
        yield from (b"x" * 70_000, b"", b"end")

    spools = Spools()
    found = [spools.get("a", tmp_path, make) for _ in range(3)]
    assert (len(made), found[0]) == (1, found[1])
    file = found[2]
    assert file is not None
    assert (file.size, file.sha256) == (70_003, sha256(b"x" * 70_000 + b"end").hexdigest())
    assert b"".join(file.open(0)) == b"x" * 70_000 + b"end"
    assert b"".join(file.open(69_999)) == b"xend"
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_file_is_forgotten_but_for_who_reads_it(tmp_path: Path) -> None:
    spools = Spools()
    first = spools.get(0, tmp_path, lambda: iter([b"first"]))
    assert first is not None
    for number in range(1, KEPT + 1):
        spools.get(number, tmp_path, lambda: iter([b"more"]))
    again = spools.get(0, tmp_path, lambda: iter([b"again"]))
    assert again is not None
    assert (b"".join(again.open(0)), b"".join(first.open(0))) == (b"again", b"first")


def test_when_others_are_being_made_or_the_disk_takes_none_there_is_no_file(tmp_path: Path) -> None:
    spools, inner = Spools(), []

    def nested(depth: int) -> Any:
        inner.append(spools.get(depth, tmp_path, lambda: nested(depth + 1) if depth < 3 else []))
        yield b"x"

    assert spools.get(0, tmp_path, lambda: nested(1)) is not None
    assert [file is None for file in inner] == [True, False]
    (tmp_path / "file").write_bytes(b"")
    assert spools.get("b", tmp_path / "file", lambda: iter([b"x"])) is None


def test_what_was_made_long_ago_is_forgotten(tmp_path: Path) -> None:
    spools = Spools()
    first = spools.get("a", tmp_path, lambda: iter([b"x"]))
    spools.purge()
    assert spools.get("a", tmp_path, lambda: iter([b"y"])) is first
    spools.purge(older=-1)
    assert spools.get("a", tmp_path, lambda: iter([b"y"])) is not first


def test_what_goes_wrong_while_a_file_is_made_is_said_and_nothing_is_kept(tmp_path: Path) -> None:
    spools = Spools()

    def broken() -> Iterator[bytes]:
        yield b"x"
        raise ValueError("no")

    for _ in range(3):
        with pytest.raises(ValueError, match="no"):
            spools.get("a", tmp_path, broken)
    assert spools.get("a", tmp_path, lambda: iter([b"y"])) is not None
