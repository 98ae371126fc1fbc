"""The page of findings in a browser: searched, filtered, and left alone by its own policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.test_accessibility import LONG, SCHEMES, WIDTHS
from tests.reports.conftest import HOSTILE
from tests.reports.test_page import html_of
from tests.reports.test_sarif import found

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

NewContext = Callable[..., "BrowserContext"]
_RULES = {"color-contrast-enhanced": {"enabled": True}, "target-size": {"enabled": True}}
_RUN = """async rules => (await axe.run(document, {rules})).violations.map(found =>
  `${found.id}: ${found.help}: ${found.nodes.map(node => node.html).join(' | ')}`)"""
TRIAGE = {"state": "accepted_risk", "note": LONG, "expires_at": "2027-01-01T00:00:00.000Z"}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of findings of every severity and state, and hostile names."""
    severities = ("critical", "high", "medium", "low", "info")
    findings = [
        *(found(n, policy=f"p-{n}", severity=s) for n, s in enumerate(severities)),
        *(found(10 + n, name=name, title=name) for n, name in enumerate(HOSTILE)),
        found(40, policy="accepted", name=LONG, region="us-east-1", triage=TRIAGE),
    ]
    gap = {"service": "s3", "operation": "ListBuckets", "outcome": "denied", "places": ["1/global"]}
    control = {"id": "5.3", "title": "No SSH", "status": "failing", "failing": 2}
    framework = {"title": "CIS", "version": "5", "counts": {"failing": 1}, "controls": [control]}
    policies = {"p-0": {"title": "Zero", "references": ["https://example.com/", "A book"]}}
    given: dict[str, Any] = {"coverage": {"gaps": [gap]}, "audit": {"coverage": 0.5}}
    made = tmp_path_factory.mktemp("page") / "report.html"
    made.write_text(html_of(*findings, policies=policies, framework=framework, **given))
    return made


def opened(context: BrowserContext, file: Path, fragment: str = "") -> Page:
    page = context.new_page()
    page.goto(f"{file.as_uri()}{fragment}")
    return page


def shown(page: Page) -> int:
    return page.locator(".findings > li:visible").count()


def test_a_search_shows_what_has_every_word(new_context: NewContext, file: Path) -> None:
    page = opened(new_context(), file)
    page.get_by_label("Search").fill("SSH us-east-1")
    page.locator("#count", has_text="1 of 19 findings").wait_for()
    assert shown(page) == 1
    page.get_by_label("Search").fill("nothing has this")
    page.get_by_text("No finding matches").wait_for()
    page.get_by_role("button", name="Show all").click()
    page.locator("#count", has_text="19 findings: 18 open, 1 accepted").wait_for()


def test_filters_narrow_each_other_and_stand_in_the_address(
    new_context: NewContext, file: Path
) -> None:
    context = new_context()
    page = opened(context, file)
    page.get_by_label("Severity").select_option("critical")
    page.get_by_label("State").select_option("accepted")
    page.locator("#count", has_text="1 of 19 findings").wait_for()
    again = opened(context, file, page.url.partition("report.html")[2])
    again.locator("#count", has_text="1 of 19 findings").wait_for()
    assert shown(again) == 1
    assert again.get_by_label("State").input_value() == "accepted"


def test_it_asks_for_nothing_and_runs_nothing_of_a_name(
    new_context: NewContext, file: Path
) -> None:
    page = new_context().new_page()
    asked: list[str] = []
    told: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.on("dialog", lambda dialog: told.append(dialog.message))
    page.goto(file.as_uri())
    for summary in page.locator("details.policy > summary").all():
        summary.click()
    assert asked == [file.as_uri()]
    assert told == []


def test_without_script_everything_is_there(new_context: NewContext, file: Path) -> None:
    page = opened(new_context(java_script_enabled=False), file)
    assert page.locator(".findings > li").count() == 19
    assert page.locator("#filters").is_hidden()
    page.locator("details.policy > summary").first.click()
    assert shown(page) > 0


def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    new_context: NewContext, file: Path, axe: Path
) -> None:
    page = opened(new_context(bypass_csp=True), file)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    page.add_script_tag(path=axe)
    for scheme in SCHEMES:
        for width in WIDTHS:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of both
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(_RUN, _RULES) == [], (scheme, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
