from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.program import program
from tests.waiting import SECONDS, until

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


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[str]:
    """What a demo prints until it serves, on a port that nobody chose."""
    out = tmp_path / "out"
    with out.open("wb") as file:
        running = program().start(
            "--port",
            "0",
            folder=tmp_path,
            environment=os.environ,
            code="from cloudsealed.testing.demo import main\nmain()",
            stdout=file,
            stderr=file,
        )

    def said() -> str | None:
        assert running.poll() is None, out.read_text()
        return out.read_text() if "Stop with Ctrl+C" in out.read_text() else None

    try:
        yield until(said, "the demo serves", 10 * SECONDS)
    finally:
        running.terminate()
        running.wait()


def test_the_demo_is_served_where_it_says_and_its_reports_lead_there_too(shown: str) -> None:
    given = re.search(r"CS_TOKEN=(\S+)", shown)
    place = re.search(r"Log in at (\S+)/login as (\S+) with (\S+)", shown)
    assert given
    assert place
    base, email, password = place.groups()
    headers = {"Authorization": f"Bearer {given[1]}"}
    with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=SECONDS) as http:
        page = http.get("/login").text
        [csrf] = re.findall(r'name="csrf" value="(\w+)"', page)
        form = {"email": email, "password": password, "csrf": csrf}
        logged_in = http.post("/login", data=form, headers={"Origin": base})
        assert (logged_in.status_code, "set-cookie" in logged_in.headers) == (303, True)
        [audit] = http.get("/v1/audits").json()["data"]
        asked = {"kind": "executive_summary", "audit_id": audit["id"]}
        report = http.post("/v1/reports", json=asked).headers["location"]

        def ready() -> Any:
            return http.get(report).json()["status"] == "ready"

        until(ready, "the report is ready")
        told = http.get(f"{report}/download?format=json").json()
    assert told["public_url"] == base
