"""Every page of the console, with a tenant whose every name is hostile: what it says is text, it is
its tenant's alone, and nothing on it leads a visitor to what they are refused."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from tests.auth.oauth.party import Browser
from tests.console.estate import settled, texts
from tests.console.everything import Everything, inhabited
from tests.contract.conftest import statements as statements

from cloudsealed.vocabulary import Role

SHARED = ("/frameworks", "/policies/types")
"""Below these is what the product ships, to every tenant."""

_ASKING = ("check", "explain")
"""What the editor does for who may not store a policy."""

_IDENT = re.compile(
    r"\b[a-z]{3,4}_[0-9A-Za-z]{20,}"
    r"|(?<=^/frameworks/)[^/]+|(?<=/controls/)[^/]+|(?<=^/policies/)(?:aws|k8s)-[^/]+"
)
"""An object's id, or the key of what ships: of a thousand alike one is looked at."""
_FORM = re.compile(r'<form method="post" action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
_FIELD = re.compile(r'<(?:input|button)[^>]* name="([^"]*)"[^>]*?(?: value="([^"]*)")?[^>]*>')


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    with inhabited(tmp_path_factory.mktemp("everything")) as found:
        yield found


def test_every_page_and_state_says_hostile_names_as_text(whole: Everything) -> None:
    browser = whole.site.browser()
    for address in [*whole.pages().values(), *whole.states()]:
        page = browser.http.get(address, headers={"Accept": "text/html"})
        assert page.status_code in (200, 404, 422), (address, texts(page))
        assert (page.status_code == 200) == ("/nowhere" not in address and "urgent" not in address)
        for broken in ("<img src=x", "<script>alert", "{{ 49 }}", "49 ${x}"):
            assert broken not in page.text, (address, broken)


def test_every_page_of_an_object_is_not_there_for_another_tenant(whole: Everything) -> None:
    browser = whole.site.tenant("Other").browser()
    shown = {path: at for path, at in whole.pages().items() if "{id}" in path}
    for path, address in shown.items():
        expected = 200 if path.startswith(SHARED) else 404
        page = browser.http.get(address)
        assert page.status_code == expected, (address, page.status_code)
        assert "WWWW" not in page.text, address


def test_every_page_of_a_tenant_that_has_nothing_says_so(whole: Everything) -> None:
    browser = whole.site.tenant("New").browser()
    for address in whole.begun():
        page = browser.http.get(address)
        assert page.status_code == 200, address
        assert "WWWW" not in page.text, address


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_no_link_leads_a_visitor_to_what_is_refused_or_is_not_there(
    whole: Everything, role: Role
) -> None:
    browser = whole.site.browser(role)
    seen, waiting = set[tuple[str, str]](), ["/overview"]
    while waiting:
        address = waiting.pop()
        with browser.http.stream("GET", address) as answer:
            assert answer.status_code in (200, 303), (address, answer.status_code)
            if not answer.headers.get("content-type", "").startswith("text/html"):
                continue
            text = answer.read().decode()
        for link in _links(text):
            if new := _asked(link) - seen:
                seen |= new
                waiting.append(link)
    assert len(seen) > 40


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR, Role.EDITOR])
def test_no_button_is_shown_to_who_is_refused_what_it_does(whole: Everything, role: Role) -> None:
    browser = whole.site.browser(role)
    offered = set[tuple[str, str]]()
    for address in whole.pages().values():
        page = browser.http.get(address)
        for action, fields in _forms(page):
            answer = browser.http.post(action, data=fields)
            assert answer.status_code != 403, (address, fields)
            offered.add((urlsplit(action).path, str(fields.get("do", ""))))
    own = {path for path, do in offered if not path.startswith("/account") and do not in _ASKING}
    views = {"/findings", "/resources"}  # everybody keeps views of their own there
    if role is Role.VIEWER:
        assert own == views
    elif role is Role.AUDITOR:
        assert own == {*views, "/reports/new", whole.address("/reports/{id}")}
    else:
        assert len(own) > 10


def _links(text: str) -> Iterator[str]:
    """Return where a page's links lead on this site."""
    for found in re.findall(r'<a [^>]*href="([^"]*)"', text):
        link = html.unescape(found).partition("#")[0]
        if link.startswith("/") and not link.startswith("//"):
            yield link


def _asked(link: str) -> set[tuple[str, str]]:
    """Return what a link asks: its path without ids, with each parameter; of a file its path."""
    parts = urlsplit(link)
    path = _IDENT.sub("{id}", parts.path)
    names = [] if path.endswith("/export") else [name for name, _ in parse_qsl(parts.query)]
    return {(path, name) for name in ("", *names)}


def _forms(page: httpx.Response) -> Iterator[tuple[str, dict[str, str]]]:
    """Return the forms of what a page is about, once for each button: action and fields."""
    for action, content in _FORM.findall(page.text.partition("<main")[2]):
        if 'type="submit"' not in content:
            continue
        fields = {name: html.unescape(value) for name, value in _FIELD.findall(content)}
        buttons = re.findall(r'<button[^>]* name="do" value="(\w+)"', content) or [""]
        for button in buttons:
            if action != "/logout" and button != "test":  # that goes out to the provider
                yield html.unescape(action), {**fields, **({"do": button} if button else {})}


def test_the_pages_that_are_looked_at_most_ask_the_database_few_things(
    whole: Everything, statements: list[str]
) -> None:
    http, told = whole.site.browser().http, f"/findings/{whole.named['told']}"
    plain = ("/overview", "/findings", "/findings/{id}", "/resources/{id}")
    for address in (*map(whole.address, plain), told, "/findings?severity=high"):
        settled(http, address)
        looks = []
        for _ in range(3):  # what is counted beside the page is counted anew now and then
            statements.clear()
            assert http.get(address).status_code == 200
            looks.append(list(statements))
        assert len(min(looks, key=len)) <= 12, (address, min(looks, key=len))


def test_a_visitor_without_a_session_is_led_to_the_login_from_every_page(whole: Everything) -> None:
    browser = Browser(whole.site.url)
    for address in whole.pages().values():
        answer = browser.http.get(address)
        assert answer.status_code == 303, address
        assert urlsplit(answer.headers["location"]).path == "/login", address
