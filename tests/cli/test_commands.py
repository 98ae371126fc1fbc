"""Commands are imported when they are used, and their lines in the help are their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cloudsealed.cli.commands import COMMANDS, command

SLOW = (
    "alembic",
    "botocore",
    "cloudsealed.api",
    "cryptography",
    "fastapi",
    "httpx",
    "psycopg",
    "pydantic",
    "sqlalchemy",
)
HELPS = (
    ["--help"],
    ["--version"],
    ["findings", "--help"],
    ["findings", "list", "--help"],
    ["audits", "create", "--help"],
    ["api", "--help"],
    ["serv"],
)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_line_of_the_help_is_the_first_paragraph_of_the_commands_own(name: str) -> None:
    found = command(name)
    assert found.name == name
    assert " ".join((found.help or "").split("\n\n")[0].split()) == COMMANDS[name][1]


@pytest.mark.parametrize("words", HELPS)
def test_what_needs_no_server_imports_none_of_its_libraries(words: list[str]) -> None:
    code = (
        "import sys\n"
        "from cloudsealed.cli.main import main\n"
        "try: main()\n"
        f"finally: print([name for name in {SLOW} if name in sys.modules], file=sys.stderr)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False
    )
    assert ran.stderr.splitlines()[-1] == "[]"


def test_a_command_that_speaks_to_a_server_imports_none_itself() -> None:
    code = (
        "import sys\n"
        "from cloudsealed.cli.main import main\n"
        "try: main()\n"
        f"finally: print([name for name in {SLOW} if name in sys.modules])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "findings", "--json"],
        env={"CLOUDSEALED_URL": "http://127.0.0.1:9", "CS_TOKEN": "token", "no_proxy": "*"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stdout.splitlines() == ["['httpx', 'pydantic']"]  # the second is Typer's


_OTHERS = ("alembic", "cloudsealed.reports", "fastapi", "psycopg", "typst", "uvicorn", "valkey")


@pytest.mark.parametrize("slow", _OTHERS)
def test_an_audit_of_an_installation_imports_no_server(slow: str) -> None:
    code = f"import sys, cloudsealed.cli.audit; print({slow!r} in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
