"""axe finds nothing on the pages of a visitor and their account, on a light phone or a dark desk:
`make pages` has each in every look.

Beyond its usual rules it asks for WCAG's contrast of 7:1 and for targets of 24 pixels. The pages
allow no script, so only the contexts of these tests pass by their policy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.auth.oauth.party import PASSWORD, Site
from tests.browser.conftest import NewKeyboard
from tests.browser.keyboard import Keyboard
from tests.browser.test_consent import authorization
from tests.console.test_account import age, invitation

from cloudsealed.auth.model import Scope
from cloudsealed.vocabulary import Role

SCHEMES = ("light", "dark")
WIDTHS = (320, 1280)
LOOKS = tuple(zip(SCHEMES, WIDTHS, strict=True))
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
_RULES = {"color-contrast-enhanced": {"enabled": True}, "target-size": {"enabled": True}}
_RUN = """async rules => (await axe.run(document, {rules})).violations.map(found =>
  `${found.id}: ${found.help}: ${found.nodes.map(node => node.html).join(' | ')}`)"""
_SCREENSHOTS = os.environ.get("CLOUDSEALED_TEST_SCREENSHOTS")
"""A folder that gets a picture of every page; none by default."""

Visit = Callable[[Keyboard, Site], None]


def _open(path: str, keys: Keyboard, site: Site) -> None:
    keys.open(site.url + path)


def _login_failed(keys: Keyboard, site: Site) -> None:
    keys.open(f"{site.url}/login")
    keys.log_in("nobody@example.com", "wrong")


def _consent(keys: Keyboard, site: Site) -> None:
    _, address = authorization(site, "https://app.example.com/callback")
    keys.open(address)


def _consent_to_strangers(keys: Keyboard, site: Site) -> None:
    app = site.tenant(LONG).app(
        name=LONG, audience="installation", scopes=[scope.value for scope in Scope][:-1]
    )
    keys.open(f"{site.url}/oauth/authorize?response_type=code&client_id={app['client_id']}")


def _consent_to_nothing(keys: Keyboard, site: Site) -> None:
    app = site.tenant("Other").app()
    keys.open(f"{site.url}/oauth/authorize?response_type=code&client_id={app['client_id']}")


def _account_with_grants(keys: Keyboard, site: Site) -> None:
    site.granted(site.app(name=LONG[:100], scopes=["audits:write", "reports:read"]))
    site.granted(site.app())
    keys.open(f"{site.url}/account")


def _token(keys: Keyboard, site: Site, scope: str | None = "See findings") -> None:
    keys.open(f"{site.url}/account/tokens")
    keys.write("Name", LONG[:100])
    if scope is not None:
        keys.tick(scope)
    keys.press("Make the token")


def _tokens(keys: Keyboard, site: Site) -> None:
    for _ in range(3):
        _token(keys, site)
    keys.open(f"{site.url}/account/tokens")


def _app(keys: Keyboard, site: Site, uri: str = "https://app.example.com/callback") -> None:
    keys.open(f"{site.url}/account/apps")
    keys.write("Name", LONG[:100])
    keys.write("Redirect URIs", uri)
    keys.tick("See findings")
    keys.press("Register the app")


def _app_of_its_own(keys: Keyboard, site: Site) -> None:
    _app(keys, site)
    keys.press(LONG[:100])


def _app_with_new_secret(keys: Keyboard, site: Site) -> None:
    _app_of_its_own(keys, site)
    keys.press("Give it a new secret")


def _confirm_failed(keys: Keyboard, site: Site) -> None:
    keys.open(f"{site.url}/confirm")
    keys.write("Password", "wrong")
    keys.press("Continue")


def _confirm_required(keys: Keyboard, site: Site) -> None:
    keys.open(f"{site.url}/account/tokens")
    keys.write("Name", "late")
    age(site, hours=1.01)
    keys.press("Make the token")


def _password_failed(keys: Keyboard, site: Site) -> None:
    keys.open(f"{site.url}/account/password")
    keys.write("Password of now", PASSWORD)
    keys.write("New password", "short")
    keys.press("Change it")


def _invitation(keys: Keyboard, site: Site) -> None:
    _, link = invitation(site)
    keys.open(site.url + link)


def _invitation_failed(keys: Keyboard, site: Site) -> None:
    _invitation(keys, site)
    keys.write("Your name", "Bo")
    keys.write("Password", "short")
    keys.press("Join")


def _device(keys: Keyboard, site: Site, wrong: bool = False) -> None:
    asked = site.post("/oauth/device_authorization", client_id="cloudsealed-cli").json()
    keys.open(f"{site.url}/device")
    keys.write("Code", "BBBB-BBBB" if wrong else asked["user_code"])
    keys.press("Continue")


STRANGERS: dict[str, tuple[int, Visit]] = {
    "login": (200, partial(_open, "/login")),
    "login-failed": (401, _login_failed),
    "error": (400, partial(_open, "/oauth/authorize?client_id=x")),
    "invitation": (200, _invitation),
    "invitation-failed": (422, _invitation_failed),
    "invitation-used": (404, partial(_open, "/invitation?token=x")),
}
"""The pages of who is not logged in: the status that each has, and the way there."""

USERS: dict[str, tuple[int, Visit]] = {
    "consent": (200, _consent),
    "consent-strangers": (200, _consent_to_strangers),
    "consent-nothing": (200, _consent_to_nothing),
    "device": (200, partial(_open, "/device?answered=allow")),
    "device-consent": (200, _device),
    "device-wrong": (422, partial(_device, wrong=True)),
    "account": (200, partial(_open, "/account")),
    "account-grants": (200, _account_with_grants),
    "tokens": (200, _tokens),
    "tokens-none": (200, partial(_open, "/account/tokens")),
    "token-made": (200, _token),
    "token-failed": (422, partial(_token, scope=None)),
    "apps": (200, partial(_open, "/account/apps")),
    "app-made": (200, _app),
    "app-failed": (422, partial(_app, uri="http://app.example.com/")),
    "app": (200, _app_of_its_own),
    "app-secret": (200, _app_with_new_secret),
    "password": (200, partial(_open, "/account/password")),
    "password-changed": (200, partial(_open, "/account/password?done=1")),
    "password-failed": (422, _password_failed),
    "confirm": (200, partial(_open, "/confirm")),
    "confirm-failed": (422, _confirm_failed),
    "confirm-required": (403, _confirm_required),
}
"""The pages of who is logged in."""


@pytest.fixture
def own(site: Site) -> Site:
    """The server as a new tenant sees it."""
    return site.tenant("Acme")


PAGES = [*STRANGERS, *USERS]


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(name: str, own: Site, axe: Path, new_keyboard: NewKeyboard) -> None:
    judge(name, own, axe, new_keyboard, [LOOKS[PAGES.index(name) % 2]])


def judge(
    name: str, own: Site, axe: Path, new_keyboard: NewKeyboard, looks: Sequence[tuple[str, int]]
) -> None:
    """Visit a page, and let axe look at it in each scheme of colours and width."""
    keys = new_keyboard(bypass_csp=True)
    seen: list[int] = []
    keys.page.on("response", lambda answer: seen.append(_page_status(answer)))
    if name in USERS:
        keys.open(f"{own.url}/login")
        keys.log_in(own.person(Role.ADMIN), PASSWORD)
    status, visit = {**STRANGERS, **USERS}[name]
    visit(keys, own)
    assert [found for found in seen if found][-1] == status
    keys.page.add_script_tag(path=axe)
    for scheme, width in looks:
        keys.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of both
        keys.page.set_viewport_size({"width": width, "height": 800})
        _picture(keys, f"{name}-{scheme}-{width}")
        assert keys.page.evaluate(_RUN, _RULES) == [], (scheme, width)
        assert keys.page.evaluate("document.scrollingElement.scrollWidth") <= width


def _page_status(answer: Any) -> int:
    """Return the status of a page, 0 for what belongs to one or leads on to another."""
    is_page = answer.request.is_navigation_request() and answer.status != 303
    return int(answer.status) if is_page else 0


def _picture(keys: Keyboard, name: str) -> None:
    if _SCREENSHOTS:
        keys.page.screenshot(path=Path(_SCREENSHOTS) / f"{name}.png", full_page=True)
