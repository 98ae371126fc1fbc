"""What is kept beside the byte code is what would be derived again, or it is derived again."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudsealed.kit import kept as module
from cloudsealed.kit.kept import kept

CODE = ("kit/kept.py",)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the byte code's."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    return tmp_path


def file_of(home: Path) -> Path:
    (found,) = (path for path in home.rglob("*") if path.is_file())
    return found


class Maker:
    """Makes values, and counts how often."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> dict[str, object]:
        self.made += 1
        return {"n": 1, "many": ("a", None, 1.5)}


def keep(make: Callable[[], object], *sources: bytes) -> object:
    found = kept("kit/thing", CODE, sources, make)
    assert found == {"n": 1, "many": ["a", None, 1.5]}
    return found


def test_it_is_made_once_for_the_same_sources(home: Path) -> None:
    make = Maker()
    for _ in range(3):
        keep(make, b"one", b"two")
    assert make.made == 1
    assert stat.S_IMODE(file_of(home).stat().st_mode) == 0o644


@pytest.mark.parametrize("sources", [(b"one",), (b"onet", b"wo"), (b"two", b"one"), ()])
def test_other_sources_make_it_anew(home: Path, sources: tuple[bytes, ...]) -> None:
    make = Maker()
    keep(make, b"one", b"two")
    keep(make, *sources)
    assert make.made == 2


def test_other_code_makes_it_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = Maker()
    keep(make)
    monkeypatch.setattr(module, "code_of", lambda *_: (b"changed",))
    keep(make)
    assert make.made == 2


def test_code_is_all_of_a_package_with_its_tables() -> None:
    facts = sum(1 for _ in Path(module._HOME, "packs").rglob("*.csv"))
    code = sum(1 for _ in Path(module._HOME, "packs").rglob("*.py"))
    assert len(module.code_of("packs")) == facts + code > code > 5
    assert module.code_of("kit/kept.py") == (Path(module.__file__).read_bytes(),)


def test_damage_anywhere_makes_it_anew(home: Path) -> None:
    make = Maker()
    keep(make)
    whole = file_of(home).read_bytes()
    damaged = [whole[:size] for size in range(len(whole))]
    damaged += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(whole))]
    for number, data in enumerate(damaged, 2):
        file_of(home).write_bytes(data)
        keep(make)
        assert make.made == number
    assert file_of(home).read_bytes() == whole


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(home: Path) -> None:
    make = Maker()
    (home / str(Path(module.__file__).parent).lstrip("/").split("/")[0]).write_text("no folder")
    for _ in range(2):
        keep(make)
    assert make.made == 2


def test_without_sources_nothing_is_compared_and_nothing_kept(home: Path) -> None:
    make = Maker()
    for _ in range(2):
        kept("kit/thing", ("kit/missing.py",), (), make)
    assert make.made == 2
    assert not list(home.iterdir())
