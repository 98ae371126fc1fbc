"""The pages of policies: what they show is the API's answer, what they do the API may refuse."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from tests.auth.oauth.party import Browser, Site, serving
from tests.console.audited import audited
from tests.console.estate import HOSTILE, add_findings, facets, linked, settled, texts
from tests.console.test_account import form_of
from tests.console.test_pages import refused
from tests.waiting import until

from cloudsealed import working
from cloudsealed.console.drafts import Draft
from cloudsealed.findings.model import ResourceRef
from cloudsealed.kit.ids import new_id
from cloudsealed.vocabulary import Role

TEXT = """\
key: queues-are-named
title: Queue is called bad
dimension: security
severity: high
resource_types: [aws.sqs.queue]
fail_when: resource.QueueName == 'bad'
message: Queue {resource.QueueName} is called so
examples:
  fail:
    - {resource: {QueueName: bad}}
"""
CLASSIFICATION = {
    "kind": "classification",
    "key": "prod",
    "title": "Prod",
    "when": "tag(resource, 'env') == 'prod'",
    "set": {"severity": "critical"},
    "reason": "agreed",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("policies")) as running:
        yield running


@pytest.fixture(scope="module")
def shipped(site: Site) -> Site:
    """A tenant that has the policies that ship, and a classification."""
    own = site.tenant("Shipped")
    site.services.policies.synchronize(tenant=own.tenant_id)
    with own.http() as http:
        assert http.post("/v1/policies", json=CLASSIFICATION).status_code == 201
    return own


def send(browser: Browser, page: httpx.Response, path: str, **fields: Any) -> httpx.Response:
    """Send the form of a page that has the buttons."""
    held = form_of(page, 'name="do"')
    return browser.http.post(
        path,
        content=urlencode({**held, **fields}, doseq=True),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )


def problems(page: httpx.Response) -> list[tuple[int, int]]:
    """Return the line and column of each fault that a page tells."""
    found = re.findall(r'data-line="(\d+)" data-column="(\d+)"', page.text)
    return [(int(line), int(column)) for line, column in found]


def text_in(page: httpx.Response) -> str:
    """Return what the editor of a page holds."""
    found = re.search(r"<textarea id=\"text\"[^>]*>\n(.*?)</textarea>", page.text, re.DOTALL)
    assert found is not None, page.text
    return html.unescape(found[1])


def worked(site: Site, kind: str) -> None:
    """Do every job of a kind that waits."""
    worker = working.worker(site.services)
    while worker.run_once(kind):
        pass


@pytest.mark.parametrize(
    "query", ["", "service=s3", "kind=classification", "search=TLS", "limit=5", "sort=-severity"]
)
def test_the_catalogue_shows_what_the_api_lists_and_counts(shipped: Site, query: str) -> None:
    page = settled(shipped.browser().http, f"/policies?{query}")
    filters = {n: v for n, v in parse_qsl(query) if n not in ("limit", "sort")}
    with shipped.http() as http:
        asked = {"limit": "200", "sort": "-source", **dict(parse_qsl(query))}
        listed = http.get("/v1/policies", params=asked).json()["data"]
        counted = http.get("/v1/policies/summary", params={**filters, "group_by": "severity"})
        by_type = http.get("/v1/policies/summary", params={**filters, "group_by": "resource_type"})
    assert linked(page, "/policies") == [each["id"] for each in listed]
    assert f"{counted.json()['total']:,} polic" in texts(page)
    shown = {g["resource_type"]: g["count"] for g in by_type.json()["groups"] if g["resource_type"]}
    assert facets(page, "resource_type").items() <= shown.items()
    assert facets(page, "resource_type") or not shown


def test_a_policys_page_says_what_it_means_and_what_it_found(shipped: Site) -> None:
    browser, key = shipped.browser(), "aws-s3-bucket-public-read"
    with shipped.http() as http:
        policy = http.get(f"/v1/policies/{key}").json()
        example = http.get(f"/v1/policies/{key}/examples").json()["fail"][0]
    page = browser.http.get(f"/policies/{key}")
    said = texts(page)
    for text in (policy["title"], policy["description"], policy["remediation"]["summary"]):
        assert text in said
    assert " ".join(policy["fail_when"].split()) in said
    assert str(example["resource"]["Name"]) in said
    assert "Make one like it" in said
    copied = browser.http.get(f"/policies/new?like={key}")
    assert text_in(copied).startswith(f"key: own-{key}\n")
    foreign = httpx.get(f"{shipped.url}/policies/nobody", cookies=browser.http.cookies)
    refused(foreign, "policy_not_found", 404)


def test_a_policy_of_another_tenant_is_not_there(site: Site, shipped: Site) -> None:
    with shipped.http() as http:
        ident = http.get("/v1/policies?source=custom").json()["data"][0]["id"]
    browser = site.tenant("Other").browser()
    for path in (f"/policies/{ident}", f"/policies/{ident}/edit", f"/policies/{ident}/simulate"):
        refused(browser.http.get(path), "policy_not_found", 404)


def test_who_may_only_read_has_no_button_and_is_refused(shipped: Site) -> None:
    viewer = shipped.browser(Role.VIEWER)
    key = "aws-s3-bucket-public-read"
    page = viewer.http.get(f"/policies/{key}")
    assert "<h1>" in page.text
    for path in (f"/policies/{key}", "/policies", "/policies/new", "/policies/what-counts"):
        found = viewer.http.get(path)
        assert found.status_code == 200
        for name in ("enable", "disable", "store", "activate", "preview", "params"):
            assert f'value="{name}"' not in found.text
    offered = viewer.http.get(f"/policies/{key}/simulate").text
    assert 'class="primary"' not in offered
    editor = viewer.http.get("/policies/new")
    held = form_of(editor, 'name="do"')
    stored = viewer.http.post("/policies/new", data={**held, "text": TEXT, "do": "store"})
    refused(stored, "insufficient_scope", 403)
    checked = viewer.http.post("/policies/new", data={**held, "text": TEXT, "do": "check"})
    assert "This can be stored" in checked.text


def test_a_policy_is_written_refused_mended_stored_changed_and_deleted(site: Site) -> None:
    own = site.tenant("Writes")
    browser = own.browser()
    new = browser.http.get("/policies/new")
    broken = TEXT.replace("fail_when: resource.QueueName", "fail_when: resource.QueName")
    told = send(browser, new, "/policies/new", text=broken, do="check")
    assert problems(told) == [(6, 21)]
    assert text_in(told) == broken
    wrong = TEXT.replace("QueueName: bad", "QueueName: good")
    assert problems(send(browser, new, "/policies/new", text=wrong, do="check")) == [(10, 7)]
    refusal = send(browser, new, "/policies/new", text=broken, do="store")
    assert (refusal.status_code, problems(refusal)) == (422, [(6, 21)])
    assert problems(send(browser, new, "/policies/new", text="a: [", do="store"))
    made = send(browser, new, "/policies/new", text=TEXT, do="store")
    assert made.status_code == 303, made.text
    path = made.headers["location"]
    with own.http() as http:
        assert http.get(f"/v1{path}").json()["enabled"] is False
        assert send(browser, browser.http.get(path), path, do="enable").status_code == 303
        assert http.get(f"/v1{path}").json()["enabled"] is True
        edited = browser.http.get(f"{path}/edit")
        changed = text_in(edited).replace("severity: high", "severity: low")
        stored = send(browser, edited, f"{path}/edit", text=changed, do="store")
        assert (stored.status_code, stored.headers["location"]) == (303, path)
        policy = http.get(f"/v1{path}").json()
        assert (policy["severity"], policy["version"], policy["enabled"]) == ("low", 2, True)
    stale = send(browser, edited, f"{path}/edit", text=changed, do="store")
    assert stale.status_code == 412
    assert text_in(stale) == changed
    one = browser.http.get(path)
    assert "<del>severity: high</del><ins>severity: low</ins>" in one.text
    assert send(browser, one, path, do="delete").headers["location"] == "/policies"
    assert browser.http.get(path).status_code == 404


def test_the_script_is_told_the_same_as_the_button_but_for_examples(site: Site) -> None:
    browser = site.tenant("Script").browser()
    new = browser.http.get("/policies/new")
    token = re.search(r'data-token="([^"]+)"', new.text)
    assert token is not None
    for text, expected in (
        (TEXT.replace("severity: high", "severity: x"), [(4, 11)]),
        (TEXT.replace("QueueName: bad", "QueueName: good"), []),
    ):
        body = {"csrf": token[1], "text": text}
        answer = browser.http.post("/policies/check", data=body)
        assert problems(answer) == expected
        assert "<html" not in answer.text
    refused(browser.http.post("/policies/check", data={"text": TEXT}), "csrf_failed", 403)


def test_params_are_set_each_as_what_it_was(shipped: Site) -> None:
    browser, key = shipped.browser(), "aws-s3-bucket-public-read"
    path = f"/policies/{key}"
    with shipped.http() as http:
        params = http.get(f"/v1{path}").json()["params"]
        page = browser.http.get(path)
        held = dict(re.findall(r'name="(param:[^"]+)"[^>]*value="([^"]*)"', page.text))
        assert sorted(held) == sorted(f"param:{name}" for name in params)
        fields = {name: html.unescape(value) for name, value in held.items()}
        fields["param:actions"] = '["s3:GetObject"]'
        assert send(browser, page, path, do="params", **fields).status_code == 303
        changed = http.get(f"/v1{path}").json()["params"]
        assert changed == {**params, "actions": ["s3:GetObject"]}
        bad = send(browser, page, path, do="params", **{**fields, "param:actions": "[oops"})
        assert bad.status_code == 422
        assert "[oops" in bad.text


def test_a_draft_is_explained_on_a_resource_and_simulated_on_an_audit(site: Site) -> None:
    own = audited(site).site
    browser = own.browser()
    new = browser.http.get("/policies/new")
    checked = send(browser, new, "/policies/new", text=TEXT, do="check")
    assert "What can be read of it" in checked.text
    resource = re.search(r'<option value="(res_\w+)">bad', checked.text)
    assert resource is not None, checked.text
    fields = {"text": TEXT, "do": "explain", "resource": resource[1]}
    told = texts(send(browser, checked, "/policies/new", **fields))
    assert "Fail · Queue bad is called so" in told
    assert 'resource.QueueName → "bad"' in told
    with own.http() as http:

        def read() -> list[Any]:
            listed = http.get("/v1/events?type=evidence.read").json()["data"]
            return [each["data"]["query"] for each in listed]

        until(read, "that evidence was read is told")
        assert read() == [{"resource_id": [resource[1]]}]
    begun = send(browser, checked, "/policies/new", text=TEXT, do="simulate")
    assert begun.status_code == 303, begun.text
    worked(site, "simulation")
    page = texts(browser.http.get(begun.headers["location"]))
    assert "would open 1 would close 0 would change 0" in page
    assert "Queue bad is called so" in page
    fields["text"] = TEXT.replace("aws.sqs.queue", "aws.sns.topic").replace("QueueName", "TopicArn")
    assert "must be of a type that the policy judges" in texts(
        send(browser, checked, "/policies/new", **fields)
    )


CHECK = {
    "key": "queues",
    "title": "Queues",
    "dimension": "security",
    "severity": "high",
    "resource_types": ["aws.sqs.queue"],
    "fail_when": "false",
}


def test_what_counts_is_said_previewed_and_saved_without_a_word_of_cel(site: Site) -> None:
    own = site.tenant("Counts")
    add_findings(own, 3)
    browser, path = own.browser(), "/policies/what-counts"
    page = browser.http.get(path)
    assert 'value="groups-are-closed"' in page.text
    form = {
        "account": ["123456789012"],
        "dimension": ["security", "cost"],
        "effect": "critical",
        "title": "Ours first",
        "reason": "agreed",
    }
    nothing = send(browser, page, path, title="x", reason="y", effect="low", do="preview")
    assert nothing.status_code == 422
    assert "at least one condition" in nothing.text
    preview = send(browser, page, path, **form, do="preview")
    assert preview.status_code == 303, preview.text
    waiting = browser.http.get(preview.headers["location"])
    assert "data-pending" in waiting.text
    worked(site, "simulation")
    shown = browser.http.get(preview.headers["location"])
    expected = "finding.account == '123456789012' && finding.dimension in ['security', 'cost']"
    assert expected in texts(shown)
    assert 'value="Ours first"' in shown.text
    with own.http() as http:
        ident = re.search(r"simulation=(sim_\w+)", preview.headers["location"])
        assert ident is not None
        [result] = http.get(f"/v1/simulations/{ident[1]}").json()["results"]
        assert f"would change {result['would_change']}" in texts(shown)
        assert http.get("/v1/policies?kind=classification").json()["data"] == []
        saved = send(browser, shown, path, **form, do="store")
        assert saved.status_code == 303
        made = http.get(f"/v1{saved.headers['location']}").json()
    assert (made["key"], made["when"], made["set"]) == (
        "ours-first",
        expected,
        {"severity": "critical"},
    )
    wordy = {**form, "reason": "\u4e00" * 900}
    long = send(browser, shown, path, **wordy, do="preview").headers["location"]
    assert browser.http.get(long).status_code == 200
    again = send(browser, shown, path, **form, do="store")
    assert again.status_code == 409
    assert "Ours first" in texts(browser.http.get(path))


def test_a_simulation_shows_what_the_api_found_and_activates_what_was_tried(site: Site) -> None:
    own = site.tenant("Simulates")
    add_findings(own, 2)
    browser = own.browser()
    with own.http() as http:
        made = http.post("/v1/policies", json={**CLASSIFICATION, "enabled": False}).json()
    path = f"/policies/{made['id']}/simulate"
    begun = browser.submit(browser.http.get(path))
    assert begun.status_code == 303, begun.text
    place = begun.headers["location"]
    assert "It is being tried" in browser.http.get(place).text
    worked(site, "simulation")
    page = browser.http.get(place)
    assert "Nothing would change" in page.text
    assert "Activate" in page.text
    assert "Activate" not in own.browser(Role.VIEWER).http.get(place).text
    done = browser.submit(page)
    assert done.headers["location"] == f"/policies/{made['id']}"
    with own.http() as http:
        assert http.get(f"/v1/policies/{made['id']}").json()["enabled"] is True
    refused(site.browser().http.get(place), "simulation_not_found", 404)


def test_a_hostile_policy_is_only_text(site: Site) -> None:
    own = site.tenant("Hostile")
    body = {
        **CHECK,
        "title": HOSTILE,
        "description": HOSTILE,
        "message": "x",
        "fail_when": f"resource.QueueName == {_cel(HOSTILE)}",
        "remediation": {"summary": HOSTILE, "cli": HOSTILE, "caution": HOSTILE},
        "references": [HOSTILE],
        "params": {HOSTILE: HOSTILE},
        "examples": {"pass": [{"resource": {"QueueName": HOSTILE + "x"}}]},
        "controls": [{"framework": HOSTILE, "control": HOSTILE}],
    }
    with own.http() as http:
        made = http.post("/v1/policies", json=body)
        assert made.status_code == 201, made.text
        classified = {**CLASSIFICATION, "title": HOSTILE, "reason": HOSTILE}
        http.post("/v1/policies", json=classified)
    ident, browser = made.json()["id"], own.browser()
    for path in (f"/policies/{ident}", f"/policies/{ident}/edit", f"/policies/{ident}/simulate"):
        page = browser.http.get(path)
        assert page.status_code == 200, page.text
        assert "<script>alert" not in page.text
    assert HOSTILE in Draft(text_in(browser.http.get(f"/policies/{ident}/edit"))).body["title"]
    query = urlencode({"tag_key": HOSTILE, "tag_value": HOSTILE, "title": HOSTILE, "key": HOSTILE})
    for path in ("/policies", f"/policies/what-counts?{query}", f"/policies?{query}"):
        page = browser.http.get(path)
        assert page.status_code == 200, page.text
        assert "<script>alert" not in page.text


def _cel(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def test_a_type_tells_what_can_be_read_of_it(shipped: Site) -> None:
    browser = shipped.browser(Role.VIEWER)
    with shipped.http() as http:
        found = http.get("/v1/resource_types/aws.s3.bucket").json()
        listed = http.get("/v1/resource_types?limit=200").json()["data"]
    assert "aws.s3.bucket" in [each["type"] for each in listed]
    said = texts(browser.http.get("/policies/types/aws.s3.bucket"))
    for name, call in found["calls"].items():
        assert call in said, name
    assert browser.http.get("/policies/types/aws.s3.bucket/schema").json() == found
    refused(browser.http.get("/policies/types/nope"), "resource_type_not_found", 404)


def test_a_finding_leads_to_its_policy_and_to_what_counts(site: Site) -> None:
    own = site.tenant("Leads")
    place = ("aws.ec2.security_group", "arn:x", None, "aws", "123456789012", "eu-west-1")
    [ident] = add_findings(own, 1, resource=ResourceRef(new_id("res"), *place))
    browser, path = own.browser(), f"/findings/{ident}"
    page = browser.http.get(path)
    assert page.status_code == 200, page.text
    [policy] = linked(page, "/policies")
    assert "Groups are closed" in browser.http.get(f"/policies/{policy}").text
    query = "policy=groups-are-closed&amp;account=123456789012"
    assert f'href="/policies/what-counts?{query}"' in page.text
    form = browser.http.get(f"/policies/what-counts?{html.unescape(query)}").text
    assert re.search(r'value="groups-are-closed" checked', form)
    assert "finding.account == &#39;123456789012&#39;" in form
    assert "what-counts" not in own.browser(Role.VIEWER).http.get(path).text
