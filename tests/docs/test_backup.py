"""What docs/operate/backup.md says is typed, while an audit runs, and what is restored is whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.served import Served, served
from tests.servers import PostgresServer, _binaries
from tests.waiting import until

from cloudsealed.testing.emulator import Emulator

PAGE = Path(__file__).parents[2] / "docs" / "operate" / "backup.md"
SCOPE = {"regions": ["eu-west-1"], "services": ["s3", "sqs"]}
PROGRAMS = Path(sys.executable).parent


def lines(section: str) -> list[list[str]]:
    """Return the commands of each block of a section."""
    found = re.search(rf"^## {section}\n(.*?)(?=^## )", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return [each.splitlines() for each in re.findall(r"```sh\n(.*?)```", found[1], re.DOTALL)]


def type_in(commands: list[str], backups: Path, environment: dict[str, str]) -> str:
    """Run commands as they stand, `/backup` being a folder; return what they print."""
    script = "\n".join(["set -euo pipefail", *commands]).replace("/backup", str(backups))
    path = f"{PROGRAMS}:{_binaries()}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        env={**environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def begun(running: Served) -> tuple[str, str, str]:
    """Return an audit that completed, a report of it, and an audit that runs."""
    connection = running.connect("first").json()["id"]
    first = running.ended(running.audit(connection, **SCOPE))["id"]
    body = {"kind": "executive_summary", "audit_id": first}
    report = running.http.post("/v1/reports", json=body).json()["id"]
    until(
        lambda: running.http.get(f"/v1/reports/{report}").json()["status"] == "ready",
        "the report is ready",
    )
    return first, report, running.audit(connection, **SCOPE)


def check(running: Served, first: str, report: str, under_way: str, folder: Path) -> None:
    """See that all of it is there, that the audit goes on, and that seals verify."""
    assert running.ended(under_way)["status"] == "completed"
    file = running.http.get(f"/v1/reports/{report}/download", params={"format": "pdf"})
    assert file.content.startswith(b"%PDF"), file.text[:300]
    for ident in (first, under_way):
        bundle = folder / f"{ident}.zip"
        bundle.write_bytes(running.http.get(f"/v1/audits/{ident}/bundle").content)
        assert "unchanged since" in running.run("verify", str(bundle))


def test_what_the_page_says_of_an_embedded_installation_backs_it_up_and_restores_it(
    tmp_path: Path, estate: Emulator
) -> None:
    [[save, *restore]] = lines("An embedded installation")
    moved(tmp_path, estate, ([save], ""), (restore, ""))


def test_what_the_page_says_of_postgresql_backs_it_up_and_restores_it(
    tmp_path: Path, estate: Emulator, postgres: PostgresServer
) -> None:
    save, restore = lines("PostgreSQL")
    names = ("backed", "restored")
    first, second = (postgres.create(name) for name in names)
    try:
        moved(tmp_path, estate, (save, first), (restore, second))
    finally:
        for name in names:
            postgres.drop(name)


def moved(
    folder: Path, estate: Emulator, saving: tuple[list[str], str], restoring: tuple[list[str], str]
) -> None:
    """Back up by commands what is served, over a database, and restore it by others elsewhere."""
    save, first = saving
    restore, second = restoring
    (folder / "backups").mkdir()
    environment = {**estate.environment(), "CLOUDSEALED_DATABASE_URL": first}
    with served(folder / "data", folder / "log", environment) as running:
        known = begun(running)
        type_in(save, folder / "backups", running.environment)
        made, old = running.made, running.environment
    changed = {"CLOUDSEALED_DATABASE_URL": second, "CLOUDSEALED_DATA_DIR": str(folder / "other")}
    said = type_in(restore, folder / "backups", {**old, **changed})
    assert "the key file is its own" in said
    assert "wrong" not in said
    environment["CLOUDSEALED_DATABASE_URL"] = second
    with served(folder / "other", folder / "log2", environment, made=made) as running:
        check(running, *known, folder)
