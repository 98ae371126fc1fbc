"""The server against clients that others wrote: requests-oauthlib, and oauth4webapi from npm."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.auth.oauth.party import CALLBACK, Site, serving
from tests.npm import install
from tests.waiting import SECONDS

OAUTH4WEBAPI = "3.8.8"
_SCRIPT = Path(__file__).parent / "oauth4webapi.mjs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("oauth")) as running:
        yield running


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where Node finds oauth4webapi."""
    folder = install(f"oauth4webapi@{OAUTH4WEBAPI}", tmp_path_factory.mktemp("node"))
    shutil.copy(_SCRIPT, folder)
    return folder


def _callback(site: Site, url: str) -> str:
    """Open an authorization URL as a logged-in user, allow it, return the callback's URL."""
    browser = site.browser()
    page = browser.http.get(url)
    location: str = browser.submit(page, decision="allow").headers["location"]
    assert location.startswith(f"{CALLBACK}?")
    return location


@pytest.mark.parametrize("method", ["basic", "post", "none"])
def test_oauth4webapi_goes_through_the_whole_flow(
    site: Site, node_folder: Path, method: str
) -> None:
    app = site.app(confidential=method != "none")
    arguments = [site.url, app["client_id"], app["client_secret"] or "", CALLBACK, method]
    with subprocess.Popen(
        ["node", _SCRIPT.name, *arguments],
        cwd=node_folder,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        url = node.stdout.readline().strip()
        assert url.startswith(f"{site.url}/oauth/authorize?"), url
        out, _ = node.communicate(_callback(site, url) + "\n", timeout=SECONDS)
    assert node.returncode == 0
    found = json.loads(out)
    assert (found["scope"], found["read"]) == ("findings:read", 200)
    assert found["active"] is (None if method == "none" else True)
    assert found["challenge"]["error"] == "invalid_token"
    assert found["challenge"]["resource_metadata"].startswith(site.url)


def test_requests_oauthlib_goes_through_the_whole_flow(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    library: Any = pytest.importorskip(
        "requests_oauthlib", reason="requests-oauthlib is not installed"
    )
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # http on the loopback
    app = site.app()
    with library.OAuth2Session(
        app["client_id"], redirect_uri=CALLBACK, scope=["findings:read"], pkce="S256"
    ) as session:
        session.trust_env = False
        url, _state = session.authorization_url(f"{site.url}/oauth/authorize")
        tokens = session.fetch_token(
            f"{site.url}/oauth/token",
            authorization_response=_callback(site, url),
            client_secret=app["client_secret"],
        )
        assert tokens["access_token"].startswith("csat_")
        assert session.get(f"{site.url}/v1/findings").status_code == 200
        fresh = session.refresh_token(
            f"{site.url}/oauth/token", auth=(app["client_id"], app["client_secret"])
        )
        assert fresh["refresh_token"] != tokens["refresh_token"]
        assert session.get(f"{site.url}/v1/findings").status_code == 200
