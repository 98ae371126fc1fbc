"""The pages of findings: what they show is what the API answers, to whom it answers."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from tests.auth.oauth.party import Site, serving
from tests.console.estate import HOSTILE, add_findings, facets, linked, settled, texts
from tests.contract.conftest import statements as statements

from cloudsealed.findings import store as finding_store
from cloudsealed.kit.clock import rfc3339
from cloudsealed.storage import keyset
from cloudsealed.testing.factories import add_resources, make_resource, make_savings
from cloudsealed.vocabulary import FindingStatus, Role, Severity

QUERIES = (
    "",
    "status=open&sort=-severity",
    "severity=critical",
    "severity=critical&severity=low",
    "severity_not=critical",
    "search=Group+1",
    "account=123456789012&region=eu-west-1",
    "limit=3",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("views")) as running:
        yield running


@pytest.fixture
def mine(site: Site) -> Site:
    """A tenant of its own, of 12 findings."""
    found = site.tenant("Mine")
    add_findings(found, 12)
    return found


@pytest.mark.parametrize("query", QUERIES)
def test_the_list_shows_what_the_api_lists_and_counts(mine: Site, query: str) -> None:
    page = settled(mine.browser().http, f"/findings?{query}")
    assert page.status_code == 200, page.text
    with mine.http() as http:
        listed = http.get(f"/v1/findings?{query}").json()["data"]
        filters = {
            name: held for name, held in parse_qs(query).items() if name not in ("sort", "limit")
        }
        summary = http.get("/v1/findings/summary", params={"group_by": "severity", **filters})
        regions = http.get("/v1/findings/summary", params={"group_by": "region", **filters}).json()
    assert linked(page, "/findings") == [each["id"] for each in listed]
    assert f"{summary.json()['total']} finding" in texts(page)
    if "region" not in filters:
        shown = {group["region"]: group["count"] for group in regions["groups"]}
        assert facets(page, "region") == shown


def test_every_status_is_counted_where_none_is_asked_for_as_the_list_has_every_one(
    mine: Site,
) -> None:
    add_findings(mine, 2, status=FindingStatus.RESOLVED)
    page = settled(mine.browser().http, "/findings")
    assert facets(page, "status") == {"Open": 12, "Resolved": 2}
    assert len(linked(page, "/findings")) == 14
    assert "14 findings" in texts(page)
    grouped = texts(mine.browser().http.get("/findings?group=account"))
    assert "123456789012" in grouped
    assert re.search(r"\b14\b", grouped)


def test_ages_are_facets_and_narrow_the_list_as_the_api_does(mine: Site) -> None:
    days_ago = rfc3339(mine.services.clock() - timedelta(days=3))
    young = add_findings(mine, 2, first_seen_at=days_ago)
    browser = mine.browser()
    browser.http.headers["accept-language"] = "de"
    page = settled(browser.http, "/findings")
    assert facets(page, "age") == {"1 bis 7 Tage": 2, "Über 90 Tage": 12}
    narrowed = settled(browser.http, "/findings?age=1d_to_7d")
    assert linked(narrowed, "/findings") == young
    assert facets(narrowed, "age") == {"1 bis 7 Tage": 2, "Über 90 Tage": 12}
    assert "Alter 1 bis 7 Tage" in texts(narrowed)
    assert "2 Befunde" in texts(narrowed)
    assert linked(settled(browser.http, "/findings?age_not=over_90d"), "/findings") == young
    refused = browser.http.get("/findings?age=old")
    assert (refused.status_code, "invalid_age_filter" in refused.text) == (422, True)


def test_money_is_a_facet_only_where_some_finding_has_an_amount(mine: Site) -> None:
    http = mine.browser().http
    assert "Savings a month" not in settled(http, "/findings").text
    dear = add_findings(mine, 1, savings=make_savings(12_345))
    other = mine.browser(Role.VIEWER).http  # of whom nothing was counted a moment ago
    page = settled(other, "/findings")
    assert facets(page, "savings") == {"100 to 1000": 1}
    assert linked(settled(other, "/findings?savings=100_to_1000"), "/findings") == dear


def test_findings_grouped_by_resource_lead_to_it_and_to_its_findings(mine: Site) -> None:
    known = make_resource(name=HOSTILE)
    add_resources(mine.services.database, mine.tenant_id, known)
    add_findings(mine, 2, resource_id=known.id, severity=Severity.CRITICAL)
    page = mine.browser().http.get("/findings?group=resource&severity=critical")
    with mine.http() as http:
        query = "group_by=resource,severity&severity=critical&top=200"
        summary = http.get(f"/v1/findings/summary?{query}").json()
    assert summary["groups"][0]["resource"] == known.id
    assert [each["id"] for each in summary["resources"]] == [known.id]
    assert f'href="/resources/{known.id}"' in page.text
    assert f"resource={known.id}" in page.text
    assert HOSTILE[:20] in texts(page)
    assert "<script>alert" not in page.text


def test_a_facet_counts_with_every_filter_but_its_own(mine: Site) -> None:
    page = settled(mine.browser().http, "/findings?severity=critical")
    with mine.http() as http:
        groups = http.get("/v1/findings/summary?group_by=severity").json()["groups"]
    shown = {group["severity"].capitalize(): group["count"] for group in groups}
    assert facets(page, "severity") == shown
    assert len(shown) == 5


def test_pages_go_on_by_cursor_to_the_last(mine: Site) -> None:
    http, seen, address = mine.browser().http, [], "/findings?limit=5"
    while address:
        page = http.get(address)
        seen += linked(page, "/findings")
        found = re.search(r'rel="next" id="next" href="([^"]+)"', page.text)
        address = found[1].replace("&amp;", "&") if found else ""
    with mine.http() as api:
        listed = api.get("/v1/findings?limit=200").json()["data"]
    assert seen == [each["id"] for each in listed]


def test_a_filter_that_is_refused_is_said_and_the_rest_is_shown(mine: Site) -> None:
    page = mine.browser().http.get("/findings?severity=urgent")
    assert page.status_code == 422
    assert "severity must be one of" in page.text
    assert "invalid_severity_filter" in page.text
    assert len(linked(page, "/findings")) == 12


def test_an_address_of_too_many_parameters_is_refused_with_what_to_do(mine: Site) -> None:
    http = mine.browser().http
    for path in ("/findings", "/overview", "/findings/export"):
        page = http.get(f"{path}?" + "&".join(f"severity={n}" for n in range(201)))
        assert (page.status_code, "take some out" in page.text) == (422, True)


def test_grouped_findings_lead_to_those_of_the_group(mine: Site) -> None:
    page = mine.browser().http.get("/findings?group=account&severity=critical")
    assert 'href="/findings?account=123456789012&amp;severity=critical"' in page.text or (
        'href="/findings?severity=critical&amp;account=123456789012"' in page.text
    )
    with mine.http() as http:
        summary = http.get("/v1/findings/summary?group_by=account&severity=critical").json()
    assert f"123456789012 {summary['total']}" in texts(page)


def test_the_ticked_are_decided_about_and_no_other(mine: Site) -> None:
    browser = mine.browser()
    page = browser.http.get("/findings?sort=-severity")
    ticked = linked(page, "/findings")[:3]
    form = {
        "csrf": re.findall(r'name="csrf" value="([^"]+)"', page.text)[-1],
        "finding": ticked,
        "state": "accepted_risk",
        "assignee": "Ana",
        "note": "until the move",
        "until": "2031-01-31",
    }
    answer = browser.http.post("/findings?sort=-severity", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/findings?sort=-severity")
    with mine.http() as http:
        listed = http.get("/v1/findings?limit=200").json()["data"]
    decided = {each["id"]: each["triage"] for each in listed if each["triage"]}
    assert set(decided) == set(ticked)
    for triage in decided.values():
        assert triage["state"] == "accepted_risk"
        assert (triage["assignee"], triage["note"]) == ("Ana", "until the move")
        assert triage["expires_at"] == "2031-01-31T23:59:59.000Z"
    shown = texts(settled(browser.http, "/findings?triage=accepted_risk"))
    assert "3 findings" in shown
    assert "Accepted risk, Ana" in shown


def test_all_that_match_are_decided_about_at_once_when_their_number_is_as_shown(mine: Site) -> None:
    add_findings(mine, 520, severity=Severity.MEDIUM, title="Door of the cellar")
    browser, path = mine.browser(), "/findings?search=cellar"
    page = settled(browser.http, path)
    shown = re.search(r'name="all" value="(\d+)"', page.text)
    assert shown is not None
    assert shown[1] == "520"
    token = re.findall(r'name="csrf" value="([^"]+)"', page.text)[-1]
    form = {"csrf": token, "state": "acknowledged", "all": "519"}
    moved = browser.http.post(path, data=form)
    assert moved.status_code == 409
    assert "count_mismatch" in moved.text
    assert browser.http.post(path, data={**form, "all": "520"}).status_code == 303
    with mine.http() as http:
        decided = http.get("/v1/findings/summary?triage=acknowledged&group_by=severity").json()
    assert (decided["total"], decided["complete"]) == (520, True)


def test_a_decision_that_is_refused_is_said_on_the_page(mine: Site) -> None:
    browser = mine.browser()
    page = browser.http.get("/findings")
    token = re.findall(r'name="csrf" value="([^"]+)"', page.text)[-1]
    nothing = browser.http.post("/findings", data={"csrf": token, "state": "acknowledged"})
    assert nothing.status_code == 422
    assert "finding is required" in nothing.text
    form = {"csrf": token, "state": "accepted_risk", "until": "tomorrow"}
    day = browser.http.post("/findings", data={**form, "finding": linked(page, "/findings")[0]})
    assert day.status_code == 422
    assert "expires_at must be" in day.text


def test_a_viewer_sees_findings_and_decides_nothing(mine: Site) -> None:
    browser = mine.browser(Role.VIEWER)
    page = browser.http.get("/findings")
    assert len(linked(page, "/findings")) == 12
    assert 'name="finding"' not in page.text
    one = browser.http.get(f"/findings/{linked(page, '/findings')[0]}")
    assert one.status_code == 200
    assert 'name="state"' not in one.text
    assert "/proof" not in one.text
    admins = mine.browser().http.get("/findings")
    token = re.findall(r'name="csrf" value="([^"]+)"', admins.text)[-1]
    ident = linked(page, "/findings")[0]
    form = {"csrf": token, "finding": ident, "state": "acknowledged"}
    assert browser.http.post("/findings", data=form).status_code == 403


def test_a_foreign_finding_is_a_page_that_is_not_there(site: Site, mine: Site) -> None:
    ident = linked(mine.browser().http.get("/findings"), "/findings")[0]
    other = site.tenant("Other").browser()
    foreign = other.http.get(f"/findings/{ident}")
    never = other.http.get("/findings/fnd_01JD0000000000000000000000")
    assert (foreign.status_code, never.status_code) == (404, 404)
    assert "finding_not_found" in foreign.text
    assert "Group" not in foreign.text


def test_a_finding_is_shown_with_all_that_the_api_says_of_it(mine: Site) -> None:
    ident = add_findings(mine, 1, status=FindingStatus.OPEN)[0]
    page = mine.browser().http.get(f"/findings/{ident}")
    with mine.http() as http:
        finding = http.get(f"/v1/findings/{ident}").json()
    shown = texts(page)
    for text in (
        finding["title"],
        finding["resource"]["type"],
        finding["resource"]["account"],
        finding["policy"]["key"],
        finding["evidence"][0]["path"],
    ):
        assert text in shown
    assert f'href="{html.escape(finding["console"]["resource"])}"' in page.text
    assert finding["console"]["resource"].startswith(
        "https://eu-west-1.console.aws.amazon.com/ec2/"
    )
    assert f"/v1/findings/{ident}" in page.text
    assert f"cloudsealed api GET /v1/findings/{ident}" in shown


def test_one_decision_is_made_changed_and_taken_back_on_its_page(mine: Site) -> None:
    ident = add_findings(mine, 1)[0]
    browser, path = mine.browser(), f"/findings/{ident}"
    for state in ("in_progress", "false_positive", "clear"):
        page = browser.http.get(path)
        token = re.findall(r'name="csrf" value="([^"]+)"', page.text)[-1]
        answer = browser.http.post(path, data={"csrf": token, "state": state, "note": "so"})
        assert (answer.status_code, answer.headers["location"]) == (303, path)
    shown = texts(browser.http.get(path))
    assert "Decision taken back" in shown
    assert shown.index("Decision taken back") < shown.index("False positive ·")
    with mine.http() as http:
        assert http.get(f"/v1{path}").json()["triage"] is None


def test_hostile_names_are_text_wherever_they_are_shown(mine: Site) -> None:
    long = HOSTILE + "x" * 10_000
    ident = add_findings(mine, 1, title=long)[0]
    browser = mine.browser()
    with mine.http() as http:
        note = {"state": "acknowledged", "note": HOSTILE, "assignee": HOSTILE}
        assert http.patch(f"/v1/findings/{ident}", json={"triage": note}).status_code == 200
    for path in ("/findings", f"/findings/{ident}", "/overview", "/findings?search=<b>"):
        page = browser.http.get(path)
        assert page.status_code == 200, page.text
        assert "<script>alert" not in page.text
        assert "49" not in re.findall(r"\{\{.*?\}\}|\b49\b", texts(page))
        assert "x" * 3_000 not in page.text


def test_an_export_is_the_apis_own_file(mine: Site) -> None:
    query = "format=csv&severity=critical"
    ours = mine.browser().http.get(f"/findings/export?{query}")
    with mine.http() as http:
        theirs = http.get(f"/v1/findings/export?{query}")
    assert ours.content == theirs.content
    assert ours.headers["content-disposition"] == theirs.headers["content-disposition"]


def test_a_visitor_who_is_not_logged_in_is_led_to_the_login_and_back(site: Site) -> None:
    for path in ("/findings?severity=critical", "/overview", "/findings/export?format=csv"):
        answer = site.browser(None).http.get(path)
        assert answer.status_code == 303
        assert parse_qs(answer.headers["location"].partition("?")[2])["next"] == [path]
    page = site.browser(None).http.get("/", headers={"Accept": "text/html"})
    assert page.headers["location"].endswith("/overview")


@pytest.mark.parametrize("path", ["/findings?severity=critical", "/findings/{id}", "/overview"])
def test_a_page_asks_the_database_few_things(mine: Site, statements: list[str], path: str) -> None:
    ident = add_findings(mine, 1)[0]
    http = mine.browser().http
    settled(http, path.format(id=ident))
    looks = []
    for _ in range(5):  # what is counted beside the page is counted anew now and then
        statements.clear()
        assert http.get(path.format(id=ident)).status_code == 200
        looks.append(list(statements))
    asked = min(looks, key=len)
    assert len(asked) <= 12, asked


def test_a_facet_that_was_counted_in_part_says_so_and_the_total_is_whole(
    mine: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (keyset, finding_store):
        monkeypatch.setattr(module, "SCAN_ROWS", 5)
    page = settled(mine.browser().http, "/findings")
    assert "12 findings" in texts(page)
    assert "or more" not in texts(page)
    assert re.search(r"<summary>Age <span[^>]*>at least</span>", page.text)
    assert "<summary>Region</summary>" in page.text
