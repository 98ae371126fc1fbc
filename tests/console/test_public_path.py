"""An installation below a path of another site: API, pages, documents and cookies stay there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

import httpx
import pytest
from tests.auth.oauth.party import CALLBACK, PASSWORD, Site, hidden, serving

from cloudsealed.console.cookies import session_cookie
from cloudsealed.vocabulary import Role

PATH = "/shared/audit"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("path"), path=PATH) as running:
        yield running


@pytest.fixture(params=[PATH, ""], ids=["kept", "taken-off"])
def seen(request: pytest.FixtureRequest, site: Site) -> str:
    """Where a proxy that keeps the path, or takes it off, finds the server."""
    return site.url.removesuffix(PATH) + str(request.param)


def test_link_and_location_of_the_api_are_the_clients_own_addresses(site: Site, seen: str) -> None:
    with site.http() as http:
        for number in range(2):
            body = {"provider": "aws", "name": f"{seen}{number}", "regions": ["eu-west-1"]}
            made = http.post(f"{seen}/v1/connections", json=body)
            there = f"{site.url}/v1/connections/{made.json()['id']}"
            assert made.headers["location"] == there
            assert http.get(there).json() == made.json()
        page = http.get(f"{seen}/v1/connections?limit=1")
        assert page.links["next"]["url"].startswith(f"{site.url}/v1/connections?")
        assert http.get(page.links["next"]["url"]).status_code == 200


def test_documents_name_the_public_url_and_lead_below_it(site: Site, seen: str) -> None:
    document = httpx.get(f"{seen}/openapi.json").json()
    assert [server["url"] for server in document["servers"]] == [site.url]
    flow = document["components"]["securitySchemes"]["oauth"]["flows"]["authorizationCode"]
    assert flow["tokenUrl"] == f"{site.url}/oauth/token"
    page = httpx.get(f"{seen}/docs")
    for link in re.findall(r'(?:src|href)="([^":]+)"', page.text):
        assert httpx.get(urljoin(f"{seen}/docs", link)).status_code == 200


def test_metadata_is_where_both_rfcs_and_older_clients_look_for_it(site: Site, seen: str) -> None:
    host = site.url.removesuffix(PATH)
    for name in ("oauth-authorization-server", "oauth-protected-resource"):
        found = [
            httpx.get(url).json()
            for url in (f"{host}/.well-known/{name}{PATH}", f"{seen}/.well-known/{name}")
        ]
        assert found[0] == found[1]
        assert site.url in (found[0].get("issuer"), found[0].get("resource"))
    challenge = httpx.get(f"{seen}/v1/me").headers["www-authenticate"]
    named = re.search('resource_metadata="([^"]+)"', challenge)
    assert named is not None
    assert httpx.get(named[1]).json()["authorization_servers"] == [site.url]


def test_a_person_logs_in_and_lets_an_app_in_without_leaving_the_path(site: Site) -> None:
    app = site.app()
    with httpx.Client(trust_env=False) as http:
        asked = {"response_type": "code", "client_id": app["client_id"]}
        sent = http.get(f"{site.url}/oauth/authorize", params=asked)
        page = http.get(urljoin(site.url, sent.headers["location"]))
        answer = _submit(http, site, page, email=site.person(Role.ADMIN), password=PASSWORD)
        written = answer.headers["set-cookie"]
        assert f"Path={PATH};" in written
        consent = http.get(urljoin(site.url, answer.headers["location"]))
        back = _submit(http, site, consent, decision="allow")
        assert back.headers["location"].startswith(f"{CALLBACK}?code=")
        account = http.get(f"{site.url}/account")
        assert account.status_code == 200
        for link in re.findall(r'(?:href|action)="([^"#]+)"', account.text):
            assert link.startswith(f"{PATH}/")
            answer = http.get(urljoin(site.url, link))
            assert answer.status_code in (200, 405) or answer.headers["location"].startswith(PATH)


def test_a_form_is_ours_by_the_public_host_though_the_proxy_calls_the_server_otherwise(
    site: Site, seen: str
) -> None:
    with httpx.Client(trust_env=False) as http:
        page = http.get(f"{seen}/login")
        cookie = page.headers["set-cookie"].partition(";")[0]
        fields = {**hidden(page), "email": site.person(Role.ADMIN), "password": PASSWORD}
        status = []
        for origin in (site.url.removesuffix(PATH), "https://evil.example"):
            headers = {"Host": "backend", "Origin": origin, "Cookie": cookie}
            status.append(http.post(f"{seen}/login", data=fields, headers=headers).status_code)
    assert status == [303, 403]


def _submit(http: httpx.Client, site: Site, page: httpx.Response, **fields: str) -> httpx.Response:
    action = re.search(r'<form method="post" action="([^"]*)"', page.text)
    assert action is not None, page.text
    address = urljoin(site.url, action[1].replace("&amp;", "&"))
    return http.post(address, data={**hidden(page), **fields})


def test_over_https_the_cookie_below_a_path_is_secure() -> None:
    below = session_cookie(secure=True, path=PATH).name
    assert below == "__Secure-cloudsealed_session"
    assert session_cookie(secure=True, path="/").name == "__Host-cloudsealed_session"
