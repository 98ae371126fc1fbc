"""What people come to the console for, in a real browser: from the login to what they decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.auth.oauth.party import PASSWORD, Site, serving
from tests.browser.conftest import NewKeyboard
from tests.console.audited import Audited, audited
from tests.console.estate import add_findings

from cloudsealed.vocabulary import Role

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

NewContext = Callable[..., "BrowserContext"]
MANY = 500


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    with serving(tmp_path_factory.mktemp("stories")) as running:
        yield audited(running)


def arrived(context: BrowserContext, site: Site, role: Role, path: str = "/overview") -> Page:
    """Return the page of an address after the login that it led to."""
    page = context.new_page()
    page.goto(site.url + path)
    page.get_by_label("E-mail address").fill(site.person(role))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator(".side nav").wait_for()
    return page


def listed(site: Site, **query: Any) -> list[dict[str, Any]]:
    with site.http() as http:
        found: list[dict[str, Any]] = http.get("/v1/findings", params=query).json()["data"]
    return found


def test_a_newcomer_accepts_the_first_finding_by_mouse(
    estate: Audited, new_context: NewContext
) -> None:
    first = listed(estate.site, status="open", sort="-severity")[0]
    page = arrived(new_context(), estate.site, Role.EDITOR)
    page.get_by_role("region", name="What matters first").get_by_role("link").first.click()
    page.get_by_role("heading", name="How to mend it").wait_for()
    assert page.url.endswith(f"/findings/{first['id']}")
    page.get_by_role("combobox", name="Decision").select_option("accepted_risk")
    page.get_by_label("Until").fill("2031-01-31")
    page.get_by_label("Why", exact=True).fill("until the move")
    page.get_by_role("button", name="Save the decision").click()
    decided = page.get_by_role("region", name="Decision", exact=True)
    decided.get_by_text("2031-01-31 23:59 UTC").wait_for()
    decided.get_by_text("until the move").first.wait_for()
    (triage,) = [each["triage"] for each in listed(estate.site) if each["id"] == first["id"]]
    assert (triage["state"], triage["note"]) == ("accepted_risk", "until the move")


def test_a_newcomer_accepts_a_finding_by_keyboard_alone(
    estate: Audited, new_keyboard: NewKeyboard
) -> None:
    mine = estate.site.tenant("Keys")
    (ident,) = add_findings(mine, 1)
    keys = new_keyboard()
    keys.open(f"{mine.url}/findings?status=open")
    keys.log_in(mine.person(Role.EDITOR), PASSWORD)
    assert keys.query == {"status": "open"}
    keys.press("Group 0 is open")
    keys.page.get_by_role("heading", name="How to mend it").wait_for()
    assert keys.path == f"/findings/{ident}"
    keys.to("Decision")
    keys.page.keyboard.type("Accepted risk")
    keys.write("Until", "02022031")
    keys.write("Why", "until the move")
    keys.press("Save the decision")
    assert "until the move" in keys.text, keys.text
    with mine.http() as http:
        triage = http.get(f"/v1/findings/{ident}").json()["triage"]
    assert (triage["state"], triage["expires_at"][:10]) == ("accepted_risk", "2031-02-02")


def test_five_hundred_findings_are_decided_about_at_once(
    estate: Audited, new_context: NewContext
) -> None:
    mine = estate.site.tenant("Many")
    add_findings(mine, MANY, title="Door of the cellar")
    add_findings(mine, 1, title="Door of the attic")
    page = arrived(new_context(), mine, Role.EDITOR, "/findings?search=cellar")
    page.get_by_text(f"{MANY} findings").wait_for()
    page.get_by_label("Tick all of this page").check()
    page.get_by_role("heading", name="Decide about the ticked (50)").wait_for()
    page.get_by_label(f"All {MANY} that match, on every page").check()
    page.get_by_role("combobox", name="Decision").select_option("false_positive")
    page.get_by_label("Why", exact=True).fill("not a door")
    page.get_by_role("button", name="Save the decision").click()
    page.get_by_text("False positive", exact=True).nth(20).wait_for()
    assert page.url == f"{mine.url}/findings?search=cellar"
    with mine.http() as http:
        told = http.get("/v1/findings/summary?group_by=triage").json()["groups"]
    assert {each["triage"]: each["count"] for each in told} == {"false_positive": MANY, None: 1}


def test_a_colleague_with_fewer_rights_opens_a_link_and_can_do_no_more_than_they_may(
    estate: Audited, new_context: NewContext
) -> None:
    mine = estate.site.tenant("Shared")
    idents = add_findings(mine, 3)
    admins = arrived(new_context(), mine, Role.ADMIN, "/findings")
    admins.get_by_label("Search in titles, names and ids").fill("Group")
    admins.keyboard.press("Enter")
    admins.wait_for_url("**search=Group*")
    link = admins.url.removeprefix(mine.url)
    assert admins.get_by_role("button", name="Save the decision").count() == 1

    page = arrived(new_context(), mine, Role.VIEWER, link)
    assert page.url.removeprefix(mine.url) == link
    assert page.locator("th a.main").count() == 3
    assert page.get_by_role("checkbox", name="Tick").count() == 0
    page.locator("th a.main").first.click()
    page.get_by_role("heading", name="How to mend it").wait_for()
    assert page.url.endswith(idents[0])
    assert page.get_by_role("button", name="Save the decision").count() == 0
    assert page.get_by_role("link", name="Proof").count() == 0
    places = page.locator(".side nav").get_by_role("link").all_inner_texts()
    assert not {"Users", "Events", "Apps"} & {each.strip() for each in places}
    page.goto(f"{mine.url}/users")
    page.get_by_role("heading", name="This is not allowed").wait_for()

    stranger = arrived(new_context(), estate.site.tenant("Other"), Role.ADMIN, "/limits")
    answer = stranger.goto(f"{mine.url}/findings/{idents[0]}")
    assert answer is not None
    assert answer.status == 404
    assert "Group" not in stranger.inner_text("main")


def test_an_audit_is_watched_from_its_first_call_to_what_it_found(
    estate: Audited, new_context: NewContext
) -> None:
    page = arrived(new_context(), estate.site, Role.EDITOR, "/audits")

    def watched(ident: str) -> None:
        page.goto(f"{estate.site.url}/audits/{ident}")
        page.locator("[aria-current=step]", has_text="Collecting").wait_for()

    ident = estate.audit(watched)
    figures = page.get_by_role("region", name="Figures")
    figures.get_by_text("Failures").wait_for()
    assert page.locator("[data-live]").count() == 0
    with estate.site.http() as http:
        audit = http.get(f"/v1/audits/{ident}").json()
    assert audit["status"] == "completed"
    assert f"Resources\n{audit['resources']}" in figures.inner_text()
    assert f"Failures\n{audit['findings']}" in figures.inner_text()


def test_without_a_script_one_reads_narrows_and_decides(
    estate: Audited, new_context: NewContext
) -> None:
    page = arrived(new_context(java_script_enabled=False), estate.site, Role.EDITOR)
    page.get_by_role("link", name="All open findings").click()
    page.locator("#facet-severity-1").click()
    assert "severity=high" in page.url
    page.locator("th a.main").first.click()
    page.get_by_role("heading", name="The provider's answer").wait_for()
    page.get_by_role("combobox", name="Decision").select_option("in_progress")
    page.get_by_role("button", name="Save the decision").click()
    page.get_by_role("strong").filter(has_text="In progress").wait_for()
    for place, heading in (("Resources", "Resources"), ("Audits", "Audits"), ("Policies", "Polic")):
        page.locator(".side nav").get_by_role("link", name=place, exact=True).click()
        page.get_by_role("heading", name=heading).first.wait_for()
        page.locator("th a.main").first.click()
        page.locator("main h1").wait_for()
        assert page.locator("main .panel").count() > 0


def test_parts_of_a_page_that_come_anew_leave_the_focus_where_it_is(
    estate: Audited, new_context: NewContext
) -> None:
    page = arrived(new_context(), estate.site, Role.VIEWER, "/findings?status=open")
    page.locator("#facet-severity-1").focus()
    page.evaluate("refreshed()")
    assert page.evaluate("document.activeElement.id") == "facet-severity-1"
    page.evaluate("document.activeElement.removeAttribute('id')")
    page.evaluate("refreshed()")
    page.locator("[data-part=facets] :focus").wait_for()


def test_the_link_to_the_content_leads_there_and_stays(
    estate: Audited, new_context: NewContext
) -> None:
    page = arrived(new_context(), estate.site, Role.EDITOR, "/findings")
    shown = page.locator("#main").element_handle()
    page.locator("a.skip").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**#main")
    page.wait_for_load_state("networkidle")
    assert shown is not None
    assert shown.evaluate("main => main.isConnected && document.activeElement === main")
