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
