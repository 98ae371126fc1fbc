"""The pages of users: what an admin says of who gets in, by forms, and what others see of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.auth.oauth.party import PASSWORD, Browser, Site, serving
from tests.console.estate import HOSTILE, linked, texts
from tests.console.test_account import age, form_of, secret_of
from tests.console.test_pages import refused

from cloudsealed.vocabulary import Role


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("users")) as running:
        yield running


@pytest.fixture
def mine(site: Site) -> Site:
    return site.tenant("Mine")


def user(site: Site, ident: str) -> dict[str, Any]:
    with site.http() as http:
        found: dict[str, Any] = http.get(f"/v1/users/{ident}").json()
    return found


def added(browser: Browser, **fields: str) -> httpx.Response:
    form = form_of(browser.http.get("/users"), 'id="kind-person"')
    return browser.http.post("/users", data={**form, **fields})


def account(browser: Browser, name: str = "nightly", role: str = "viewer") -> str:
    """Add a service account; return its page's path."""
    return added(browser, kind="service", name=name, role=role).headers["location"]


def test_the_list_shows_whom_the_api_lists(mine: Site) -> None:
    mine.person(Role.VIEWER)
    browser = mine.browser()
    with mine.http() as http:
        for query in ("", "role=viewer", "kind=service"):
            listed = http.get(f"/v1/users?{query}").json()["data"]
            page = browser.http.get(f"/users?{query}")
            assert linked(page, "/users") == [each["id"] for each in listed], query


def test_who_is_invited_by_a_form_joins_by_the_link_that_is_shown_once(mine: Site) -> None:
    browser = mine.browser()
    made = added(browser, kind="person", email="bo@example.com", name=HOSTILE, role="editor")
    assert made.status_code == 200
    link = secret_of(made)
    assert link not in browser.http.get("/users").text
    assert "<script>alert" not in browser.http.get("/users").text
    invited = Browser(mine.url)
    joined = invited.submit(invited.http.get(link), name="Bo", password=PASSWORD)
    assert joined.status_code == 303
    assert "Editor" in texts(invited.http.get("/account"))


def test_a_bad_address_is_said_at_its_field(mine: Site) -> None:
    page = added(mine.browser(), kind="person", email="bo", name="Bo", role="auditor")
    assert page.status_code == 422
    assert 'id="email-error"' in page.text
    assert 'value="Bo"' in page.text
    assert re.search(r'value="auditor" required checked', page.text)


def test_a_role_is_changed_and_a_user_disabled_enabled_and_removed(mine: Site) -> None:
    mine.person(Role.VIEWER)
    browser, theirs = mine.browser(), mine.browser(Role.VIEWER)
    with mine.http() as http:
        ident = http.get("/v1/users?role=viewer").json()["data"][0]["id"]
    path = f"/users/{ident}"
    form = form_of(browser.http.get(path), 'value="save"')

    def press(**fields: str) -> dict[str, Any]:
        assert browser.http.post(path, data={**form, **fields}).status_code == 303
        return user(mine, ident)

    assert press(do="save", name="Ann", role="auditor")["role"] == "auditor"
    assert theirs.http.get("/account").status_code == 200
    assert press(do="disable")["status"] == "disabled"
    assert theirs.http.get("/account").status_code == 303, "they are logged out"
    assert press(do="enable")["status"] == "active"
    done = browser.http.post(path, data={**form, "do": "remove"})
    assert done.headers["location"] == "/users"
    refused(browser.http.get(path), "user_not_found", 404)
    assert browser.http.post("/users", data={}).status_code == 403


def test_the_last_admin_stays(mine: Site) -> None:
    browser = mine.browser()
    [ident] = linked(browser.http.get("/users?role=admin"), "/users")
    form = form_of(browser.http.get(f"/users/{ident}"), 'value="save"')
    for fields in ({"do": "remove"}, {"do": "save", "name": "A", "role": "viewer"}):
        answer = browser.http.post(f"/users/{ident}", data={**form, **fields})
        assert answer.status_code in (409, 422)
        assert 'class="error"' in answer.text
    assert user(mine, ident)["role"] == "admin"


def test_a_service_account_gets_tokens_and_clients_whose_secrets_are_shown_once(mine: Site) -> None:
    browser = mine.browser()
    path = account(browser)
    page = browser.http.get(path)
    form = form_of(page, 'value="token"')
    fields = {"name": "ci", "days": "30", "scope:findings:read": "on", "do": "token"}
    token = secret_of(browser.http.post(path, data={**form, **fields}))
    assert mine.works(token)
    client = {"name": "export", "scope:findings:read": "on", "do": "client"}
    first = secret_of(browser.http.post(path, data={**form, **client}))
    page = browser.http.get(path)
    assert token not in page.text
    assert first not in page.text
    rotate = form_of(page, 'value="rotate"')
    assert secret_of(browser.http.post(path, data={**rotate, "do": "rotate"})) != first
    end = form_of(page, 'value="end"')
    assert browser.http.post(path, data={**end, "do": "end"}).status_code == 303
    revoke = form_of(page, 'value="revoke"')
    assert browser.http.post(path, data={**revoke, "do": "revoke"}).status_code == 303
    assert not mine.works(token)
    too_much = {"name": "x", "days": "30", "scope:admin": "on", "do": "token"}
    assert browser.http.post(path, data={**form, **too_much}).status_code == 422


def test_who_may_change_nobody_has_no_form_and_a_viewer_sees_nobody(mine: Site) -> None:
    path = account(mine.browser())
    auditor, viewer = mine.browser(Role.AUDITOR), mine.browser(Role.VIEWER)
    for place in ("/users", path):
        page = auditor.http.get(place)
        assert page.status_code == 200
        assert '<form method="post"' not in page.text[page.text.index("<main") :]
        refused(viewer.http.get(place), "insufficient_scope", 403)
    assert 'href="/users"' not in viewer.http.get("/account").text


def test_changing_who_gets_in_needs_a_password_given_lately(mine: Site) -> None:
    browser = mine.browser()
    form = form_of(browser.http.get("/users"), 'id="kind-person"')
    age(mine, hours=1.01)
    page = browser.http.get("/users")
    assert page.status_code == 200
    assert 'name="kind" value="person"' not in page.text
    assert 'href="/confirm?next=/users"' in page.text
    fields = {"kind": "service", "name": "late", "role": "viewer"}
    sent = browser.http.post("/users", data={**form, **fields})
    assert sent.headers["location"].startswith("/confirm?")
    assert "late" not in browser.http.get("/users").text


def test_anothers_user_is_not_there(site: Site, mine: Site) -> None:
    path = account(site.tenant("Other").browser())
    refused(mine.browser().http.get(path), "user_not_found", 404)
