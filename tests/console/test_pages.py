"""Login, consent and account pages as a browser without JavaScript sees them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from tests.auth.oauth.party import CALLBACK, PASSWORD, PKCE, Browser, Site, hidden, serving

from cloudsealed.api.app import create_app
from cloudsealed.auth import passwords
from cloudsealed.console import Console
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import engine_for
from cloudsealed.storage.schema import metadata
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import build_services

COOKIE = "cloudsealed_session"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("console")) as running:
        yield running


def refused(page: httpx.Response, code: str, status: int) -> None:
    assert page.status_code == status, page.text
    assert page.headers["content-type"].startswith("text/html")
    assert f"<code>{code}</code>" in page.text
    assert f"<code>{page.headers['x-request-id']}</code>" in page.text


def test_a_user_without_a_session_logs_in_and_comes_back_to_the_consent_page(site: Site) -> None:
    app, browser = site.app(), site.browser(None)
    sent = browser.authorize(app, state="a&b")
    assert sent.status_code == 303
    page = browser.http.get(sent.headers["location"])
    back = browser.submit(page, email=site.person(Role.ADMIN), password=PASSWORD)
    assert back.status_code == 303
    consent = browser.http.get(back.headers["location"])
    assert "Allow <bdi>Dash</bdi>?" in consent.text
    assert "See findings" in consent.text
    assert "app.example.com" in consent.text
    assert browser.decide(consent)["state"] == "a&b"


def test_consent_is_asked_at_every_authorization(site: Site) -> None:
    app, browser = site.app(), site.browser()
    browser.code(app)
    assert 'value="allow"' in browser.authorize(app).text


def test_the_session_cookie_is_httponly_lax_and_new_at_login(site: Site) -> None:
    browser = Browser(site.url)
    page = browser.http.get("/login")
    before = browser.http.cookies[COOKIE]
    answer = browser.submit(page, email=site.person(Role.ADMIN), password=PASSWORD)
    written = answer.headers["set-cookie"].lower()
    assert "httponly" in written
    assert "samesite=lax" in written
    assert "path=/" in written
    assert "secure" not in written
    assert "domain" not in written
    after = browser.http.cookies[COOKIE]
    assert after != before
    assert (
        httpx.get(
            f"{site.url}/account", headers={"Cookie": f"{COOKIE}={before}"}, trust_env=False
        ).headers["location"]
        == "/login?next=%2Faccount"
    )


def test_over_https_the_cookie_is_secure_and_of_this_host(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, public_url="https://cs.example.com")
    ensure_keys(settings.key_path)
    metadata.create_all(engine_for(settings))
    services = build_services(settings)
    application = create_app(services, Console(services))

    async def ask() -> str:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url=settings.public_url) as http:
            return (await http.get("/login")).headers["set-cookie"]

    written = asyncio.run(ask())
    services.database.close()
    assert written.startswith("__Host-cloudsealed_session=csse_")
    assert "; Secure" in written
    assert "Path=/" in written


def test_login_answers_the_same_for_an_unknown_address_a_wrong_password_and_a_disabled_user(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of a login is that of its one look at a password."""
    known, disabled = (site.tenant(name).person(Role.ADMIN) for name in ("Here", "Gone"))
    with engine_for(site.services.settings).begin() as connection:
        connection.execute(
            text("UPDATE users SET disabled_at = 'x' WHERE email = :email"), {"email": disabled}
        )
    logins = {"nobody@example.com": PASSWORD, known: "wrong", disabled: PASSWORD}
    told, looks = set(), []
    verify = passwords.Hasher.verify
    monkeypatch.setattr(
        passwords.Hasher,
        "verify",
        lambda hasher, *given: looks.append(hasher) or verify(hasher, *given),
    )
    for email, password in logins.items():
        browser = Browser(site.url)
        page = browser.http.get("/login")
        answer = browser.submit(page, email=email, password=password)
        assert looks == [passwords.HASHER]
        looks.clear()
        assert answer.status_code == 401
        assert 'data-code="invalid_login"' in answer.text
        told.add(answer.text.replace(email, "").replace(hidden(answer)["csrf"], ""))
    assert len(told) == 1


