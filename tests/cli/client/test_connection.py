"""Where nothing names a server, the installation of the folder answers."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from tests.cli.client.conftest import Cs, runner
from tests.contract.conftest import POLICY, Tenant, make_finding, prepared

from cloudsealed.findings import store as findings
from cloudsealed.kit.ids import new_id
from cloudsealed.vocabulary import Role


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cs:
    for name in ("CLOUDSEALED_URL", "CS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("CLOUDSEALED_DATA_DIR", str(tmp_path / "data"))
    return runner(monkeypatch, capsys)


def test_what_is_in_the_folder_is_read_without_a_server(here: Cs, tmp_path: Path) -> None:
    services = prepared(tmp_path / "data")
    made = services.tenants.create(name="Acme")
    user = services.users.create(tenant=made.id, email="a@example.com", role=Role.ADMIN)
    tenant = Tenant(services, "", made.id, user.id, httpx.Client())
    policy = services.policies.create(tenant=tenant.id, body={**POLICY, "kind": "check"})
    new = [make_finding(json.loads(policy)["id"], number) for number in range(3)]
    with services.database.write() as connection:
        findings.insert(connection, tenant=tenant.id, new=new)
    services.database.close()
    said = json.loads(here("findings").out)
    assert [item["severity"] for item in said["data"]] == ["medium", "low", "info"]
    assert new[2].id in here("findings", "--table", "--limit", "1").out
    exported = here("findings", "export", "-o", str(tmp_path / "all.csv"))
    assert exported.code == 0
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 4
    missing = here("findings", "get", new_id("fnd"))
    assert (missing.code, "error finding_not_found: " in missing.err) == (1, True)
    refused = here("findings", "triage", new[0].id, "--state", "in_progress")
    assert (refused.code, "needs a server" in refused.err) == (1, True)
    nobody = here("api", "v1/me")
    assert (nobody.code, "operator of this folder" in nobody.err) == (1, True)


def test_an_empty_folder_is_told(here: Cs) -> None:
    said = here("findings")
    assert (said.code, said.out) == (1, "")
    assert "CLOUDSEALED_URL" in said.err


def test_an_address_that_is_none_is_told(here: Cs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSEALED_URL", "example.com")
    assert "http:// or https://" in here("findings").err
    monkeypatch.setenv("CLOUDSEALED_URL", "https://ann:secret@example.com/x")
    said = here("findings")
    assert (said.code, "must not hold a user" in said.err, "secret" in said.err) == (1, True, False)
    monkeypatch.setenv("CLOUDSEALED_URL", "http://127.0.0.1:9")
    assert "cloudsealed login" in here("findings").err
