from __future__ import annotations

from pathlib import Path

import pytest

from cloudsealed.cli.serve import only_server
from cloudsealed.settings import Settings
from cloudsealed.storage.private import data_folder
from cloudsealed.testing.demo import main


@pytest.mark.parametrize("harm", ["a file", "somebody's folder", "a link to nowhere"])
def test_a_place_that_the_demo_cannot_have_is_said_in_words_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], harm: str
) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "cloudsealed-demo"
    if harm == "a file":
        place.write_text("kept")
    elif harm == "a link to nowhere":
        place.symlink_to(tmp_path / "no" / "where")
        (tmp_path / "no").write_text("kept")
    else:
        place.mkdir()
        (place / "kept").write_text("kept")
    assert main(["--once"]) == 1
    assert "cloudsealed-demo" in capsys.readouterr().err
    assert any(path.read_text() == "kept" for path in tmp_path.rglob("*") if path.is_file())


def test_a_second_demo_in_a_folder_is_refused_and_harms_nothing_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    first = Settings(data_dir=Path("cloudsealed-demo"))
    data_folder(first.data_dir)
    with only_server(first):
        first.key_path.write_text("kept")
        for arguments in (["--once"], ["--port", "0"]):
            assert main(arguments) == 1
            assert "Another demo runs in" in capsys.readouterr().err
    assert first.key_path.read_text() == "kept"
