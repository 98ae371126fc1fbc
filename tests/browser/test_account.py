"""A person without a mouse manages their account, in a real browser."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest
from tests.auth.oauth.party import PASSWORD, Site
from tests.browser.conftest import NewKeyboard
from tests.browser.keyboard import Keyboard
from tests.console.test_account import age, invitation

from cloudsealed.kit.clock import parse_rfc3339, utc_now
from cloudsealed.vocabulary import Role


@pytest.fixture
def own(site: Site, request: pytest.FixtureRequest) -> Site:
    """The server as a new tenant sees it."""
    return site.tenant(request.node.name)


def signed_in(new_keyboard: NewKeyboard, site: Site, role: Role = Role.ADMIN) -> Keyboard:
    """Return a person who came in by the login page, and is at their account."""
    keys = new_keyboard()
    keys.open(f"{site.url}/login?next=/account")
    keys.log_in(site.person(role), PASSWORD)
    assert keys.path == "/account"
    return keys


def test_by_keys_alone_one_makes_rotates_and_revokes_a_token(
    own: Site, new_keyboard: NewKeyboard
) -> None:
    keys = signed_in(new_keyboard, own)
    keys.press("Tokens")
    keys.write("Name", "ci")
    keys.to("Ends after")
    keys.page.keyboard.type("30")
    keys.press("Make the token")
    assert keys.to("Name").value == "ci"
    assert keys.to("Ends after").value == "30"
    keys.tick("See findings")
    keys.write("Only from these networks", "127.0.0.0/8")
    keys.press("Make the token")
    first = keys.focused
    assert first.name == "The token ci"
    assert first.described == "Copy it now: it is shown this once."
    assert own.works(first.value)
    keys.press("Rotate")
    second = keys.to("The token ci")
    assert own.works(second.value)
    assert not own.works(first.value)
    assert "Ended " in keys.text
    keys.press("Revoke")
    assert not own.works(second.value)


def test_by_keys_alone_one_chooses_how_long_a_token_lives(
    own: Site, new_keyboard: NewKeyboard
) -> None:
    keys = signed_in(new_keyboard, own, Role.VIEWER)
    keys.press("Tokens")
    keys.write("Name", "short")
    keys.to("Ends after")
    keys.page.keyboard.press("Home")
    keys.tick("See reports")
    keys.press("Make the token")
    with own.http(keys.to("The token short").value) as http:
        ends = http.get("/v1/me").json()["expires_at"]
    left = parse_rfc3339(ends) - utc_now()
    assert timedelta(days=6.9) < left <= timedelta(days=7)


def test_by_keys_alone_one_registers_changes_and_deletes_an_app(
    own: Site, new_keyboard: NewKeyboard
) -> None:
    keys = signed_in(new_keyboard, own)
    keys.press("Apps")
    keys.write("Name", "Dash")
    keys.write("Redirect URIs", "http://app.example.com/\nhttps://b.example.com/")
    keys.tick("See findings")
    keys.to("Who may allow it")
    keys.page.keyboard.type("Everyone")
    keys.press("Register the app")
    wrong = keys.focused
    assert wrong.name == "Redirect URIs"
    assert wrong.value == "http://app.example.com/\nhttps://b.example.com/"
    assert wrong.invalid
    assert "ust be https" in wrong.described
    keys.write("Redirect URIs", "https://a.example.com/\nhttps://b.example.com/")
    assert keys.to("See findings").type == "checkbox"
    assert keys.to("Who may allow it").value == "installation"
    keys.press("Register the app")
    secret = keys.to("The client secret of Dash").value
    assert secret.startswith("cscs_")
    keys.press("Dash")
    keys.write("Name", "Dashboard")
    keys.press("Save")
    assert keys.path == "/account/apps"
    keys.press("Dashboard")
    keys.press("Give it a new secret")
    assert keys.to("The new client secret").value != secret
    keys.press("Delete the app")
    assert "There are none." in keys.text


def test_by_keys_alone_one_ends_what_an_app_may_do(own: Site, new_keyboard: NewKeyboard) -> None:
    tokens = own.granted(own.app(name="Helper"))
    keys = signed_in(new_keyboard, own)
    assert "Helper" in keys.text
    keys.press("End it")
    assert "There are none." in keys.text
    assert not own.works(tokens["access_token"])


def test_by_keys_alone_one_joins_and_the_link_goes_nowhere(
    site: Site, new_keyboard: NewKeyboard
) -> None:
    email, link = invitation(site)
    token = link.partition("=")[2]
    keys = new_keyboard()
    sent: list[str] = []
    keys.page.on("request", lambda request: sent.append(request.all_headers().get("referer", "")))
    keys.open(site.url + link)
    keys.write("Your name", "Bo")
    keys.write("Password", "short")
    keys.press("Join")
    assert keys.page.input_value("#name") == "Bo"
    wrong = keys.focused
    assert (wrong.name, wrong.value, wrong.invalid) == ("Password", "", True)
    keys.write("Password", PASSWORD)
    keys.press("Join")
    assert keys.path == "/overview"
    assert email in keys.text
    assert len(sent) >= 4
    assert not [referer for referer in sent if token in referer]
    assert token not in keys.page.evaluate("document.referrer")
    stale = new_keyboard()
    stale.open(site.url + link)
    assert "was used before" in stale.text


def test_by_keys_alone_one_confirms_and_comes_back(own: Site, new_keyboard: NewKeyboard) -> None:
    keys = signed_in(new_keyboard, own)
    age(own, hours=1.01)
    keys.press("Tokens")
    assert keys.page.url == f"{own.url}/confirm?next={quote('/account/tokens', safe='')}"
    keys.write("Password", "a wrong one")
    keys.press("Continue")
    wrong = keys.focused
    assert (wrong.name, wrong.value, wrong.invalid) == ("Password", "", True)
    assert "The password is wrong" in wrong.described
    keys.write("Password", PASSWORD)
    keys.press("Continue")
    assert keys.path == "/account/tokens"


def test_by_keys_alone_one_changes_the_password(own: Site, new_keyboard: NewKeyboard) -> None:
    keys, other = signed_in(new_keyboard, own), signed_in(new_keyboard, own)
    keys.press("Password")
    keys.write("Password of now", PASSWORD)
    keys.write("New password", "quite another one")
    keys.press("Change it")
    assert "Your password is changed" in keys.text
    other.press("Tokens")
    assert other.path == "/login"
    other.log_in(own.person(Role.ADMIN), "quite another one")
    assert other.path == "/account/tokens"


def test_by_keys_alone_one_logs_out_everywhere(own: Site, new_keyboard: NewKeyboard) -> None:
    keys, other = signed_in(new_keyboard, own), signed_in(new_keyboard, own)
    keys.press("Log out everywhere")
    assert keys.path == "/login"
    other.press("Tokens")
    assert other.path == "/login"
