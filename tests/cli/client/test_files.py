"""Files are there whole or not at all, and nothing that upsets a terminal is written to one."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.client.conftest import Cs, runner
from tests.cli.client.test_send import Stranger, served
from tests.contract.conftest import Tenant

ZIP = b"PK\x03\x04" + bytes(range(256)) * 300
EVENT = b'retry: 2000\n\nevent: status\nid: %d\ndata: {"n": %d}\n\n: beat\n\n'


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stranger]:
    for running in served(Stranger()):
        monkeypatch.setenv("CLOUDSEALED_URL", f"http://127.0.0.1:{running.port}")
        monkeypatch.setenv("CS_TOKEN", "token")
        yield running


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cs:
    return runner(monkeypatch, capsys)


def test_a_file_is_put_where_it_is_to_be(stranger: Stranger, there: Cs, tmp_path: Path) -> None:
    name = 'attachment; filename="cloudsealed-x.zip"'
    for wanted, made in (("a.zip", "a.zip"), ("", "cloudsealed-x.zip"), ("a.zip", "a.zip")):
        stranger.say(200, ZIP, Content_Type="application/zip", Content_Disposition=name)
        said = there("audits", "bundle", "aud_x", "-o", str(tmp_path / wanted))
        assert (said.code, said.out) == (0, "")
        assert f"{len(ZIP)} bytes" in said.err
        assert (tmp_path / made).read_bytes() == ZIP
    assert names(tmp_path) == ["a.zip", "cloudsealed-x.zip"]


def test_a_file_that_was_cut_short_is_fetched_again_or_is_not_there(
    stranger: Stranger, there: Cs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger.say(200, ZIP[:100], Content_Length=str(len(ZIP)))
    stranger.say(200, ZIP)
    assert there("audits", "bundle", "aud_x", "-o", str(tmp_path / "a.zip")).code == 0
    assert (tmp_path / "a.zip").read_bytes() == ZIP
    monkeypatch.setattr("cloudsealed.cli.client.send.PATIENCE", 0)
    stranger.say(200, ZIP[:100], Content_Length=str(len(ZIP)))
    assert there("audits", "bundle", "aud_x", "-o", str(tmp_path / "b.zip")).code == 1
    assert names(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("name", ["../../b.zip", "a/b.zip", "..", ".", ""])
def test_a_server_does_not_choose_the_folder(
    stranger: Stranger, there: Cs, tmp_path: Path, name: str
) -> None:
    (tmp_path / "in").mkdir()
    stranger.say(200, ZIP, Content_Disposition=f'attachment; filename="{name}"')
    said = there("audits", "bundle", "aud_x", "-o", str(tmp_path / "in"))
    assert said.code == 1
    assert names(tmp_path) == ["in"]
    assert not names(tmp_path / "in")


def test_what_is_there_stays_what_it_is(stranger: Stranger, there: Cs, tmp_path: Path) -> None:
    (tmp_path / "own.zip").write_bytes(b"old")
    (tmp_path / "own.zip").chmod(0o600)
    (tmp_path / "link.zip").symlink_to("own.zip")
    stranger.say(200, ZIP)
    assert there("audits", "bundle", "aud_x", "-o", str(tmp_path / "link.zip")).code == 0
    assert (tmp_path / "link.zip").is_symlink()
    assert (tmp_path / "own.zip").read_bytes() == ZIP
    assert (tmp_path / "own.zip").stat().st_mode & 0o777 == 0o600
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    stranger.say(200, ZIP[:1000])
    assert there("audits", "bundle", "aud_x", "-o", str(tmp_path / "pipe")).code == 0
    assert os.read(reader, 65536) == ZIP[:1000]
    os.close(reader)
    assert names(tmp_path) == ["link.zip", "own.zip", "pipe"]


def test_a_folder_that_there_is_not_is_told(stranger: Stranger, there: Cs, tmp_path: Path) -> None:
    said = there("audits", "bundle", "aud_x", "-o", f"{tmp_path}/none/")
    assert (said.code, "is no folder" in said.err, names(tmp_path)) == (1, True, [])


def test_a_place_that_cannot_be_written_is_told(
    stranger: Stranger, there: Cs, tmp_path: Path
) -> None:
    stranger.say(200, ZIP)
    said = there("audits", "bundle", "aud_x", "-o", str(tmp_path / "none" / "a.zip"))
    assert said.code == 1
    assert "No such file or directory" in said.err


def test_a_refused_file_leaves_what_was_there(
    stranger: Stranger, there: Cs, tmp_path: Path
) -> None:
    (tmp_path / "a.pdf").write_bytes(b"old")
    body = b'{"error": {"code": "report_not_ready", "message": "m", "request_id": "req_1"}}'
    stranger.say(409, body)
    said = there("reports", "download", "rep_x", "-o", str(tmp_path / "a.pdf"))
    assert (said.code, said.err) == (1, "error report_not_ready: m (409, req_1)\n")
    assert (tmp_path / "a.pdf").read_bytes() == b"old"


def test_the_name_of_a_file_says_its_format(stranger: Stranger, there: Cs, tmp_path: Path) -> None:
    for words, asked in (
        (["-o", str(tmp_path / "a.PDF")], "?format=pdf"),
        (["-o", str(tmp_path / "a.json"), "--format", "csv"], "?format=csv"),
        (["-o", str(tmp_path / "a.bin")], ""),
        ([], ""),
    ):
        stranger.say(200, b"text")
        assert there("reports", "download", "rep_x", *words).code == 0
        assert stranger.asked[-1][1] == f"/v1/reports/rep_x/download{asked}"


def test_programs_get_the_bytes_as_they_are(
    stranger: Stranger, there: Cs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (["audits", "bundle", "aud_x"], ["api", "v1/x"], ["api", "v1/x", "-o", "-"]):
        stranger.say(200, ZIP, Content_Type="application/zip")
        with monkeypatch.context() as patch, (tmp_path / "out").open("w") as out:
            patch.setattr(sys, "stdout", out)
            assert there(*words).code == 0
        assert (tmp_path / "out").read_bytes() == ZIP


def on_a_terminal(command: Callable[[], object]) -> tuple[object, bytes]:
    """Return what a function returns that prints to a terminal, and what the terminal shows."""
    outer, inner = pty.openpty()
    kept, sys.stdout = sys.stdout, os.fdopen(inner, "w")
    try:
        found = command()
        sys.stdout.flush()
        os.write(inner, b"<end>")
        shown = b""
        while b"<end>" not in shown:
            shown += os.read(outer, 65536)
    finally:
        sys.stdout.close()
        sys.stdout = kept
        os.close(outer)
    return found, shown.removesuffix(b"<end>")


def test_a_terminal_gets_no_binary(stranger: Stranger, there: Cs) -> None:
    for words in (["audits", "bundle", "aud_x"], ["api", "v1/x"]):
        stranger.say(200, ZIP, Content_Type="application/zip")
        said, shown = on_a_terminal(lambda words=words: there(*words))  # type: ignore[misc]
        assert (said.code, shown) == (1, b"")  # type: ignore[attr-defined]
        assert "-o FILE" in said.err  # type: ignore[attr-defined]
    stranger.say(200, b"name\n\x1b[31mred\n", Content_Type="text/csv; charset=utf-8")
    _said, shown = on_a_terminal(lambda: there("findings", "export", "--format", "csv"))
    assert shown.split() == [b"name", b"[U+001B][31mred"]


def test_a_terminal_gets_tables_and_a_pipe_json(
    cs: Cs, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ident,) = tenant.add_findings(1)
    _said, shown = on_a_terminal(lambda: cs("findings"))
    assert ident in shown.decode()
    assert "{" not in shown.decode()
    assert cs("findings").out.startswith("{")


def test_events_are_lines_and_go_on_where_they_were(stranger: Stranger, there: Cs) -> None:
    kind = {"Content_Type": "text/event-stream"}
    stranger.say(200, EVENT % (1, 1) + EVENT % (2, 2), Content_Length="100000", **kind)
    stranger.say(200, EVENT % (3, 3), **kind)
    said = there("audits", "events", "aud_x")
    assert (said.code, said.out.splitlines()) == (0, ['{"n": 1}', '{"n": 2}', '{"n": 3}'])
    assert stranger.asked[-1][2]["Last-Event-ID"] == "2"
