"""The interactive documentation draws itself, out of a package and with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.auth.oauth.party import Site

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext


def test_the_documentation_shows_every_noun_and_complains_of_nothing(
    site: Site, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context().new_page()
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    hosts = set[str]()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto(f"{site.url}/docs")
    page.get_by_text("/v1/findings/summary").first.wait_for()
    page.get_by_text("/v1/findings/summary").first.click()
    page.get_by_text("Parameters").first.wait_for()
    assert not complaints
    assert hosts == {site.url.split("/")[2]}


def test_try_it_out_answers_a_person_who_pasted_a_token_under_another_name_of_the_host(
    site: Site, new_context: Callable[..., BrowserContext]
) -> None:
    token = site.http().headers["authorization"].removeprefix("Bearer ")
    page = new_context().new_page()
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.goto(f"{site.url.replace('127.0.0.1', 'localhost')}/docs")
    page.locator("button.btn.authorize").first.click()
    form = page.locator(".auth-container").filter(has_text="bearer").first
    form.locator("input").first.fill(token)
    form.locator("button.authorize").click()
    form.get_by_text("Authorized").wait_for()
    page.locator("button.close-modal").click()
    operation = page.locator("#operations-Account-get_me")
    operation.locator(".opblock-summary-control").click()
    operation.locator("button.try-out__btn").click()
    operation.locator("button.execute").click()
    answer = operation.locator(".live-responses-table")
    answer.locator(".response-col_status").get_by_text("200").wait_for()
    assert site.tenant_id in answer.inner_text()
    assert not complaints
