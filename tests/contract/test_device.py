"""The device flow over HTTP: a program asks, a person answers on a page, and whoever attacks it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.auth.oauth.party import CALLBACK, Browser, Site, hidden, serving

from cloudsealed.kit.clock import utc_now
from cloudsealed.settings import parse_budget
from cloudsealed.vocabulary import Role

CLI = "cloudsealed-cli"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass
class Time:
    """A clock that only a test moves."""

    now: datetime = field(default_factory=utc_now)

    def __call__(self) -> datetime:
        return self.now.astimezone(UTC)

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


clock = Time()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    roomy = {"limit_device": parse_budget("100000/minute")}
    with serving(tmp_path_factory.mktemp("device"), clock=clock, **roomy) as running:
        yield running


def refused(answer: httpx.Response, code: str, status: int = 400) -> str:
    body = answer.json()
    assert (answer.status_code, body["error"]) == (status, code), answer.text
    assert answer.headers["cache-control"] == "no-store"
    return str(body["error_description"])


def ask(site: Site, client_id: str = CLI, **fields: str | None) -> dict[str, Any]:
    answer = site.post("/oauth/device_authorization", client_id=client_id, **fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def poll(site: Site, asked: dict[str, Any], client_id: str = CLI, **more: str) -> httpx.Response:
    form = {"grant_type": GRANT, "device_code": asked["device_code"], "client_id": client_id}
    return site.post("/oauth/token", **{**form, **more})


def enter(browser: Browser, code: str) -> httpx.Response:
    return browser.submit(browser.http.get("/device"), user_code=code)


def answer(browser: Browser, code: str, decision: str = "allow") -> httpx.Response:
    return browser.submit(enter(browser, code), decision=decision)


def device_app(site: Site, **changes: Any) -> dict[str, Any]:
    return site.app(confidential=False, device_flow=True, **changes)


def test_rfc8628_a_device_gets_tokens_when_the_user_allows_it(site: Site) -> None:
    asked = ask(site, scope="findings:read audits:write")
    assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", asked["user_code"])
    assert (asked["expires_in"], asked["interval"]) == (600, 5)
    assert asked["verification_uri"] == f"{site.url}/device"
    refused(poll(site, asked), "authorization_pending")
    browser = site.browser(Role.VIEWER)
    page = enter(browser, asked["user_code"].lower().replace("-", " "))
    assert "CloudSealed command line" in page.text
    assert asked["user_code"] in page.text
    assert "127.0.0.1" in page.text
    assert "See findings" in page.text
    done = browser.submit(page, decision="allow")
    assert done.headers["location"] == "/device?answered=allow"
    assert "The device is logged in" in browser.http.get(done.headers["location"]).text
    given = poll(site, asked).json()
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 3600)
    assert given["scope"] == "findings:read audits:read"  # a viewer writes nothing
    assert site.works(given["access_token"])
    again = site.post(
        "/oauth/token",
        grant_type="refresh_token",
        refresh_token=given["refresh_token"],
        client_id=CLI,
    )
    assert again.status_code == 200
    with site.http(role=Role.VIEWER) as http:
        grant = http.get("/v1/oauth/grants").json()["data"][0]
        assert grant["app_name"] == "CloudSealed command line"
        assert http.delete(f"/v1/oauth/grants/{grant['id']}").status_code == 204
    assert not site.works(again.json()["access_token"])


def test_the_address_of_a_code_fills_it_in_and_still_asks(site: Site) -> None:
    asked = ask(site, scope="findings:read")
    stranger = site.browser(None)
    away = stranger.http.get(asked["verification_uri_complete"])
    assert away.headers["location"].startswith("/login?next=%2Fdevice%3Fuser_code%3D")
    login = stranger.http.get(away.headers["location"])
    fields = {"email": site.person(Role.ADMIN), "password": "correct horse battery"}
    back = stranger.submit(login, **fields)
    page = stranger.http.get(back.headers["location"])
    assert f'value="{asked["user_code"]}"' in page.text
    assert "decision" not in page.text
    refused(poll(site, asked), "authorization_pending")
    consent = stranger.submit(page, user_code=asked["user_code"])
    assert stranger.submit(consent, decision="allow").status_code == 303
    assert poll(site, asked).status_code == 200


def test_a_device_that_the_user_denies_gets_nothing(site: Site) -> None:
    asked = ask(site, scope="findings:read")
    browser = site.browser()
    denied = answer(browser, asked["user_code"], "deny")
    assert "was refused" in browser.http.get(denied.headers["location"]).text
    for _ in range(2):
        refused(poll(site, asked), "access_denied")
    assert "No device shows this code now" in enter(browser, asked["user_code"]).text


def test_who_polls_too_fast_is_slowed_down_and_then_waits_longer(site: Site) -> None:
    asked = ask(site)
    refused(poll(site, asked), "authorization_pending")
    refused(poll(site, asked), "slow_down")  # now it is 10 seconds
    clock.pass_by(9)
    refused(poll(site, asked), "slow_down")  # 15
    clock.pass_by(15)
    refused(poll(site, asked), "authorization_pending")


def test_a_code_ends_after_ten_minutes_also_when_nobody_redeems_it(site: Site) -> None:
    unanswered, late = ask(site), ask(site)
    clock.pass_by(599)
    browser = site.browser()
    assert answer(browser, late["user_code"]).status_code == 303
    clock.pass_by(2)
    refused(poll(site, unanswered), "expired_token")
    assert "No device shows this code now" in enter(browser, unanswered["user_code"]).text
    clock.pass_by(60)
    refused(poll(site, late), "expired_token")


def test_a_device_code_is_used_once_and_its_second_use_ends_what_it_gave(site: Site) -> None:
    asked = ask(site, scope="findings:read")
    browser = site.browser()
    assert answer(browser, asked["user_code"]).status_code == 303
    assert "No device shows this code now" in enter(browser, asked["user_code"]).text
    given = poll(site, asked).json()
    assert site.works(given["access_token"])
    refused(poll(site, asked), "invalid_grant")
    assert not site.works(given["access_token"])


def test_a_device_code_is_its_own_clients_and_no_other_secret(site: Site) -> None:
    app, asked = device_app(site), ask(site)
    assert answer(site.browser(), asked["user_code"]).status_code == 303
    unknown = refused(poll(site, {"device_code": "csdc_" + "0" * 38}), "invalid_grant")
    assert refused(poll(site, asked, app["client_id"]), "invalid_grant") == unknown
    assert refused(poll(site, {"device_code": asked["user_code"]}), "invalid_grant") == unknown
    for path in ("/oauth/revoke", "/oauth/token"):
        as_code = site.post(
            path,
            grant_type="authorization_code",
            code=asked["device_code"],
            client_id=CLI,
            token=asked["device_code"],
        )
        assert as_code.status_code in (200, 400)
    assert poll(site, asked).status_code == 200
    assert not site.works(asked["device_code"])


def test_only_an_app_that_is_registered_for_it_asks_by_a_device(site: Site) -> None:
    plain = site.app(confidential=False)
    asked = site.post("/oauth/device_authorization", client_id=plain["client_id"])
    refused(asked, "unauthorized_client")
    with site.http() as http:
        path = f"/v1/oauth/apps/{plain['id']}"
        assert http.patch(path, json={"device_flow": True}).json()["device_flow"] is True
        code = ask(site, plain["client_id"])["user_code"]
        assert http.patch(path, json={"device_flow": False}).json()["device_flow"] is False
    assert "No device shows this code now" in enter(site.browser(), code).text
    for changes in ({"client_id": "csci_x"}, {"client_id": CLI, "client_secret": "cscs_x"}):
        unknown = site.post("/oauth/device_authorization", **changes)
        refused(unknown, "invalid_client", 401)
    narrow = site.post("/oauth/device_authorization", client_id=CLI, scope="findings:fly")
    refused(narrow, "invalid_scope")


def test_our_own_command_line_has_no_redirect_and_no_owner(site: Site) -> None:
    ask(site)
    for query in ({}, {"redirect_uri": CALLBACK}, {"redirect_uri": "http://127.0.0.1/"}):
        page = site.browser().authorize({"client_id": CLI}, **query)
        assert page.status_code == 400, page.text
        assert "location" not in page.headers
    with site.http() as http:
        names = {app["name"] for app in http.get("/v1/oauth/apps").json()["data"]}
    assert "CloudSealed command line" not in names


def test_another_tenants_code_is_one_that_never_was(site: Site) -> None:
    app = device_app(site)
    asked = ask(site, app["client_id"])
    stranger = site.tenant("Other").browser()

    def face(code: str) -> tuple[int, str]:
        page = enter(stranger, code)
        text = re.sub(r'(name="csrf" value=|name="user_code"[^>]* value=)"[^"]*"', "", page.text)
        return page.status_code, text

    assert face(asked["user_code"]) == face("BBBB-BBBB")
    code = {"user_code": asked["user_code"], "decision": "allow"}
    forced = stranger.http.post("/device", data={**hidden(stranger.http.get("/device")), **code})
    assert forced.status_code == 422
    refused(poll(site, asked, app["client_id"]), "authorization_pending")
    assert answer(site.browser(), asked["user_code"]).status_code == 303
    given = poll(site, asked, app["client_id"])
    assert given.status_code == 200
    assert site.works(given.json()["access_token"])


def test_an_app_of_the_whole_installation_says_whose_it_is(site: Site) -> None:
    app = device_app(site, audience="installation")
    asked = ask(site, app["client_id"])
    page = enter(site.tenant("Other").browser(), asked["user_code"])
    assert "another organisation" in page.text
    assert "Acme" in page.text


def test_a_form_of_another_site_answers_nothing(site: Site) -> None:
    asked = ask(site)
    browser = site.browser()
    form = {"user_code": asked["user_code"], "decision": "allow"}
    assert browser.http.post("/device", data={**form, "csrf": "x"}).status_code == 403
    page = enter(browser, asked["user_code"])
    assert browser.submit(page, decision="perhaps").status_code == 403
    assert site.browser(None).http.post("/device", data=form).status_code == 403
    refused(poll(site, asked), "authorization_pending")


def test_a_user_who_is_disabled_meanwhile_gave_nothing(site: Site) -> None:
    asked = ask(site)
    assert answer(site.browser(Role.AUDITOR), asked["user_code"]).status_code == 303
    with site.http() as http:
        user = http.get("/v1/users?role=auditor").json()["data"][0]["id"]
        assert http.patch(f"/v1/users/{user}", json={"status": "disabled"}).status_code == 200
    refused(poll(site, asked), "invalid_grant")


def test_neither_code_is_kept(site: Site) -> None:
    asked = ask(site)
    letters = asked["user_code"].replace("-", "")
    kept = b"".join(
        file.read_bytes() for file in site.services.settings.data_dir.glob("cloudsealed.db*")
    )
    for text in (asked["device_code"], asked["user_code"], letters):
        assert text.encode() not in kept


def test_guessing_codes_is_stopped_for_the_user_and_for_the_address(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("guessed")
    with serving(folder, limit_device=parse_budget("3/hour")) as site:
        asked = ask(site)
        browser = site.browser()
        for _ in range(3):  # what is right costs nothing
            assert "Allow" in enter(browser, asked["user_code"]).text
        for guess in ("BBBB-BBBB", "", "x" * 200):
            assert enter(browser, guess).status_code == 422
        stopped = enter(browser, asked["user_code"])
        assert stopped.status_code == 429
        assert int(stopped.headers["retry-after"]) > 0
        assert "too_many_user_codes" in stopped.text
        other = enter(site.browser(Role.VIEWER), asked["user_code"])  # of the same address
        assert other.status_code == 429
