"""A policy in a real browser: written, found wrong as one types, refused, mended, simulated,
activated."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.auth.oauth.party import PASSWORD, Site
from tests.console.audited import audited
from tests.console.test_views_policies import TEXT, worked

from cloudsealed.vocabulary import Role

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

BROKEN = TEXT.replace("fail_when: resource.QueueName == 'bad'", "fail_when: resource.")


def test_a_policy_is_written_refused_mended_simulated_and_activated(
    site: Site, new_context: Callable[..., BrowserContext]
) -> None:
    own = audited(site).site
    context = new_context()
    page = context.new_page()
    page.goto(f"{site.url}/login?next=%2Fpolicies")
    page.fill("#email", own.person(Role.ADMIN))
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.click("text=Write a check")
    page.fill("#text", BROKEN)
    page.wait_for_selector('#problems [data-line="6"]')
    with page.expect_navigation():
        page.click("text=Store, not in use yet")
    assert page.input_value("#text") == BROKEN
    with own.http() as http:
        assert http.get("/v1/policies/queues-are-named").status_code == 404
    page.wait_for_selector('#problems [data-line="6"]')
    assert page.text_content(".mirror mark")
    page.click('#problems [data-line="6"]')
    place = BROKEN.index("resource.") + len("resource.")
    page.evaluate("place => document.getElementById('text').setSelectionRange(place, place)", place)
    page.keyboard.type("Queue")
    names = page.locator("#suggestions li")
    page.wait_for_selector("#suggestions li")
    assert names.all_text_contents() == ["QueueUrl", "QueueName"]
    page.keyboard.type("N")
    page.locator("#suggestions li").nth(1).wait_for(state="detached")
    page.keyboard.press("Enter")
    page.keyboard.type(" == 'bad'")
    page.wait_for_selector('#problems[data-valid="yes"]')
    assert page.input_value("#text") == TEXT
    page.click("text=Store, not in use yet")
    page.wait_for_selector("h1:has-text('Queue is called bad')")
    page.click("a:has-text('Simulate')")
    page.click("button:has-text('Simulate')")
    page.wait_for_selector("text=It is being tried")
    worked(site, "simulation")
    page.wait_for_selector("text=Queue bad is called so")
    page.click("button:has-text('Activate')")
    page.wait_for_selector("text=Take out of use")
    with own.http() as http:
        assert http.get("/v1/policies/queues-are-named").json()["enabled"] is True
