"""What an operator does in the second week: back up, restore, rotate keys, move to PostgreSQL.

An upgrade from a database of an older program is in `tests/storage/test_old_databases.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.e2e.held import NARROW
from tests.program import program
from tests.served import Served, served
from tests.servers import PostgresServer
from tests.waiting import until

from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate_site import HOME_REGION

SCOPE = {"regions": [HOME_REGION], "services": ["sqs", "sns"]}
PAGE = "/v1/findings?limit=3&sort=-severity"


def listed(running: Served, address: str) -> Any:
    answer = running.http.get(address)
    assert answer.status_code == 200, answer.text
    return answer.json()


def audited(running: Served, connection: str) -> str:
    ident = running.audit(connection, **SCOPE)
    assert running.ended(ident)["status"] == "completed"
    return ident


def events(running: Served) -> Any:
    return listed(running, "/v1/events?limit=1")["data"]


def bundle(running: Served, ident: str, path: Path) -> str:
    answer = running.http.get(f"/v1/audits/{ident}/bundle")
    assert answer.status_code == 200, answer.text
    path.write_bytes(answer.content)
    return str(path)


def elsewhere(running: Served, data: Path, url: str = "") -> dict[str, str]:
    """Return the environment of another data folder and database."""
    return {
        **running.environment,
        "CLOUDSEALED_DATA_DIR": str(data),
        "CLOUDSEALED_DATABASE_URL": url,
    }


def run(folder: Path, environment: dict[str, str], *arguments: str) -> str:
    done = program().run(*arguments, folder=folder, environment=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(900)
def test_an_installation_is_backed_up_restored_moved_and_goes_on(
    estate: Emulator, postgres: PostgresServer, tmp_path: Path
) -> None:
    environment = {**estate.environment(), **NARROW}
    with served(tmp_path / "data", tmp_path / "log", environment) as running:
        connection = running.connect("all").json()["id"]
        first = audited(running, connection)
        running.run("backup", str(tmp_path / "copy"))  # while it runs
        second = audited(running, connection)
        whole = listed(running, "/v1/findings?limit=200&sort=-severity")["data"]
        page = listed(running, PAGE)
        bundles = [bundle(running, ident, tmp_path / ident) for ident in (first, second)]
    assert page["has_more"]

    # Elsewhere there is what was before the second audit.
    restored = elsewhere(running, tmp_path / "restored")
    run(tmp_path, restored, "restore", str(tmp_path / "copy"))
    run(tmp_path, restored, "migrate")
    with served(tmp_path / "restored", tmp_path / "log-2", restored, made=running.made) as again:
        assert [each["id"] for each in listed(again, "/v1/audits")["data"]] == [first]

    running.run("keys", "rotate", "seal")
    running.run("export", str(tmp_path / "all.zip"))
    moved = elsewhere(running, tmp_path / "moved", postgres.create("test_second_week"))
    run(tmp_path, moved, "import", str(tmp_path / "all.zip"))
    with served(tmp_path / "moved", tmp_path / "log-3", moved, made=running.made) as there:
        assert listed(there, "/v1/findings?limit=200&sort=-severity")["data"] == whole
        # A list that was begun on the one database goes on on the other.
        rest = listed(there, f"{PAGE}&cursor={page['next_cursor']}")["data"]
        assert [*page["data"], *rest] == whole[: 3 + len(rest)]
        again_the_same = Path(bundle(there, first, tmp_path / "again"))
        assert again_the_same.read_bytes() == Path(bundles[0]).read_bytes()
        bundles.append(bundle(there, audited(there, connection), tmp_path / "third"))
        until(lambda: events(there)[0]["sequence"] is not None, "the worker chains events")
        log = there.http.get("/v1/events/export")
        (tmp_path / "events.jsonl").write_bytes(log.content)
        keys = there.http.get("/.well-known/cloudsealed-keys")
        (tmp_path / "keys.json").write_bytes(keys.content)
        assert there.complaints() == []
    # One chain of seals, over both databases and both keys.
    run(tmp_path, moved, "verify", "--key", str(tmp_path / "keys.json"), *bundles)
    # And one of events.
    said = run(tmp_path, moved, "verify", "--key", str(tmp_path / "keys.json"), "events.jsonl")
    assert "events     “1 to" in said
    postgres.drop("test_second_week")
