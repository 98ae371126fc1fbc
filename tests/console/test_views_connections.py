"""The pages of connections: a guide that ends in a test, or names what is missing."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import pytest
from tests.auth.oauth.party import Browser, Site, serving
from tests.console.estate import HOSTILE, block, insisted, linked, sent, texts

from cloudsealed.vocabulary import Role

ROLE = "arn:aws:iam::123456789012:role/audits/cloudsealed"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Whose process has no credentials of a cloud."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        with serving(tmp_path_factory.mktemp("connections")) as running:
            yield running


@pytest.fixture
def mine(site: Site) -> Site:
    return site.tenant("Mine")


def added(browser: Browser, **changes: str) -> str:
    fields = {"name": "production", "method": "assume_role", "role_arn": ROLE, **changes}
    answer = sent(browser, "/connections/new", **fields)
    assert answer.status_code == 303, texts(answer)
    return answer.headers["location"]


def api(site: Site, path: str) -> Any:
    with site.http() as http:
        answer = http.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_empty_list_leads_to_the_guide_and_a_full_one_shows_what_the_api_lists(
    mine: Site,
) -> None:
    browser = mine.browser()
    assert 'href="/connections/new"' in browser.http.get("/connections").text
    added(browser)
    added(browser, name="staging", regions="eu-west-1 us-east-1")
    page = browser.http.get("/connections")
    listed = api(mine, "/v1/connections")["data"]
    assert linked(page, "/connections") == [each["id"] for each in listed]
    assert "eu-west-1, us-east-1" in texts(page)
    found = browser.http.get("/connections?name=stag")
    assert len(linked(found, "/connections")) == 1
    assert "No connection matches" in texts(browser.http.get("/connections?name=zzz"))


def test_the_guide_has_what_the_role_needs_ready_to_copy(mine: Site) -> None:
    browser = mine.browser()
    path = added(browser)
    page = browser.http.get(path)
    setup, connection = api(mine, f"/v1{path}/setup"), api(mine, f"/v1{path}")
    assert block(page, "rights-json") == setup["permissions_policy"]
    assert "sqs:ListQueues" in setup["permissions_policy"]["Statement"][0]["Action"]
    assert setup["trust_policy"] is None
    assert connection["external_id"] in page.text
    assert "no AWS identity" in texts(page)


def test_a_test_says_on_the_page_why_a_connection_cannot_be_used(mine: Site) -> None:
    browser = mine.browser()
    path = added(browser)
    answer = sent(browser, path, do="test")
    assert answer.status_code == 200
    assert "Result of the test" in texts(answer)
    assert "<code>cloud_no_credentials</code>" in answer.text
    assert "Result of the test" not in texts(browser.http.get(path))
    with mine.http() as http:
        events = http.get("/v1/events?type=connection.tested").json()["data"]
    assert len(events) == 1


def test_what_is_refused_is_told_beside_what_was_typed(mine: Site) -> None:
    browser = mine.browser()
    answer = sent(browser, "/connections/new", name="x", role_arn="nonsense", regions="here")
    assert answer.status_code == 422
    assert "role_arn must be" in texts(answer)
    for typed in ("x", "nonsense", "here"):
        assert f'value="{typed}"' in answer.text
    ambient = sent(browser, "/connections/new", name="x", method="ambient")
    assert "ambient_credentials_not_allowed" in ambient.text
    added(browser)
    again = sent(browser, "/connections/new", name="production", role_arn=ROLE)
    assert (again.status_code, "name_already_exists" in again.text) == (409, True)
    assert sent(browser, "/connections/new", role_arn=ROLE).status_code == 422


def test_a_connection_is_deleted_by_its_button(mine: Site) -> None:
    browser = mine.browser()
    path = added(browser)
    assert sent(browser, path, do="delete").headers["location"] == "/connections"
    assert browser.http.get(path).status_code == 404
    assert api(mine, "/v1/connections")["data"] == []


def test_a_viewer_looks_and_does_nothing(mine: Site) -> None:
    path = added(mine.browser())
    browser = mine.browser(Role.VIEWER)
    page = browser.http.get(path)
    assert page.status_code == 200
    assert 'name="do"' not in page.text
    assert block(page, "rights-json")["Statement"]
    assert 'href="/connections/new"' not in browser.http.get("/connections").text
    assert "<input" not in browser.http.get("/connections/new").text.partition("<main")[2]
    for do in ("test", "delete"):
        refused = insisted(mine, browser, path, do=do)
        assert (refused.status_code, "insufficient_scope" in refused.text) == (403, True)
    assert api(mine, f"/v1{path}")["name"] == "production"


def test_a_foreign_connection_is_not_there(mine: Site) -> None:
    path = added(mine.browser())
    stranger = mine.tenant("Other").browser()
    assert stranger.http.get(path).status_code == 404
    for do in ("test", "delete"):
        assert insisted(mine, stranger, path, do=do).status_code == 404


def test_a_hostile_name_is_text(mine: Site) -> None:
    browser = mine.browser()
    name = HOSTILE[:100]
    path = added(browser, name=name)
    for shown in (path, "/connections", "/audits/new"):
        page = browser.http.get(shown)
        assert "<script>alert" not in page.text
        assert name in html.unescape(page.text)


def test_a_cluster_is_added_by_its_context_and_told_what_to_apply(site: Site) -> None:
    mine = site.tenant("Clusters")
    browser = mine.browser()
    form = browser.http.get("/connections/new?provider=kubernetes").text
    assert 'name="context"' in form
    assert 'name="role_arn"' not in form
    answer = sent(
        browser, "/connections/new", provider="kubernetes", name="east", context="production"
    )
    assert "ambient_credentials_not_allowed" in answer.text  # of several tenants
    other = sent(browser, "/connections/new", provider="nonsense", name="east", role_arn=ROLE)
    assert api(mine, f"/v1{other.headers['location']}")["provider"] == "aws"
