"""Saved views beside findings and resources: chosen, saved, changed and shared, all by forms."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from sqlalchemy import text
from tests.auth.oauth.party import Browser, Site, serving
from tests.console.estate import HOSTILE, add_findings, insisted, linked, settled, texts
from tests.contract.conftest import statements as statements

from cloudsealed.api.v1.findings import FILTERS as OF_FINDINGS
from cloudsealed.api.v1.resources import FILTERS as OF_RESOURCES
from cloudsealed.console.views import findings, resources
from cloudsealed.storage.migrate import engine_for
from cloudsealed.vocabulary import Role

STATE = "severity=critical&severity=high&status=open&sort=-severity&group=&column=policy"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("saved")) as running:
        yield running


@pytest.fixture
def mine(site: Site) -> Site:
    found = site.tenant("Mine")
    add_findings(found, 5)
    return found


def filled(page: httpx.Response, do: str, **fields: str) -> tuple[str, dict[str, str]]:
    """Return where a form of a page goes, and what it sends with some fields filled in."""
    forms = re.findall(r'<form method="post" action="([^"]*)">(.*?)</form>', page.text, re.DOTALL)
    for action, inside in forms:
        given = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', inside))
        if given.get("do") == do:
            return html.unescape(action), {n: html.unescape(v) for n, v in given.items()} | fields
    raise AssertionError(f"the page has no form {do}")


def done(browser: Browser, address: str, do: str, **fields: str) -> httpx.Response:
    """Send a form of a page; return the answer to it."""
    action, form = filled(browser.http.get(address), do, **fields)
    return browser.http.post(action, data=form)


def api(site: Site, path: str = "/v1/views") -> Any:
    with site.http() as http:
        return http.get(path).json()


def made(site: Site, **changes: Any) -> dict[str, Any]:
    body = {"name": "Urgent", "of": "findings", "query": {"severity": "critical"}, "shared": True}
    with site.http() as http:
        answer = http.post("/v1/views", json=body | changes)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def current(page: httpx.Response) -> list[str]:
    """Return the ids of the views that a page marks as shown."""
    return re.findall(r'id="view-(viw_\w+)" aria-current="true"', page.text)


def test_the_pages_know_whatever_a_view_may_say() -> None:
    assert set(OF_FINDINGS) <= set(findings.SAVABLE.filters)
    assert set(OF_RESOURCES) <= set(resources.SAVABLE.filters)


def test_what_the_page_shows_is_saved_and_its_link_is_the_whole_address(mine: Site) -> None:
    browser = mine.browser()
    saved = done(browser, f"/findings?{STATE}&limit=2", "save-view", name="Urgent")
    assert saved.status_code == 303, texts(saved)
    [view] = api(mine)["data"]
    assert view["query"] == {
        "severity": ["critical", "high"],
        "status": ["open"],
        "sort": ["-severity"],
    }
    assert (view["columns"], view["group_by"], view["shared"]) == (["policy"], None, False)
    link = saved.headers["location"]
    assert parse_qs(link.partition("?")[2]) == {
        **view["query"],
        "column": ["policy"],
        "view": [view["id"]],
    }
    page = browser.http.get(link)
    assert current(page) == [view["id"]]
    assert "unsaved changes" not in texts(page)
    with mine.http() as http:
        listed = http.get(view["path"]).json()["data"]
    assert linked(page, "/findings") == [each["id"] for each in listed]
    assert "cloudsealed api GET '/v1/views?of=findings&limit=200'" in texts(page)


def test_a_view_is_marked_where_the_address_says_the_same_without_naming_it(mine: Site) -> None:
    view = made(mine, query={"severity": ["high", "critical"], "status": "open"})
    http = mine.browser(Role.VIEWER).http
    alike = "status=open&severity=critical&severity=high&sort=-id&group="
    usual = "column=triage&column=where&column=first_seen"
    for same in (alike, f"{alike}&{usual}"):
        assert current(http.get(f"/findings?{same}")) == [view["id"]]
    for other in (
        "",
        "?status=open",
        "?status=open&severity=high&severity=critical&sort=-severity",
    ):
        assert current(http.get(f"/findings{other}")) == []


def test_what_was_changed_since_is_said_saved_or_left(mine: Site) -> None:
    view = made(mine)
    browser, address = mine.browser(), f"/findings?severity=low&group=account&view={view['id']}"
    page = browser.http.get(address)
    assert current(page) == [view["id"]]
    assert "unsaved changes" in texts(page)
    back = f'href="/findings?severity=critical&amp;view={view["id"]}">Undo changes'
    assert back in page.text
    assert done(browser, address, "update-view").status_code == 303
    changed = api(mine, f"/v1/views/{view['id']}")
    assert (changed["query"], changed["group_by"]) == ({"severity": ["low"]}, "account")
    assert (changed["name"], changed["shared"]) == ("Urgent", True)
    assert "unsaved changes" not in texts(browser.http.get(address))


def test_a_view_that_somebody_else_changed_meanwhile_is_not_written_over(mine: Site) -> None:
    view = made(mine)
    browser, address = mine.browser(), f"/findings?severity=low&view={view['id']}"
    action, form = filled(browser.http.get(address), "update-view")
    with mine.http() as http:
        http.patch(f"/v1/views/{view['id']}", json={"query": {"severity": "high"}})
    refused = browser.http.post(action, data=form)
    assert (refused.status_code, "etag_mismatch" in refused.text) == (412, True)
    assert api(mine, f"/v1/views/{view['id']}")["query"] == {"severity": ["high"]}


def test_a_view_is_renamed_shared_taken_back_and_deleted(mine: Site) -> None:
    browser = mine.browser()
    path = done(browser, "/findings?severity=high", "save-view", name="Mine").headers["location"]
    [view] = api(mine)["data"]
    renamed = done(browser, path, "edit-view", name="Ours", shared="1")
    assert renamed.status_code == 303
    page = browser.http.get(renamed.headers["location"])
    assert current(page) == [view["id"]]
    assert "Everyone's views Ours" in texts(page)
    found = api(mine, f"/v1/views/{view['id']}")
    assert (found["name"], found["shared"]) == ("Ours", True)
    done(browser, path, "edit-view", name="Ours")
    assert api(mine, f"/v1/views/{view['id']}")["shared"] is False
    gone = done(browser, path, "delete-view")
    assert gone.headers["location"] == "/findings?severity=high"
    assert api(mine)["data"] == []


def test_a_view_of_resources_is_saved_and_chosen_where_they_are(mine: Site) -> None:
    browser = mine.browser()
    saved = done(browser, "/resources?tag=env%3Dprod&state=present", "save-view", name="Prod")
    assert saved.status_code == 303, texts(saved)
    [view] = api(mine)["data"]
    assert view["of"] == "resources"
    assert view["query"] == {"state": ["present"], "tag": ["env=prod"]}
    assert current(browser.http.get(saved.headers["location"])) == [view["id"]]
    assert "Prod" not in texts(browser.http.get("/findings"))
    assert browser.http.post("/resources", data={"csrf": ""}).status_code == 403


def test_a_viewer_saves_views_of_their_own_and_changes_none_of_everyones(mine: Site) -> None:
    shared = made(mine)
    browser, path = mine.browser(Role.VIEWER), f"/findings?severity=low&view={shared['id']}"
    page = browser.http.get(path)
    assert "Everyone's views Urgent" in texts(page)
    for absent in ("update-view", "edit-view", "delete-view", 'name="shared"'):
        assert absent not in page.text
    assert done(browser, path, "save-view", name="Lows").status_code == 303
    with mine.http(role=Role.VIEWER) as http:
        [own] = http.get("/v1/views?shared=false").json()["data"]
    assert "My views Lows" in texts(browser.http.get("/findings"))
    assert "Lows" not in texts(mine.browser(Role.EDITOR).http.get("/findings"))
    for fields in (
        {"do": "save-view", "name": "x", "shared": "1"},
        {"do": "update-view", "view": shared["id"]},
        {"do": "edit-view", "view": shared["id"], "name": "x"},
        {"do": "delete-view", "view": shared["id"]},
    ):
        assert insisted(mine, browser, "/findings", **fields).status_code == 403
    theirs = {"do": "delete-view", "view": own["id"]}
    assert insisted(mine, mine.browser(), "/findings", **theirs).status_code == 404
    assert api(mine, f"/v1/views/{shared['id']}") == shared


def test_a_link_shows_the_same_list_to_who_may_not_see_the_view(mine: Site, site: Site) -> None:
    path = done(mine.browser(), "/findings?severity=high", "save-view", name="Secret").headers[
        "location"
    ]
    page = mine.browser(Role.VIEWER).http.get(path)
    assert page.status_code == 200
    assert len(linked(page, "/findings")) == 1
    assert "Secret" not in page.text
    assert "Secret" not in site.tenant("Other").browser().http.get(path).text


def test_the_search_finds_views_by_name_and_leads_to_what_they_show(mine: Site) -> None:
    made(mine, name="Ours, urgent")
    made(mine, name="Urgent buckets", of="resources", query={"service": "s3"})
    made(mine, name="Urgent secret", shared=False)
    page = mine.browser(Role.VIEWER).http.get("/search?q=urgent")
    found = re.findall(r'href="(/(?:findings|resources)\?[^"]*view=viw_[^"]*)"', page.text)
    assert [each.partition("&")[0] for each in found] == [
        "/resources?service=s3",
        "/findings?severity=critical",
    ]
    assert "secret" not in page.text


def test_a_refusal_is_said_in_the_form_with_what_was_typed(mine: Site) -> None:
    made(mine, name="Urgent", shared=False)
    browser = mine.browser()
    refused = done(browser, "/findings?severity=low", "save-view", name="Urgent", shared="")
    assert refused.status_code == 409
    assert "name_already_exists" in refused.text
    assert '<details class="menu" name="menu" id="save-view" open>' in refused.text
    assert re.search(r'id="view-name"[^>]*value="Urgent"', refused.text)
    assert len(linked(refused, "/findings")) == 1
    blank = done(browser, "/findings", "save-view", name=" \t")
    assert (blank.status_code, "invalid_field" in blank.text) == (422, True)
    long = "search=" + "x" * 2_000
    full = done(browser, f"/findings?{long}&{long}a&{long}b&{long}c"[:7_900], "save-view", name="n")
    assert (full.status_code, "6000 bytes" in full.text) == (422, True)


def test_a_view_that_its_list_refuses_by_now_is_told_and_can_be_mended(mine: Site) -> None:
    view = made(mine)
    with engine_for(mine.services.settings).begin() as connection:
        connection.execute(
            text("UPDATE views SET query = :query WHERE id = :ident"),
            {"query": '{"severity":["urgent"]}', "ident": view["id"]},
        )
    browser = mine.browser()
    page = browser.http.get("/findings")
    assert "Urgent no longer valid" in texts(page)
    link = f"/findings?view={view['id']}"
    assert f'href="{link}"' in page.text
    whole = browser.http.get(f"/findings?severity=urgent&view={view['id']}")
    assert (whole.status_code, current(whole)) == (422, [view["id"]])
    shown = browser.http.get(link)
    assert (shown.status_code, "invalid_severity_filter" in shown.text) == (200, True)
    assert len(linked(shown, "/findings")) == 5
    mended = done(browser, f"{link}&severity=high", "update-view")
    assert mended.status_code == 303
    assert "no longer valid" not in texts(browser.http.get(mended.headers["location"]))


def test_hostile_names_are_text_and_hostile_forms_are_refused(mine: Site) -> None:
    browser = mine.browser()
    saved = done(browser, "/findings", "save-view", name=HOSTILE)
    assert saved.status_code == 303, texts(saved)
    page = browser.http.get(saved.headers["location"])
    assert "<script>alert" not in page.text
    assert HOSTILE[:25] in texts(page)
    for ident in ("", "../tokens/tok_x", "viw_x", "viw_01JD0000000000000000000000/.."):
        form = {"do": "delete-view", "view": ident}
        assert insisted(mine, browser, "/findings", **form).status_code == 422
    never = {"do": "delete-view", "view": "viw_01JD0000000000000000000000"}
    assert insisted(mine, browser, "/findings", **never).status_code == 404


def test_many_views_cost_a_page_few_looks_into_the_database(
    mine: Site, statements: list[str]
) -> None:
    views = [made(mine, name=f"View {n}", query={"framework": "cis-aws-5.0"}) for n in range(30)]
    http, path = mine.browser().http, f"/findings?severity=critical&view={views[0]['id']}"
    settled(http, path)
    looks = []
    for _ in range(5):  # what is counted beside the page is counted anew now and then
        statements.clear()
        assert len(re.findall(r'id="view-viw_', http.get(path).text)) == 30
        looks.append(len(statements))
    assert min(looks) <= 12
