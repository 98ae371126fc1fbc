"""One code or refresh token twelve times at once, over two server processes and both databases."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import httpx
import pytest
from tests.auth.oauth.machine import machine
from tests.auth.oauth.party import Site, hidden
from tests.program import Started, program
from tests.servers import free_port
from tests.waiting import SECONDS, until

from cloudsealed.auth import authenticator
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.wiring import build_services

AT_ONCE = 12
_SERVE = """
import os, sys
from cloudsealed.api.server import Listen, run
from cloudsealed.auth import passwords
from cloudsealed.console import Console
from cloudsealed.settings import Settings
from cloudsealed.wiring import build_services

passwords.HASHER = passwords.Hasher(1, 64)
services = build_services(Settings.from_environment(os.environ))
listen = Listen(port=int(sys.argv[1]))
with listen.taken() as taken:
    run(services, listen, taken, Console(services))
"""


@dataclass
class Cluster:
    """Two server processes over one store."""

    sites: list[Site]

    def at_once(self, ask: Callable[[Site], httpx.Response]) -> list[httpx.Response]:
        """Ask twelve times at the same moment, half of each server."""
        start = threading.Barrier(AT_ONCE)

        def one(number: int) -> httpx.Response:
            start.wait(SECONDS)
            return ask(self.sites[number % 2])

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(one, range(AT_ONCE)))


@pytest.fixture
def cluster(storage_settings: Settings) -> Iterator[Cluster]:
    ports = [free_port(), free_port()]
    environment = {
        **os.environ,
        "CLOUDSEALED_DATA_DIR": str(storage_settings.data_dir),
        "CLOUDSEALED_DATABASE_URL": storage_settings.database_url,
        "CLOUDSEALED_PUBLIC_URL": f"http://127.0.0.1:{ports[0]}",
        "CLOUDSEALED_LIMIT_ANONYMOUS": "10000/minute",
        "CLOUDSEALED_LIMIT_DEVICE": "10000/minute",
    }
    ensure_keys(storage_settings.key_path)
    services = build_services(storage_settings)
    tenant = services.tenants.create(name="Acme").id
    servers = [program().start(str(port), code=_SERVE, environment=environment) for port in ports]
    try:
        for port, server in zip(ports, servers, strict=True):
            until(partial(_answers, port, server), "the server answers")
        yield Cluster([Site(services, f"http://127.0.0.1:{port}", tenant) for port in ports])
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(SECONDS)
        services.database.close()


def _answers(port: int, server: Started) -> bool:
    assert server.poll() is None, "the server ended"
    try:
        httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)
    except httpx.TransportError:
        return False
    return True


def _one_won(answers: list[httpx.Response]) -> dict[str, Any]:
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (AT_ONCE - 1)
    assert {a.json()["error"] for a in answers if a.status_code != 200} == {"invalid_grant"}
    found: dict[str, Any] = next(a.json() for a in answers if a.status_code == 200)
    return found


def _ends(site: Site, token: str) -> None:
    """Wait for the end of what a process may have cached, which is half of the second promised."""
    assert authenticator.CACHE_SECONDS <= 0.5
    until(lambda: not site.works(token), "the token stops")


def test_of_twelve_redemptions_at_once_over_two_processes_exactly_one_wins(
    cluster: Cluster,
) -> None:
    first, second = cluster.sites
    app = first.app()
    browser = first.browser()
    for _ in range(3):
        code = browser.code(app)
        tokens = _one_won(cluster.at_once(lambda site, code=code: site.redeem(app, code)))  # type: ignore[misc]  # a lambda
        assert second.refresh(app, tokens["refresh_token"]).status_code == 400  # it was replayed


def test_twelve_refreshes_at_once_over_two_processes_get_one_successor(cluster: Cluster) -> None:
    first, second = cluster.sites
    app = first.app()
    tokens = first.granted(app)
    for _ in range(3):
        text = tokens["refresh_token"]
        answers = cluster.at_once(lambda site, text=text: site.refresh(app, text))  # type: ignore[misc]  # a lambda
        assert [answer.status_code for answer in answers] == [200] * AT_ONCE
        told = [{**answer.json(), "expires_in": None} for answer in answers]
        assert all(each == told[0] for each in told)
        tokens = told[0]
        assert first.works(tokens["access_token"])
        assert second.works(tokens["access_token"])
    replayed = cluster.at_once(lambda site: site.refresh(app, text))
    assert {answer.status_code for answer in replayed} == {200}  # its successor was not used
    assert first.refresh(app, tokens["refresh_token"]).status_code == 200
    assert second.refresh(app, text).status_code == 400  # now it was
    _ends(first, tokens["access_token"])


def test_a_grant_ended_at_one_process_ends_at_the_other_within_a_second(cluster: Cluster) -> None:
    first, second = cluster.sites
    app = first.app()
    tokens = first.granted(app)
    assert second.works(tokens["access_token"])
    with first.http() as http:
        grant = http.get("/v1/oauth/grants").json()["data"][0]["id"]
        assert http.delete(f"/v1/oauth/grants/{grant}").status_code == 204
    _ends(second, tokens["access_token"])


def test_of_twelve_uses_at_once_of_an_assertion_or_of_a_devices_codes_exactly_one_wins(
    cluster: Cluster,
) -> None:
    _assertions(cluster)
    _devices(cluster)


def _assertions(cluster: Cluster) -> None:
    first, second = cluster.sites
    program = machine(first)
    for _ in range(3):
        assertion = program.assertion()
        answers = cluster.at_once(
            lambda site, text=assertion: replace(program, site=site).ask(text)  # type: ignore[misc]  # a lambda
        )
        assert sorted(answer.status_code for answer in answers) == [200] + [401] * (AT_ONCE - 1)
    token = program.ask().json()["access_token"]
    assert second.works(token)
    with first.http() as http:
        account = http.get("/v1/service_accounts").json()["data"][0]["id"]
        assert http.patch(f"/v1/users/{account}", json={"status": "disabled"}).status_code == 200
    _ends(second, token)


def _devices(cluster: Cluster) -> None:
    first, second = cluster.sites
    cli = {"client_id": "cloudsealed-cli"}
    asked = second.post("/oauth/device_authorization", scope="findings:read", **cli).json()
    browser = first.browser()
    page = browser.submit(browser.http.get("/device"), user_code=asked["user_code"])
    form = {**hidden(page), "user_code": asked["user_code"], "decision": "allow"}
    cookies = dict(browser.http.cookies)
    answers = cluster.at_once(
        lambda site: httpx.post(f"{site.url}/device", data=form, cookies=cookies, trust_env=False)
    )
    assert sorted(answer.status_code for answer in answers) == [303] + [422] * (AT_ONCE - 1)
    device = {"device_code": asked["device_code"], **cli}
    kind = "urn:ietf:params:oauth:grant-type:device_code"
    won = _one_won(
        cluster.at_once(lambda site: site.post("/oauth/token", grant_type=kind, **device))
    )
    _ends(first, won["access_token"])  # the others used it twice
