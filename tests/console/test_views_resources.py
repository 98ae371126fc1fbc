"""The pages of resources: what they show is what the API answers, to whom it answers."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
from tests.audits import world
from tests.auth.oauth.party import Site, serving
from tests.console.estate import HOSTILE, facets, linked, settled, texts
from tests.contract.conftest import POLICY
from tests.contract.conftest import statements as statements
from tests.resources.test_seen_store import audited

from cloudsealed.auth.model import Scope
from cloudsealed.resources.model import Resource
from cloudsealed.storage import objects
from cloudsealed.testing.factories import add_findings, add_resources, make_finding, make_resource
from cloudsealed.vocabulary import ResourceState, Role, Severity

QUERIES = (
    "",
    "service=sqs",
    "type=aws.ec2.instance&type=aws.sqs.queue",
    "state=deleted",
    "state_not=deleted&region=eu-west-1",
    "search=WEB",
    "owner=ann",
    "tag_key=env",
    "tag=env%3Dprod",
    "limit=2",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("resources")) as running:
        yield running


def stored(site: Site, document: Any) -> str:
    data = orjson.dumps({"document": document})
    with site.services.database.write() as connection:
        return objects.put(connection, site.tenant_id, data, "2026-01")


DOCUMENT = {"GroupId": "sg-1", "Rules": [{"Ports": {"From": 22}}, {"Who": HOSTILE}]}


@pytest.fixture(scope="module")
def made(site: Site) -> list[Resource]:
    """The resources of a tenant: a group, two that refer to it, one that is gone."""
    group = make_resource(
        type="aws.ec2.security_group",
        name="web",
        native_id="arn:aws:ec2:eu-west-1:123456789012:security-group/sg-1",
        tags={"env": "prod", "owner": "ann"},
        relations={"vpc": ["vpc-9"]},
        snapshot=stored(site, DOCUMENT),
    )
    instance = make_resource(
        type="aws.ec2.instance", name="Web 1", relations={"security_groups": ["sg-1"]}
    )
    hostile = make_resource(
        type="aws.ec2.instance",
        name=HOSTILE + "x" * 1_000,
        tags={HOSTILE: HOSTILE, "env": "test"},
        relations={"security_groups": ["sg-1"]},
    )
    gone = make_resource(state=ResourceState.DELETED, region="us-east-1", name=None)
    found = [group, instance, hostile, gone]
    add_resources(site.services.database, site.tenant_id, *found)
    with site.http() as http:
        policy = http.post("/v1/policies", json=POLICY).json()["id"]
    findings = [
        make_finding(policy_id=policy, resource_id=group.id, severity=severity)
        for severity in (Severity.LOW, Severity.CRITICAL, Severity.LOW)
    ]
    add_findings(site.services.database, site.tenant_id, *findings)
    return found


@pytest.mark.parametrize("query", QUERIES)
def test_the_list_shows_what_the_api_lists_and_counts(
    site: Site, made: list[Resource], query: str
) -> None:
    page = settled(site.browser().http, f"/resources?{query}")
    assert page.status_code == 200, page.text
    filters = {name: held for name, held in parse_qs(query).items() if name != "limit"}
    with site.http() as http:
        listed = http.get(f"/v1/resources?{query}").json()["data"]
        asked = {"group_by": "region", **filters}
        summary = http.get("/v1/resources/summary", params=asked).json()
    assert linked(page, "/resources") == [each["id"] for each in listed]
    assert f"{summary['total']} resource" in texts(page)
    if "region" not in filters:
        assert facets(page, "region") == {g["region"]: g["count"] for g in summary["groups"]}


def test_a_facet_counts_with_every_filter_but_its_own(site: Site, made: list[Resource]) -> None:
    page = settled(site.browser().http, "/resources?state=deleted&type=aws.sqs.queue")
    assert facets(page, "state") == {"deleted": 1}
    assert facets(page, "type") == {"aws.sqs.queue": 1}
    page = settled(site.browser().http, "/resources?state=deleted")
    assert facets(page, "state") == {"present": 3, "deleted": 1}
    assert facets(page, "service") == {"sqs": 1}


def test_values_of_tags_are_told_of_the_chosen_key(site: Site, made: list[Resource]) -> None:
    http = site.browser().http
    assert set(facets(settled(http, "/resources"), "tag_key")) == {"env", "owner", HOSTILE}
    assert facets(settled(http, "/resources"), "tag") == {}
    for query in ("tag_key=env", "tag=env%3Dprod"):
        found = facets(settled(http, f"/resources?{query}"), "tag")
        assert found == {"env=prod": 1, "env=test": 1}, query


def test_rows_say_what_is_open_of_each_severity(site: Site, made: list[Resource]) -> None:
    page = site.browser().http.get("/resources?search=sg-1")
    said = texts(page)
    assert "1 Critical 2 Low" in said
    address = re.search(r'href="(/findings\?resource=[^"]*severity=low)"', page.text)
    assert address is not None
    shown = site.browser().http.get(html.unescape(address[1]))
    assert len(linked(shown, "/findings")) == 2


def test_pages_go_on_by_cursor_to_the_last(site: Site, made: list[Resource]) -> None:
    http, seen, address = site.browser().http, list[str](), "/resources?limit=3"
    while address:
        page = http.get(address)
        seen += linked(page, "/resources")
        found = re.search(r'rel="next" id="next" href="([^"]+)"', page.text)
        address = html.unescape(found[1]) if found else ""
    assert sorted(seen) == sorted(each.id for each in made)


def test_what_there_is_none_of_says_what_to_do(site: Site) -> None:
    http = site.tenant("Empty").browser().http
    assert "connect an account and start one" in texts(http.get("/resources"))
    assert "Take a filter out" in texts(http.get("/resources?owner=nobody"))
    refused = http.get("/resources?state=lost")
    assert refused.status_code == 422
    assert "invalid_state_filter" in refused.text


def test_a_resource_shows_its_tags_findings_and_relations_in_both_directions(
    site: Site, made: list[Resource]
) -> None:
    page = site.browser().http.get(f"/resources/{made[0].id}")
    said = texts(page)
    assert linked(page, "/resources")[0:1] == [made[0].id]
    assert {each.id for each in made[:3]} == set(linked(page, "/resources"))
    assert said.index("Critical") < said.index("Low")
    assert 'href="/resources?tag=env%3Dprod"' in page.text
    graph = page.text[page.text.index('<svg class="graph"') :].partition("</svg>")[0]
    assert graph.count("<a ") == 2
    assert 'class="node lost"' in graph  # the network that no audit saw
    table = page.text[page.text.index("As a table") :].partition("</table>")[0]
    assert table.count("<tr>") == 4
    assert "(no audit saw it)" in table


def test_a_document_is_searched_without_a_script(site: Site, made: list[Resource]) -> None:
    page = site.browser().http.get(f"/resources/{made[0].id}?find=FROM")
    assert "1 found" in texts(page)
    found = re.search(r'<li class=" found">\s*<span class="key">From</span>', page.text)
    assert found is not None
    before = page.text[: found.start()]
    opened = before[before.index('<div class="document">') :]
    assert opened.count("<details open>") == 3
    assert opened.count("<details>") == 0


def test_a_viewer_sees_it_and_who_lacks_a_right_gets_no_link(
    site: Site, made: list[Resource]
) -> None:
    page = site.browser(Role.VIEWER).http.get(f"/resources/{made[0].id}")
    assert page.status_code == 200
    assert len(linked(page, "/findings")) == 3
    assert Scope.RESOURCES_READ.value not in page.text


def test_a_foreign_resource_is_a_page_that_is_not_there(site: Site, made: list[Resource]) -> None:
    other = site.tenant("Other").browser().http
    for path in (f"/resources/{made[0].id}", f"/resources/{made[0].id}/history"):
        foreign = other.get(path)
        assert foreign.status_code == 404
        assert "resource_not_found" in foreign.text
        assert "web" not in texts(foreign)


def test_hostile_names_are_text_wherever_they_are_shown(site: Site, made: list[Resource]) -> None:
    http = site.browser().http
    for path in (
        "/resources",
        "/resources?tag_key=env",
        f"/resources?tag_value={HOSTILE[:8]}",
        f"/resources/{made[0].id}",
        f"/resources/{made[2].id}",
        f"/resources/{made[0].id}?find=<script>",
        f"/resources/{made[2].id}/history",
        "/search?q=alert",
    ):
        page = settled(http, path)
        assert page.status_code == 200, page.text
        assert "<script>alert" not in page.text
        assert "x" * 900 not in page.text


def test_a_finding_leads_to_its_resource(site: Site, made: list[Resource]) -> None:
    http = site.browser().http
    finding = linked(http.get(f"/resources/{made[0].id}"), "/findings")[0]
    assert made[0].id in linked(http.get(f"/findings/{finding}"), "/resources")


def test_history_shows_each_version_and_compares_any_two(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = site.tenant("Past")
    monkeypatch.setattr(world, "TENANT", mine.tenant_id)
    cloud = world.Cloud(world.Clock())
    for attributes in ({"Delay": "0"}, {"Delay": "5", "New": "<b>"}, {"Delay": "9"}):
        cloud.queues = {"orders": attributes}
        audited(site.services.database, cloud)
    http = mine.browser().http
    ident = linked(http.get("/resources"), "/resources")[0]
    path = f"/resources/{ident}/history"
    page = http.get(path)
    said = texts(page)
    assert said.count("/document/Attributes/Delay") == 2
    assert 'Before: "5" After: "9"' in said
    assert 'After: "<b>"' in said
    assert "<b>" not in page.text
    audits = re.findall(r'<option value="(aud_[0-9A-Z]+)"', page.text)[:3]
    compared = texts(http.get(f"{path}?from={audits[2]}&to={audits[0]}"))
    with mine.http() as api:
        same = api.get(f"/v1/resources/{ident}/comparison?from={audits[2]}&to={audits[0]}").json()
    assert [each["path"] for each in same["changes"]] == ["/document/Attributes/Delay"]
    assert 'Before: "0" After: "9"' in compared
    never = http.get(f"{path}?from=aud_01JD0000000000000000000000&to={audits[0]}")
    assert never.status_code == 200
    assert "No such resource" in texts(never)


def test_a_resource_asks_the_database_few_things(
    site: Site, made: list[Resource], statements: list[str]
) -> None:
    """What is kept of policies for a moment, and what runs beside the requests, is not counted."""
    http, own = site.browser().http, re.compile(r"FROM (sessions|users|resource|objects|findings)")
    for path in ("/resources?state=present", f"/resources/{made[0].id}"):
        settled(http, path)
        statements.clear()
        assert http.get(path).status_code == 200
        asked = [each for each in statements if own.search(each)]
        assert len(asked) <= 12, (path, asked)
