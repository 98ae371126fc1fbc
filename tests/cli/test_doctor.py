"""`doctor` says what is wrong with an installation in words, whatever that is."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run
from tests.collector import collector
from tests.servers import free_port

from cloudsealed.jobs import PulseStore, enqueue
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.ids import new_id
from cloudsealed.settings import Settings
from cloudsealed.storage.schema import jobs
from cloudsealed.wiring import build_services

DATA = "cloudsealed-data"
NO_CLOUD = {"AWS_EC2_METADATA_DISABLED": "true"}


def _directory(data: Path) -> None:
    (data / "cloudsealed.db").unlink()
    (data / "cloudsealed.db").mkdir()


def _garbage(data: Path) -> None:
    (data / "cloudsealed.db").write_bytes(b"garbage" * 9999)


def _empty(data: Path) -> None:
    (data / "cloudsealed.db").write_bytes(b"")


def _foreign(data: Path) -> None:
    other = (data.parent / "other" / "keys.json").read_bytes()
    (data / "keys.json").write_bytes(other)


@pytest.mark.parametrize(
    ("harm", "check", "said"),
    [
        (_directory, "database", "cannot be opened"),
        (_garbage, "database", "is damaged"),
        (_empty, "schema", "has no tables"),
        (_foreign, "database", "is not this database's"),
    ],
)
def test_what_is_wrong_is_said_by_doctor_and_refused_by_serve(
    run: Run, tmp_path: Path, harm: object, check: str, said: str
) -> None:
    run("init", "--json")
    run("init", "--json", CLOUDSEALED_DATA_DIR="other")
    assert callable(harm)
    harm(tmp_path / DATA)
    done = run("doctor", "--json", **NO_CLOUD)
    assert (done.returncode, done.stderr) == (1, "")
    told = {each["check"]: each for each in json.loads(done.stdout)}
    assert not told[check]["ok"]
    assert said in told[check]["message"]
    served = run("serve", "--port", "0")
    assert served.returncode == 1
    assert said in served.stderr
    assert "Traceback" not in served.stderr


def test_loose_files_are_named_with_the_command(run: Run, tmp_path: Path) -> None:
    run("init", "--json")
    (tmp_path / DATA).chmod(0o755)
    (tmp_path / DATA / "cloudsealed.db").chmod(0o644)
    done = run("doctor", **NO_CLOUD)
    assert f"wrong files: {DATA} has mode 0755: run `chmod 700 {DATA}`" in done.stdout
    assert f"run `chmod 600 {DATA}/cloudsealed.db`" in done.stdout


def test_a_postgresql_that_is_away_is_said_without_a_traceback(run: Run) -> None:
    url = "postgresql://nobody@127.0.0.1:9/none"
    for command in (["doctor"], ["migrate"], ["serve", "--port", "0"], ["worker"]):
        done = run(*command, CLOUDSEALED_DATABASE_URL=url, **NO_CLOUD)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "does not answer" in done.stdout + done.stderr


def checks(done: Any) -> dict[str, str]:
    """Return what is said of each check, after `ok` or `wrong`."""
    said = json.loads(done.stdout)
    return {e["check"]: f"{'ok' if e['ok'] else 'wrong'} {e['message']}" for e in said}


def test_an_installation_that_nobody_serves_yet_is_well_and_stays_as_it_is(
    run: Run, tmp_path: Path
) -> None:
    run("init", "--json")
    before = {path: path.read_bytes() for path in (tmp_path / DATA).rglob("*") if path.is_file()}
    told = checks(run("doctor", "--json", **NO_CLOUD))
    assert told.pop("AWS").startswith("wrong")
    assert all(said.startswith("ok ") for said in told.values()), told
    assert {"worker", "jobs", "audits", "limits", "traces"} <= told.keys()
    after = {path: path.read_bytes() for path in (tmp_path / DATA).rglob("*") if path.is_file()}
    assert after == before


def test_what_readyz_names_is_said_too(run: Run, tmp_path: Path) -> None:
    run("init", "--json")
    services = build_services(Settings(data_dir=tmp_path / DATA))
    long_ago = utc_now() - timedelta(hours=2)
    PulseStore(services.database).beat(
        name="host:1", started_at=long_ago, now=long_ago, state={"faults": {}}, counted={}
    )
    with services.database.write() as connection:
        enqueue(connection, tenant="ten_a", kind="audit", subject=new_id("aud"))
        connection.run(jobs.update().values(created_at=rfc3339(long_ago)))
    services.database.close()
    valkey = f"redis://127.0.0.1:{free_port()}"
    told = checks(run("doctor", "--json", CLOUDSEALED_VALKEY_URL=valkey, **NO_CLOUD))
    assert told["worker"] == "wrong No worker is alive: audits and reports wait"
    assert told["jobs"].startswith("wrong The oldest job has waited for 7")
    assert "Valkey does not answer" in told["limits"]


def test_the_collector_of_traces_is_tried(run: Run) -> None:
    run("init", "--json")
    with collector() as there:
        told = checks(run("doctor", "--json", **there.environment, **NO_CLOUD))
        assert told["traces"] == "ok the collector takes them"
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    done = run("doctor", "--json", **away, **NO_CLOUD)
    assert checks(done)["traces"] == "wrong The collector of traces does not take them"
    assert done.stderr == ""


def test_a_key_file_that_is_gone_is_not_replaced_by_another(run: Run, tmp_path: Path) -> None:
    run("init", "--json")
    keys = tmp_path / DATA / "keys.json"
    keys.unlink()
    done = run("init")
    assert done.returncode == 1
    assert "put back the key file that was saved with the database" in done.stderr
    assert not keys.exists()