def test_every_form_is_bound_to_its_visitor_and_to_what_it_is_about(site: Site) -> None:
    app, other = site.app(), site.app(scopes=["audits:write"])
    browser, stranger = site.browser(), site.browser()
    url = str(browser.authorize(app).url)
    good = hidden(browser.authorize(app))["csrf"]
    wrong = (
        "",
        "x",
        "é",
        hidden(stranger.authorize(app))["csrf"],
        hidden(browser.authorize(other))["csrf"],
    )
    for token in wrong:
        refused(
            browser.http.post(url, data={"csrf": token, "decision": "allow"}), "csrf_failed", 403
        )
    form = {"csrf": good, "decision": "allow"}
    for header in (
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        refused(browser.http.post(url, data=form, headers=header), "csrf_failed", 403)
    refused(browser.http.post(url, content=b"x" * 20000), "csrf_failed", 403)
    refused(browser.http.post(url, data={"csrf": [good, good]}), "csrf_failed", 403)
    refused(browser.http.post(url, data={"csrf": good, "decision": "x"}), "csrf_failed", 403)
    own = {"Origin": site.url, "Sec-Fetch-Site": "same-origin"}
    answer = browser.http.post(url, data=form, headers=own)
    assert answer.headers["location"].startswith(f"{CALLBACK}?code=")
    refused(Browser(site.url).http.post("/login", data={"email": "x"}), "csrf_failed", 403)


@pytest.mark.parametrize(
    ("wanted", "goal"),
    [
        ("/oauth/authorize?a=1", "/oauth/authorize?a=1"),
        ("//evil.example.com", "/overview"),
        ("/\\evil.example.com", "/overview"),
        ("https://evil.example.com", "/overview"),
        ("javascript:alert(1)", "/overview"),
        ("/\r\nSet-Cookie: x=1", "/overview"),
        ("", "/overview"),
    ],
)
def test_login_goes_on_only_within_this_server(site: Site, wanted: str, goal: str) -> None:
    answer = Browser(site.url).log_in(site.person(Role.ADMIN), goal=wanted)
    assert (answer.status_code, answer.headers["location"]) == (303, goal)


def test_ten_logins_a_minute_an_address(tmp_path: Path) -> None:
    with serving(tmp_path, roomy=False) as strict:
        browser = Browser(strict.url)
        page = browser.http.get("/login")
        for number in range(10):
            answer = browser.submit(page, email="nobody@example.com", password="x")
            assert answer.status_code == 401
            assert answer.headers["x-ratelimit-resource"] == "login"
            assert answer.headers["x-ratelimit-remaining"] == str(9 - number)
        over = browser.submit(page, email=strict.person(Role.ADMIN), password=PASSWORD)
        refused(over, "too_many_login_attempts", 429)
        assert 1 <= int(over.headers["retry-after"]) <= 60
        assert browser.http.get("/login").status_code == 200


def test_a_session_has_a_core_budget_of_its_own(site: Site) -> None:
    one, two = site.browser().http.get("/account"), site.browser().http.get("/account")
    assert one.headers["x-ratelimit-resource"] == two.headers["x-ratelimit-resource"] == "core"
    assert one.headers["x-ratelimit-used"] == two.headers["x-ratelimit-used"] == "1"
    nobody = Browser(site.url).http.get("/login")
    assert nobody.headers["x-ratelimit-resource"] == "anonymous"


def test_rfc9700_4_16_no_page_is_framed_or_cached_and_none_of_logins_runs_a_script(
    site: Site,
) -> None:
    app, browser = site.app(), site.browser()
    pages = {
        "login": Browser(site.url).http.get("/login"),
        "consent": browser.authorize(app),
        "account": browser.http.get("/account"),
        "error": browser.authorize({"client_id": "x"}),
        "refused": browser.http.put("/login"),
        "redirect": browser.authorize(app, response_type="x"),
    }
    for name, page in pages.items():
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy, name
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert re.search(r"<script(?! src=./static/)|<[^>]* (on\w+|style)=", page.text) is None
        if name != "account":
            assert "script" not in policy + page.text
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "strict-origin"
        assert "x-ratelimit-limit" in page.headers
    policies = {name: page.headers["content-security-policy"] for name, page in pages.items()}
    assert policies["consent"].endswith("form-action 'self' https://app.example.com")
    assert policies["login"].endswith("form-action 'self'")
    refused(pages["refused"], "method_not_allowed", 405)
    assert pages["refused"].headers["allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("http://127.0.0.1:8123/cb", "http://127.0.0.1:8123"),
        ("http://[::1]:8123/cb", "http:"),
        ("com.example.app:/cb", "com.example.app:"),
    ],
)
def test_the_consent_form_may_end_at_the_apps_redirect_uri(
    site: Site, uri: str, source: str
) -> None:
    app = site.app(confidential=False, redirect_uris=[uri])
    page = site.browser().authorize(app, redirect_uri=uri, **PKCE)
    assert page.headers["content-security-policy"].endswith(f"form-action 'self' {source}")


