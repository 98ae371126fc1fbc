"""The account pages: invitations, confirming, passwords, tokens and apps, without JavaScript."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from tests.auth.oauth.party import PASSWORD, Browser, Site, hidden, serving
from tests.console.test_pages import refused

from cloudsealed.kit.clock import utc_now
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.schema import sessions
from cloudsealed.vocabulary import Role


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("account")) as running:
        yield running


def form_of(page: httpx.Response, marker: str) -> dict[str, str]:
    """Return the hidden fields of the form that holds `marker`."""
    for part in page.text.split("<form")[1:]:
        form = part.partition("</form>")[0]
        if marker in form:
            found = re.findall(r'type="hidden" name="([^"]*)"[^>]*value="([^"]*)"', form)
            return {name: html.unescape(value) for name, value in found}
    raise AssertionError(f"no form has {marker}: {page.text}")


def secret_of(page: httpx.Response) -> str:
    """Return the secret that a page shows once."""
    found = re.search(r'<input id="secret" type="text" readonly value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def invitation(site: Site, role: str = "viewer") -> tuple[str, str]:
    """Invite somebody over the API; return their address and the link's path."""
    token = site.services.tokens.issue(
        tenant=site.tenant_id, user_id=_user_id(site), name="x", scopes=frozenset(_all())
    ).text
    email = f"{new_id('x').lower()}@example.com"
    with site.http(token) as http:
        made = http.post("/v1/users", json={"email": email, "role": role}).json()
    parts = urlsplit(made["invitation_url"])
    return email, f"{parts.path}?{parts.query}"


def _all() -> Any:
    from cloudsealed.auth.model import Scope

    return Scope


def _user_id(site: Site) -> str:
    found = site.services.logins.log_in(email=site.person(Role.ADMIN), password=PASSWORD)
    assert found is not None
    return found.id


def age(site: Site, hours: float) -> None:
    """Let every session's password have been given so long ago."""
    from cloudsealed.kit.clock import rfc3339

    then = rfc3339(utc_now() - timedelta(hours=hours))
    with site.services.database.write() as connection:
        connection.run(sessions.update().values(confirmed_at=then))


def test_who_is_invited_chooses_a_password_and_is_logged_in(site: Site) -> None:
    email, link = invitation(site)
    browser = Browser(site.url)
    page = browser.http.get(link)
    assert page.status_code == 200
    assert email in page.text
    short = browser.submit(page, name="Bo", password="short")
    assert short.status_code == 422
    assert 'id="password-error"' in short.text
    assert 'value="Bo"' in short.text
    assert "short" not in short.text  # a password is never sent back
    done = browser.submit(short, name="Bo", password=PASSWORD)
    assert (done.status_code, done.headers["location"]) == (303, "/overview")
    assert email in browser.http.get("/account").text
    refused(Browser(site.url).http.get(link), "not_found", 404)
    assert Browser(site.url).log_in(email).status_code == 303


def test_a_login_that_fails_is_in_the_log_of_the_users_tenant(site: Site) -> None:
    own = site.tenant("Logged")
    email = own.person(Role.ADMIN)
    Browser(site.url).log_in(email, "wrong")
    own.browser().http.get("/account")
    token = site.services.tokens.issue(
        tenant=own.tenant_id, user_id=_user_id(own), name="x", scopes=frozenset(_all())
    ).text
    with site.http(token) as http:
        listed = http.get("/v1/events?category=security").json()["data"]
    types = [event["type"] for event in listed]
    assert "security.login_failed" in types
    assert "security.logged_in" in types
    failed = next(event for event in listed if event["type"] == "security.login_failed")
    assert failed["data"]["actor"]["ip"] == "127.0.0.1"


@pytest.mark.parametrize("path", ["/account/tokens", "/account/apps"])
def test_a_dangerous_page_asks_for_the_password_again_after_an_hour(site: Site, path: str) -> None:
    browser = site.tenant("Aged").browser()
    page = browser.http.get(path)
    assert page.status_code == 200
    age(site, hours=1.01)
    refused(
        browser.http.post(path, data=form_of(page, 'name="name"')), "reauthentication_required", 403
    )
    sent = browser.http.get(path)
    assert sent.status_code == 303
    asked = browser.http.get(sent.headers["location"])
    wrong = browser.submit(asked, password="wrong")
    assert wrong.status_code == 422
    assert 'id="password-error"' in wrong.text
    back = browser.submit(wrong, password=PASSWORD)
    assert (back.status_code, back.headers["location"]) == (303, path)
    assert browser.http.get(path).status_code == 200


def test_confirming_spends_the_budget_of_logins(site: Site) -> None:
    browser = site.browser()
    for path in ("/confirm", "/account/password"):
        page = browser.http.get(path)
        answer = browser.http.post(path, data=form_of(page, 'name="csrf"'))
        assert answer.headers["x-ratelimit-resource"] == "login", path


