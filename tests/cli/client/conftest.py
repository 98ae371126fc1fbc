"""The client's commands in this process, against a served installation."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from tests.contract.conftest import Tenant, prepared, serving

from cloudsealed.cli.main import main
from cloudsealed.kit.ids import new_id
from cloudsealed.settings import parse_budget
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import Services


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


Cs = Callable[..., Said]


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Services, str]]:
    roomy = parse_budget("100000/minute")
    services = prepared(tmp_path_factory.mktemp("client"), limit_core=roomy, limit_anonymous=roomy)
    for url in serving(services):
        yield services, url


@pytest.fixture
def tenant(installation: tuple[Services, str]) -> Iterator[Tenant]:
    services, url = installation
    made = services.tenants.create(name="Acme")
    address = f"{new_id('x')}@example.com"
    user = services.users.create(tenant=made.id, email=address, role=Role.ADMIN)
    with httpx.Client(base_url=url, trust_env=False) as http:
        found = Tenant(services, url, made.id, user.id, http)
        http.headers["Authorization"] = f"Bearer {found.token()}"
        yield found


@pytest.fixture
def cs(tenant: Tenant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cs:
    """Return a function that runs `cloudsealed` with the tenant's token."""
    monkeypatch.setenv("CLOUDSEALED_URL", tenant.url)
    monkeypatch.setenv("CS_TOKEN", tenant.http.headers["Authorization"].removeprefix("Bearer "))
    return runner(monkeypatch, capsys)


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cs:
    """Return a function that runs `cloudsealed` in this process."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["cloudsealed", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run