def test_what_others_chose_is_escaped(site: Site) -> None:
    name = "<script>alert('x')</script>\"&"
    app = site.app(name=name)
    page = site.browser().authorize(app, state='"><script>x</script>')
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text


def test_pages_have_language_title_one_heading_and_a_label_for_every_field(site: Site) -> None:
    app, browser = site.app(), site.browser()
    failed = Browser(site.url).log_in("nobody@example.com", "x")
    for page in (
        Browser(site.url).http.get("/login"),
        failed,
        browser.authorize(app),
        browser.http.get("/account"),
        browser.authorize({"client_id": "x"}),
    ):
        assert '<html lang="en">' in page.text
        assert re.search(r"<title>\S.* · CloudSealed</title>", page.text)
        assert page.text.count("<h1>") == 1
        assert page.text.count("<main") == 1
        for field in re.findall(r'<input id="(\w+)"', page.text):
            assert f'<label for="{field}">' in page.text
    assert 'role="alert"' in failed.text
    style = site.browser().http.get("/static/console.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "light-dark(" in style.text


def test_logging_out_ends_the_session_at_the_server(site: Site) -> None:
    browser = site.browser()
    kept = browser.http.cookies[COOKIE]
    page = browser.http.get("/account")
    assert browser.submit(page).headers["location"] == "/login"
    again = httpx.get(
        f"{site.url}/account", headers={"Cookie": f"{COOKIE}={kept}"}, trust_env=False
    )
    assert again.headers["location"] == "/login?next=%2Faccount"


def test_a_user_sees_and_ends_what_apps_may_do_on_the_account_page(site: Site) -> None:
    mine = site.tenant("Mine")
    tokens = mine.granted(mine.app(name="Helper"))
    browser = mine.browser()
    page = browser.http.get("/account")
    assert "<bdi>Helper</bdi>" in page.text
    assert "See findings" in page.text
    form = page.text[page.text.index('action="/account"') :]
    csrf: Any = re.search(r'name="csrf" value="(\w+)"', form)
    grant: Any = re.search(r'name="grant" value="(\w+)"', form)
    fields = {"csrf": csrf[1], "grant": grant[1]}
    stranger = site.browser()
    theirs = hidden(stranger.http.get("/account"))
    refused(stranger.http.post("/account", data={**fields, **theirs}), "csrf_failed", 403)
    assert mine.works(tokens["access_token"])
    assert browser.http.post("/account", data=fields).status_code == 303
    assert not mine.works(tokens["access_token"])
    refused(browser.http.post("/account", data=fields), "grant_not_found", 404)
    assert "There are none" in browser.http.get("/account").text


def test_a_user_who_is_disabled_is_out_at_once(site: Site) -> None:
    gone = site.tenant("Gone")
    browser, tokens = gone.browser(), gone.granted(gone.app())
    with engine_for(site.services.settings).begin() as connection:
        connection.execute(
            text("UPDATE users SET disabled_at = 'x' WHERE email = :email"),
            {"email": gone.person(Role.ADMIN)},
        )
    assert browser.http.get("/account").status_code == 303
    site.services.tokens.authenticator.forget()
    assert not gone.works(tokens["access_token"])


def test_who_looks_for_a_page_where_none_is_finds_the_way_back(site: Site) -> None:
    browser, html = site.browser(), {"Accept": "text/html,*/*;q=0.8"}
    for visitor, has_frame in ((browser, True), (Browser(site.url), False)):
        page = visitor.http.get("/nowhere", headers=html)
        refused(page, "not_found", 404)
        assert ('<nav aria-label="Pages">' in page.text) is has_frame
    for path, headers in (("/nowhere", {}), ("/v1/nowhere", html), ("/.well-known/nowhere", html)):
        answer = browser.http.get(path, headers=headers)
        assert answer.headers["content-type"] == "application/json", path