def test_a_token_is_made_rotated_and_revoked_on_its_page(site: Site) -> None:
    own = site.tenant("Tokens")
    browser = own.browser(Role.VIEWER)
    page = browser.http.get("/account/tokens")
    assert "There are none" in page.text
    assert "See and change findings" not in page.text  # a viewer has it not to give
    form = {**form_of(page, 'name="name"'), "name": "ci", "days": "30"}
    none = browser.http.post("/account/tokens", data=form)
    assert none.status_code == 422
    assert 'data-code="invalid_field"' in none.text
    assert 'id="scopes-error"' in none.text
    assert 'value="ci"' in none.text
    made = browser.http.post("/account/tokens", data={**form, "scope:findings:read": "on"})
    first = secret_of(made)
    assert site.works(first)
    again = browser.http.get("/account/tokens")
    assert first not in again.text
    ident = re.search(r'name="rotate" value="(tok_\w+)"', again.text)
    assert ident is not None
    csrf = form_of(again, 'name="rotate"')
    second = secret_of(browser.http.post("/account/tokens", data={**csrf, "rotate": ident[1]}))
    assert site.works(second)
    assert not site.works(first)
    listed = browser.http.get("/account/tokens")
    last = re.search(r'name="revoke" value="(tok_\w+)"', listed.text)
    assert last is not None
    done = browser.http.post("/account/tokens", data={**csrf, "revoke": last[1]})
    assert done.status_code == 303
    assert not site.works(second)
    with own.http() as http:
        named = {"subject": [ident[1], last[1]]}
        found = http.get("/v1/events", params=named).json()["data"]
    told = {e["type"]: (e["before"], e["after"], e["actor"]["kind"]) for e in found}
    assert told["security.token_created"][0] is None
    assert told["security.token_created"][1]["name"] == "ci"
    before, after, kind = told["security.token_rotated"]
    assert (before["id"], after["id"], kind) == (ident[1], ident[1], "user")
    assert after["expires_at"] < before["expires_at"]
    assert told["security.token_revoked"][0]["id"] == last[1]
    assert first not in str(found)
    assert second not in str(found)


def test_a_token_of_the_page_never_has_more_than_the_users_role(site: Site) -> None:
    browser = site.tenant("Weak").browser(Role.VIEWER)
    form = form_of(browser.http.get("/account/tokens"), 'name="name"')
    body = {**form, "name": "x", "days": "30", "scope:admin": "on"}
    answer = browser.http.post("/account/tokens", data=body)
    assert answer.status_code == 422
    assert 'id="scopes-error"' in answer.text


def test_an_app_is_registered_changed_and_deleted_on_its_page(site: Site) -> None:
    browser = site.tenant("Apps").browser()
    page = browser.http.get("/account/apps")
    form = {
        **form_of(page, 'name="redirect_uris"'),
        "name": "Dash",
        "audience": "tenant",
        "redirect_uris": "https://a.example.com/\r\nhttps://b.example.com/",
        "scope:findings:read": "on",
    }
    bad = browser.http.post(
        "/account/apps", data={**form, "redirect_uris": "http://a.example.com/"}
    )
    assert bad.status_code == 422
    assert 'id="redirect_uris-error"' in bad.text
    made = browser.http.post("/account/apps", data=form)
    first = secret_of(made)
    assert first.startswith("cscs_")
    listed = browser.http.get("/account/apps")
    assert first not in listed.text
    path = re.search(r'href="(/account/apps/app_\w+)"', listed.text)
    assert path is not None
    one = browser.http.get(path[1])
    assert "https://b.example.com/" in one.text
    assert re.search(r'name="scope:findings:read" type="checkbox" checked', one.text)
    fields = {**form, **form_of(one, 'name="redirect_uris"'), "name": "Dashboard"}
    assert browser.http.post(path[1], data=fields).status_code == 303
    assert "Dashboard" in browser.http.get("/account/apps").text
    csrf = form_of(one, 'name="rotate"')
    assert secret_of(browser.http.post(path[1], data={**csrf, "rotate": "yes"})) != first
    stranger = site.browser()
    foreign = hidden(stranger.http.get("/account/apps"))
    refused(stranger.http.get(path[1]), "app_not_found", 404)
    refused(stranger.http.post(path[1], data={**foreign, "delete": "yes"}), "csrf_failed", 403)
    assert browser.http.post(path[1], data={**csrf, "delete": "yes"}).status_code == 303
    assert "There are none" in browser.http.get("/account/apps").text


def test_who_cannot_manage_apps_is_not_shown_them(site: Site) -> None:
    browser = site.tenant("Editors").browser(Role.EDITOR)
    assert "/account/apps" not in browser.http.get("/account").text
    refused(browser.http.get("/account/apps"), "insufficient_role", 403)


def test_a_changed_password_logs_every_other_browser_out(site: Site) -> None:
    own = site.tenant("Changed")
    one, other = own.browser(), own.browser()
    page = one.http.get("/account/password")
    form = form_of(page, 'name="current"')
    wrong = one.http.post("/account/password", data={**form, "current": "x", "password": "y" * 12})
    assert wrong.status_code == 422
    assert 'id="current-error"' in wrong.text
    good = {**form, "current": PASSWORD, "password": "quite another one"}
    assert one.http.post("/account/password", data=good).status_code == 303
    assert one.http.get("/account").status_code == 200
    assert other.http.get("/account").status_code == 303
    assert Browser(site.url).log_in(own.person(Role.ADMIN)).status_code == 401


def test_logging_out_everywhere_ends_every_session(site: Site) -> None:
    own = site.tenant("Out")
    one, other = own.browser(), own.browser()
    form = form_of(one.http.get("/account"), 'name="everywhere"')
    assert one.http.post("/logout", data={**form, "everywhere": "yes"}).status_code == 303
    assert one.http.get("/account").status_code == other.http.get("/account").status_code == 303
