"""`cloudsealed login` and `logout`, against a served installation with pages."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.auth.oauth.party import Site, serving
from tests.waiting import SECONDS

from cloudsealed.cli import kept
from cloudsealed.cli.client.asked import Asked
from cloudsealed.cli.client.connection import connect
from cloudsealed.cli.client.send import document, send
from cloudsealed.cli.exchange import CLIENT_ID, ServerError
from cloudsealed.cli.login import logout
from cloudsealed.vocabulary import Role


def asked(path: str) -> Any:
    """Return what the server of the environment answers."""
    with connect() as client:
        return send(client, Asked("GET", path), document)


GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("login")) as running:
        yield running


@pytest.fixture
def home(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("CS_TOKEN", raising=False)
    monkeypatch.setenv("CLOUDSEALED_URL", site.url)
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / ".config" / "cloudsealed"


def given(site: Site) -> dict[str, Any]:
    """Return tokens that a user allowed the command line."""
    asked = site.post("/oauth/device_authorization", client_id=CLIENT_ID, scope="findings:read")
    _allow(site, asked.json()["user_code"])
    found: dict[str, Any] = site.post(
        "/oauth/token",
        grant_type=GRANT,
        device_code=asked.json()["device_code"],
        client_id=CLIENT_ID,
    ).json()
    return found


def _allow(site: Site, code: str) -> None:
    browser = site.browser(Role.VIEWER)
    consent = browser.submit(browser.http.get("/device"), user_code=code)
    assert browser.submit(consent, decision="allow").status_code == 303


def test_login_asks_a_person_and_keeps_what_they_allow_for_the_commands(
    site: Site, home: Path
) -> None:
    command = [sys.executable, "-m", "cloudsealed.cli.main"]
    with subprocess.Popen(
        [*command, "login"], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as running:
        assert running.stdout is not None
        where, code = running.stdout.readline().split(), running.stdout.readline().split()
        assert where[-1] == f"{site.url}/device"
        _allow(site, code[-1])
        out, _ = running.communicate(timeout=SECONDS)
    assert running.returncode == 0
    assert "findings:read" in out
    assert stat.S_IMODE((home / "logins.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert asked("/v1/me")["user"]["role"] == "viewer"
    login = json.loads((home / "logins.json").read_text())[site.url]
    assert login["access_token"] not in out
    logout()
    assert not site.works(login["access_token"])
    with pytest.raises(ServerError, match="cloudsealed login"):
        asked("/v1/me")
    logout()  # there is none any more


def test_a_token_of_the_environment_goes_first(
    site: Site, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.keep(site.url, given(site))
    with site.http() as http:
        text = http.headers["authorization"].removeprefix("Bearer ")
    monkeypatch.setenv("CS_TOKEN", text)
    assert asked("/v1/me")["user"]["role"] == "admin"


def test_a_token_goes_to_the_server_that_gave_it_alone(
    site: Site, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.keep(site.url, given(site))
    monkeypatch.setenv("CLOUDSEALED_URL", site.url.replace("127.0.0.1", "localhost"))
    with pytest.raises(ServerError, match="cloudsealed login"):
        asked("/v1/me")


def test_a_token_about_to_end_is_renewed_once_by_all_that_run(site: Site, home: Path) -> None:
    kept.keep(site.url, {**given(site), "expires_in": 30})
    start = threading.Barrier(8)

    def ask(_number: int) -> str | None:
        start.wait(SECONDS)
        return kept.token(site.url)

    with ThreadPoolExecutor(8) as pool:
        (token,) = set(pool.map(ask, range(8)))
    assert token is not None
    assert site.works(token)
    assert asked("/v1/findings")["data"] == []


def test_a_login_that_was_ended_elsewhere_says_what_to_do(site: Site, home: Path) -> None:
    made = given(site)
    kept.keep(site.url, {**made, "expires_in": 0})
    site.post("/oauth/revoke", token=made["refresh_token"], client_id=CLIENT_ID)
    with pytest.raises(ServerError, match="is over: run `cloudsealed login`"):
        asked("/v1/me")


def test_a_file_that_others_can_read_or_that_is_none_is_refused(site: Site, home: Path) -> None:
    kept.keep(site.url, given(site))
    file = home / "logins.json"
    file.chmod(0o644)
    with pytest.raises(ServerError, match="chmod 600"):
        asked("/v1/me")
    for text in ("{", "[]", '{"x": 1}', '{"x": {}}', "\xff"):
        file.write_bytes(text.encode("latin-1"))
        file.chmod(0o600)
        with pytest.raises(ServerError, match="log in"):
            asked("/v1/me")


def test_a_server_that_is_gone_does_not_keep_the_token_here(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "http://127.0.0.1:9"
    kept.keep(url, {"access_token": "a", "refresh_token": "r", "expires_in": 3600})
    monkeypatch.setenv("CLOUDSEALED_URL", url)
    with pytest.raises(ServerError, match="forgotten here"):
        logout()
    assert kept.token(url) is None
