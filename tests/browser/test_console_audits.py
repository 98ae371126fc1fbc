"""An audit started, watched and seen to end in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.auth.oauth.party import PASSWORD, Site, serving
from tests.console.audited import Audited, audited

from cloudsealed.audits.model import NO_PROGRESS
from cloudsealed.vocabulary import Role

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

NewContext = Callable[..., "BrowserContext"]
ENDED = "2026-01-01T09:00:00.000Z"


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    with serving(tmp_path_factory.mktemp("watched")) as running:
        yield audited(running)


def visiting(context: BrowserContext, site: Site) -> Page:
    page = context.new_page()
    page.goto(f"{site.url}/login")
    page.fill("#email", site.person(Role.ADMIN))
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Audits", exact=True).click()
    page.get_by_role("heading", name="Audits").wait_for()
    return page


def test_an_audit_is_started_watched_and_seen_to_end(
    estate: Audited, new_context: NewContext
) -> None:
    page = visiting(new_context(), estate.site)
    page.get_by_role("link", name="Start an audit").click()
    page.get_by_role("group", name="Which accounts").get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Start the audit").click()
    page.locator("[aria-current=step]", has_text="Queued").wait_for()
    ident = page.url.rpartition("/")[2]
    done = {**NO_PROGRESS, "tasks_done": 3, "tasks_total": 4, "calls": 17}
    estate.set(ident, status="collecting", progress=orjson.dumps(done).decode())
    page.locator("[aria-current=step]", has_text="Collecting").wait_for()
    page.get_by_text("75 % · 3 of 4 parts of the work").wait_for()
    assert page.locator("[data-live]").count() == 1
    estate.set(ident, status="canceled", finished_at=ENDED)
    page.get_by_text("It was canceled").wait_for()
    assert page.locator("[data-live]").count() == 0
    assert page.get_by_role("button", name="Cancel").count() == 0
