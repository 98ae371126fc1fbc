"""A person without a mouse lets an app act for them, in a real browser."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from tests.auth.oauth.party import PASSWORD, Site
from tests.browser.conftest import NewKeyboard

from cloudsealed.vocabulary import Role


def authorization(site: Site, callback: str, **changes: str) -> tuple[dict[str, str], str]:
    """Register an app; return it and the address to which it sends people."""
    app = site.app(redirect_uris=[callback])
    asked = {
        "response_type": "code",
        "client_id": app["client_id"],
        "redirect_uri": callback,
        "state": "a&b=é",
        **changes,
    }
    return app, f"{site.url}/oauth/authorize?{urlencode(asked)}"


@pytest.mark.parametrize("script", [True, False], ids=["javascript", "no-javascript"])
def test_by_keys_alone_one_logs_in_and_allows(
    site: Site, callback: str, new_keyboard: NewKeyboard, script: bool
) -> None:
    app, address = authorization(site, callback)
    keys = new_keyboard(java_script_enabled=script)
    keys.open(address)
    assert keys.path == "/login"
    keys.log_in(site.person(Role.ADMIN), "a wrong password")
    assert "E-mail address or password is wrong." in keys.text
    kept = keys.focused
    assert (kept.name, kept.value) == ("E-mail address", site.person(Role.ADMIN))
    assert kept.invalid
    assert kept.described == "E-mail address or password is wrong."
    assert keys.to("Password").value == ""
    keys.write("Password", PASSWORD)
    keys.press("Log in")
    assert keys.path == "/oauth/authorize"
    assert "Allow Dash?" in keys.text
    assert "See findings" in keys.text
    keys.press("Allow")
    assert keys.page.url.startswith(f"{callback}?")
    got = keys.query
    assert set(got) == {"code", "state", "iss"}
    assert (got["state"], got["iss"]) == ("a&b=é", site.url)
    tokens = site.redeem(app, got["code"], redirect_uri=callback)
    assert site.works(tokens.json()["access_token"])


@pytest.mark.parametrize("script", [True, False], ids=["javascript", "no-javascript"])
def test_by_keys_alone_one_denies(
    site: Site, callback: str, new_keyboard: NewKeyboard, script: bool
) -> None:
    _, address = authorization(site, callback)
    keys = new_keyboard(java_script_enabled=script)
    keys.open(address)
    keys.log_in(site.person(Role.ADMIN), PASSWORD)
    keys.press("Deny", key="Space")
    got = keys.query
    assert got.pop("error_description")
    assert got == {"error": "access_denied", "state": "a&b=é", "iss": site.url}


def test_the_consent_page_is_read_and_walked_from_top_to_bottom(
    site: Site, callback: str, new_keyboard: NewKeyboard
) -> None:
    _, address = authorization(site, callback)
    keys = new_keyboard()
    keys.open(address)
    login = ["CloudSealed", "E-mail address", "Password", "Log in"]
    assert [keys.tab().name for _ in login] == login
    keys.open(keys.page.url)
    keys.log_in(site.person(Role.ADMIN), PASSWORD)
    consent = ["CloudSealed", "your account", "Allow", "Deny"]
    assert [keys.tab().name for _ in consent] == consent
