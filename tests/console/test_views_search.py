"""The search field: what it finds, where an exact id leads, and what it keeps from whom."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.auth.oauth.party import Site, serving
from tests.console.estate import add_findings, linked, texts

from cloudsealed.console.language import words_of
from cloudsealed.testing.factories import add_resources, make_resource
from cloudsealed.vocabulary import Role

NATIVE = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0abc123"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("search")) as running:
        yield running


@pytest.fixture(scope="module")
def resource(site: Site) -> str:
    found = make_resource(type="aws.ec2.instance", native_id=NATIVE, name="Shop front")
    others = [make_resource(name=f"Shop {number}") for number in range(12)]
    add_resources(site.services.database, site.tenant_id, found, *others)
    return found.id


@pytest.fixture(scope="module")
def finding(site: Site) -> str:
    return str(add_findings(site, 1)[0])


def test_the_field_is_on_every_page_and_keeps_what_was_typed(site: Site, resource: str) -> None:
    http = site.browser().http
    for path in ("/overview", "/findings", "/account", "/search"):
        page = http.get(path)
        assert page.status_code == 200, path
        header = page.text.partition("<main")[0]
        assert (
            '<form method="get" action="/search" role="search" aria-label="Everything">' in header
        )
        assert 'id="q"' in header
    assert 'value="Shop &#34;"' in http.get("/search", params={"q": 'Shop "'}).text


def test_an_exact_id_leads_straight_to_its_page(site: Site, resource: str, finding: str) -> None:
    with site.http() as http:
        policy = http.get("/v1/policies").json()["data"][0]
    expected = {
        resource: f"/resources/{resource}",
        f"  {resource.lower()} ": f"/resources/{resource}",
        NATIVE: f"/resources/{resource}",
        "i-0abc123": f"/resources/{resource}",
        finding: f"/findings/{finding}",
        policy["id"]: f"/policies/{policy['id']}",
        policy["key"]: f"/policies/{policy['id']}",
    }
    for sought, goal in expected.items():
        answer = site.browser().http.get("/search", params={"q": sought})
        assert (answer.status_code, answer.headers.get("location")) == (303, goal), sought


def test_an_id_of_nothing_or_of_another_tenant_finds_nothing(site: Site, resource: str) -> None:
    other = site.tenant("Other").browser().http
    for sought in (resource, NATIVE, "i-0abc123", "fnd_01JD0000000000000000000000"):
        page = other.get("/search", params={"q": sought})
        assert page.status_code == 200
        assert "Nothing is called that" in texts(page)
        assert linked(page, "/resources") == []


@pytest.mark.usefixtures("finding")
def test_results_are_grouped_and_lead_on_to_all(site: Site, resource: str) -> None:
    page = site.browser().http.get("/search", params={"q": "shop"})
    found = linked(page, "/resources")
    with site.http() as http:
        listed = http.get("/v1/resources?search=shop&limit=10").json()["data"]
    assert found == [each["id"] for each in listed]
    assert 'href="/resources?search=shop"' in page.text
    said = texts(site.browser().http.get("/search", params={"q": "groups"}))
    assert "Groups are closed" in said
    assert "Pages" not in texts(page).partition("Results for")[2]
    pages = site.browser().http.get("/search", params={"q": "find"})
    assert 'href="/findings?status=open' in pages.text.partition("<main")[2]


def test_pages_are_found_in_the_visitors_language(site: Site) -> None:
    http = site.browser().http
    said = words_of("de").t("Findings")
    answer = http.get("/search", params={"q": said.lower()}, headers={"Accept-Language": "de"})
    assert f">{said}</a>" in answer.text.partition("<main")[2]


def test_what_cannot_be_looked_for_is_said(site: Site) -> None:
    http = site.browser().http
    assert http.get("/search", params={"q": "a\x00b"}).status_code == 422
    assert http.get("/search", params={"q": "%_"}).status_code == 200
    assert http.get("/search").status_code == 200


def test_a_viewer_finds_what_a_viewer_may_see(site: Site, resource: str) -> None:
    answer = site.browser(Role.VIEWER).http.get("/search", params={"q": resource})
    assert answer.headers["location"] == f"/resources/{resource}"
    page = site.browser(Role.VIEWER).http.get("/search", params={"q": "apps"})
    assert 'href="/account/apps"' not in page.text
