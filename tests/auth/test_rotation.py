"""Keys are replaced while people and programs use what the old ones made."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.auth.oauth.party import Site, serving

from cloudsealed.api.parts import Parts
from cloudsealed.storage.keys import replace_key
from cloudsealed.storage.ownership import check_fingerprint, claim

KINDS = ("tokens", "cursors", "sessions")


@contextmanager
def again(site: Site, folder: Path) -> Iterator[Site]:
    """Serve the same installation anew."""
    with serving(folder) as running:
        yield Site(running.services, running.url, site.tenant_id, site.emails)


def test_what_old_keys_made_counts_after_a_restart_until_their_end(tmp_path: Path) -> None:
    with serving(tmp_path) as site:
        http, browser, app = site.http(), site.browser(), site.app()
        granted = site.granted(app)
        for _ in range(2):
            body = {"name": "t", "scopes": ["findings:read"]}
            assert http.post("/v1/tokens", json=body).status_code == 201
        cursor = http.get("/v1/tokens?limit=1").json()["next_cursor"]
        form = browser.http.get("/account/tokens")
        address = site.services.settings.key_path
    for kind in KINDS:
        replace_key(address, kind)
    with again(site, tmp_path) as site:
        http.base_url = browser.http.base_url = site.url
        assert http.get(f"/v1/tokens?limit=1&cursor={cursor}").status_code == 200
        assert browser.http.get("/account").status_code == 200
        sent = browser.submit(form, name="n", days="7", **{"scope:findings:read": "on"})
        assert sent.status_code == 200, sent.text
        assert site.works(granted["access_token"])
        renewed = site.refresh(app, granted["refresh_token"])
        assert renewed.status_code == 200
        with site.services.database.read() as connection:
            assert check_fingerprint(connection, site.services.keys) is None
    for kind in KINDS:
        replace_key(address, kind, keep=timedelta())
    with again(site, tmp_path) as site:
        http.base_url = browser.http.base_url = site.url
        assert http.get("/v1/me").status_code == 401
        assert not site.works(renewed.json()["access_token"])
        assert browser.http.get("/account").headers["location"].startswith("/login")
        with site.http() as fresh:
            refused = fresh.get(f"/v1/tokens?limit=1&cursor={cursor}")
        assert refused.json()["error"]["code"] == "invalid_cursor"
    http.close()


def test_a_server_says_that_a_key_was_replaced_since_it_began(tmp_path: Path) -> None:
    with serving(tmp_path) as site:
        assert _fault(site) is None
        replace_key(site.services.settings.key_path, "tokens")
        assert "start it again" in _fault(site)


def _fault(site: Site) -> Any:
    return asyncio.run(Parts(site.services).look())["keys"].fault


def test_a_host_with_an_older_copy_of_the_file_is_told_once_the_new_key_made_a_token(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as site:
        old = site.services.keys
        claim(site.services.database, old)
        path = site.services.settings.key_path
    replace_key(path, "tokens")
    with again(site, tmp_path) as site, site.services.database.read() as connection:
        assert check_fingerprint(connection, old) is None
        site.http()
        assert "lacks the key" in str(check_fingerprint(connection, old))
