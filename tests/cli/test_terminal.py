"""Hostile names in the terminal: shown, never obeyed."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from tests.cli.conftest import Run
from tests.waiting import SECONDS

from cloudsealed.cli.terminal import Line, Terminal, as_json, shown

HOSTILE = (
    "x[/a] [red]:warning: \x1b[31m\x07\x9b2J\u2028\u202e\u2066\x7f\n\N{CHECK MARK} trusted \ud800"
)


@pytest.fixture
def terminal() -> Terminal:
    made = Terminal()
    made.file = io.StringIO()
    return made


def written(terminal: Terminal) -> str:
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue()


@given(st.text())
def test_whatever_is_shown_is_printable(text: str) -> None:
    assert shown(text).isprintable()
    assert shown(text) == text or not text.isprintable()


@given(st.text(alphabet=st.characters(), min_size=1))
def test_one_print_is_one_line_of_printable_text(text: str) -> None:
    made = Terminal()
    made.file = io.StringIO()
    made.print(text)
    made.print(Line.assemble(("said", "red"), text))
    made.error(text)
    first, second, third = written(made).split("\n")[:3]
    assert all(line.isprintable() for line in (first, second, third))
    assert written(made).count("\n") == 3


@given(
    st.recursive(st.text() | st.integers(), lambda t: st.lists(t) | st.dictionaries(st.text(), t))
)
def test_json_says_the_same_and_holds_nothing_that_a_terminal_obeys(document: Any) -> None:
    text = as_json(document)
    assert json.loads(text) == document
    assert text.replace("\n", "").isprintable()


def test_a_cell_of_a_table_is_neither_markup_nor_obeyed(terminal: Terminal) -> None:
    table = Table("name")
    table.add_row(HOSTILE)
    terminal.print(table, soft_wrap=False)
    assert "[/a] [red]:warning:" in written(terminal)
    assert written(terminal).replace("\n", "").isprintable()


def test_findings_with_hostile_names_are_listed_on_a_terminal(tmp_path: Path) -> None:
    row = dict.fromkeys(("id", "severity", "status", "dimension", "title"), HOSTILE[:-1])

    class Hostile(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            refused = "get" in self.path
            error = {"error": {"code": HOSTILE[:-1], "message": HOSTILE[:-1], "request_id": "r"}}
            body = json.dumps(error if refused else {"data": [row]}).encode()
            self.send_response(404 if refused else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    with HTTPServer(("127.0.0.1", 0), Hostile) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "CS_TOKEN": "x",
            "COLUMNS": "400",
            "CLOUDSEALED_URL": f"http://127.0.0.1:{server.server_port}",
            "NO_COLOR": "1",
            "TERM": "dumb",
            "PYTHONIOENCODING": "utf-8",
        }
        listed = _on_a_terminal(["findings", "list"], variables)
        got = subprocess.run(
            [sys.executable, "-m", "cloudsealed.cli.main", "findings", "get", "get"],
            env=variables,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        server.shutdown()
    assert "x[/a]" in listed
    assert "[U+001B][31m" in listed
    assert listed.replace("\r\n", "").isprintable()
    assert got.returncode == 1
    assert got.stderr.strip().isprintable()
    assert "[U+001B]" in got.stderr


def _on_a_terminal(arguments: list[str], variables: dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "cloudsealed.cli.main", *arguments], env=variables, stdout=theirs
    )
    os.close(theirs)
    parts = []
    try:
        while part := os.read(ours, 1 << 16):
            parts.append(part)
    except OSError:  # the other end is closed
        pass
    assert done.wait(SECONDS) == 0
    return b"".join(parts).decode()


@pytest.mark.parametrize("command", [["verify"], ["policy", "validate"], ["policy", "explain"]])
def test_a_hostile_file_name_is_shown(run: Run, tmp_path: Path, command: list[str]) -> None:
    name = "x\x1b[31m\x9b2J\u202e\n[green]ok[b].yaml"
    (tmp_path / name).write_text("{")
    for given_name in (name, "missing" + name):
        done = run(*command, given_name)
        assert done.returncode in (1, 2)
        assert (done.stdout + done.stderr).replace("\n", "").isprintable()
        assert "Traceback" not in done.stderr


def test_a_hostile_argument_is_shown(run: Run) -> None:
    for arguments in (["no\x1bsuch"], ["init", "--no\x9bsuch"], ["token", "check", "\x1b[31m"]):
        done = run(*arguments)
        assert done.returncode in (1, 2)
        assert (done.stdout + done.stderr).replace("\n", "").isprintable()
