from __future__ import annotations

from pathlib import Path

import pytest

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
