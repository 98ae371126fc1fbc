"""What attackers try at the login: guessing whom there is, guessing passwords, and other doors."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.auth.oauth.party import PASSWORD, Browser, Site, hidden, serving

from cloudsealed.auth.passwords import Hasher
from cloudsealed.vocabulary import Role

COOKIE = "cloudsealed_session"
TYPED = "what somebody typed into the form"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("login")) as running:
        yield running


@pytest.fixture
def hashings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The parameters of every hash that a password was held against, in order."""
    seen: list[str] = []
    verify = Hasher.verify

    def counted(self: Hasher, stored: Any, password: Any) -> Any:
        seen.append(str(stored).rpartition("$")[0].rpartition("$")[0])
        return verify(self, stored, password)

    monkeypatch.setattr(Hasher, "verify", counted)
    return seen


def _without_password(site: Site) -> str:
    with site.http() as http:
        body = {"email": "invited@example.com", "role": "viewer"}
        assert http.post("/v1/users", json=body).status_code == 201
    return "invited@example.com"


def _disabled(site: Site) -> str:
    other = site.tenant("Other")
    email = other.person(Role.VIEWER)
    with other.http() as http:
        [user] = http.get("/v1/users", params={"email": email}).json()["data"]
        changed = http.patch(f"/v1/users/{user['id']}", json={"status": "disabled"})
        assert changed.json()["status"] == "disabled"
    return email


def test_who_there_is_shows_in_no_word_no_status_and_no_work(
    site: Site, hashings: list[str]
) -> None:
    known = site.person(Role.ADMIN)
    emails = ["nobody@example.com", known, _disabled(site), _without_password(site), "", "a" * 9000]
    hashings.clear()
    told = set()
    for email in emails:
        answer = Browser(site.url).log_in(email, PASSWORD + "x")
        text = re.sub(r'value="[^"]*"', "", answer.text)
        told.add((answer.status_code, text, tuple(sorted(answer.headers.keys()))))
    assert len(told) == 1
    assert len(hashings) == len(emails), "one hash of a password each, whoever it is"
    assert len(set(hashings)) == 1, "at the same cost"


def test_a_budget_of_logins_is_not_renewed_by_a_header(tmp_path: Path) -> None:
    with serving(tmp_path, roomy=False) as strict:
        browser = Browser(strict.url)
        form = {**hidden(browser.http.get("/login")), "email": "x@example.com", "password": "x"}
        seen = []
        for number in range(12):
            headers = {"X-Forwarded-For": f"203.0.113.{number}", "X-Real-IP": f"203.0.113.{number}"}
            seen.append(browser.http.post("/login", data=form, headers=headers).status_code)
        assert seen == [401] * 10 + [429] * 2


def test_a_password_that_was_typed_is_in_no_answer_and_no_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    browser = Browser(site.url)
    with caplog.at_level(logging.DEBUG, "cloudsealed"):
        failed = browser.log_in(site.person(Role.ADMIN), TYPED)
        asked = browser.http.get("/login", params={"email": "x", "password": TYPED})
        without = browser.http.post("/login", data={"email": "x", "password": TYPED})
        large = browser.http.post("/login", data={"email": "x" * 20000, "password": TYPED})
    assert [r.status_code for r in (failed, asked, without, large)] == [401, 200, 403, 403]
    for answer in (failed, asked, without, large):
        assert TYPED not in answer.text
        assert TYPED not in str(answer.headers.raw)
    assert TYPED not in caplog.text
    assert browser.http.get("/account").status_code == 303


def test_a_session_is_no_bearer_token_and_a_token_no_session(site: Site) -> None:
    browser = site.browser()
    session = browser.http.cookies[COOKIE]
    with site.http(session) as http:
        assert http.get("/v1/me").json()["error"]["code"] == "invalid_token"
    assert browser.http.get("/v1/me").json()["error"]["code"] == "missing_credentials"
    with site.http() as http:
        token = http.headers["Authorization"].removeprefix("Bearer ")
    for value in (
        token,
        session[:-1] + ("1" if session.endswith("0") else "0"),
        session.replace("csse_", "csat_"),
        "x" * 8000,
    ):
        with httpx.Client(cookies={COOKIE: value}, trust_env=False) as http:
            answer = http.get(f"{site.url}/account")
        assert answer.status_code == 303, value
        assert answer.headers["location"].startswith("/login")


def test_a_page_never_names_the_host_that_a_request_claims(site: Site) -> None:
    browser, headers = site.browser(), {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    stranger = httpx.Client(base_url=site.url, trust_env=False)
    for http, path in (
        (browser.http, "/account"),
        (browser.http, "/account/tokens"),
        (stranger, "/account"),
        (stranger, "/login"),
        (stranger, "/oauth/authorize?client_id=x"),
        (stranger, "/invitation?token=x"),
    ):
        answer = http.get(path, headers=headers)
        assert "evil.example" not in answer.text + str(answer.headers.raw), path
    stranger.close()
    with site.http() as http:
        body = {"email": "hosted@example.com", "role": "viewer"}
        invited = http.post("/v1/users", json=body, headers=headers)
    assert invited.json()["invitation_url"].startswith(f"{site.url}/invitation?token=csin_")
