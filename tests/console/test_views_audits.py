"""The pages of audits: what they show is what the API answers, and what one does there is done."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import null
from tests.audits.world import ACCOUNT
from tests.auth.oauth.party import Browser, Site, serving
from tests.console.audited import CONNECTION, KEY, Audited, audited
from tests.console.estate import HOSTILE, block, insisted, linked, sent, settled, texts
from tests.contract.conftest import statements as statements
from tests.contract.test_audit_events import Reader
from tests.waiting import SECONDS

from cloudsealed.vocabulary import AuditStatus, DeltaKind, Role

PARTS = ("", "/cells", "/coverage", "/calls", "/compare", "/seal", "/bundle", "/events")


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    with serving(tmp_path_factory.mktemp("audits")) as running:
        yield audited(running)


@pytest.fixture
def site(estate: Audited) -> Site:
    return estate.site


def api(site: Site, path: str, **query: Any) -> Any:
    with site.http() as http:
        answer = http.get(path, params=query or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    "query", ["", "status=completed", "status=failed", "kind=reanalysis", "limit=1"]
)
def test_the_list_shows_what_the_api_lists(site: Site, query: str) -> None:
    page = site.browser().http.get(f"/audits?{query}")
    assert page.status_code == 200, page.text
    listed = api(site, f"/v1/audits?{query}")
    assert linked(page, "/audits") == [each["id"] for each in listed["data"]]
    assert ('rel="next"' in page.text) == listed["has_more"]
    refused = site.browser().http.get("/audits?status=odd")
    assert (refused.status_code, "invalid_status_filter" in refused.text) == (422, True)


def test_a_new_tenant_is_led_to_a_connection_and_then_to_an_audit(site: Site) -> None:
    new = site.tenant("New")
    browser = new.browser()
    for path in ("/audits", "/overview", "/audits/new"):
        assert 'href="/connections/new"' in browser.http.get(path).text, path
        assert 'href="/connections/new"' not in new.browser(Role.VIEWER).http.get(path).text
    made = sent(browser, "/connections/new", name="a", role_arn=f"arn:aws:iam::{ACCOUNT}:role/a")
    assert made.status_code == 303
    for path in ("/audits", "/overview"):
        assert 'href="/audits/new"' in browser.http.get(path).text, path


def test_the_form_starts_an_audit_of_what_is_ticked_and_narrowed(site: Site) -> None:
    browser = site.browser()
    answer = sent(
        browser,
        "/audits/new",
        connection=CONNECTION,
        regions="eu-west-1, us-east-1",
        services="sqs",
        policies=KEY,
    )
    assert answer.status_code == 303, answer.text
    made = api(site, f"/v1{answer.headers['location']}")
    assert made["connection_ids"] == [CONNECTION]
    assert made["scope"]["regions"] == ["eu-west-1", "us-east-1"]
    assert (made["scope"]["services"], made["policies"]) == (["sqs"], [KEY])
    shown = browser.http.get(answer.headers["location"])
    assert f'data-live="/audits/{made["id"]}/events"' in shown.text
    assert "Queued" in texts(shown)
    canceled = sent(browser, answer.headers["location"], do="cancel")
    assert canceled.status_code == 303
    assert api(site, f"/v1/audits/{made['id']}")["status"] == "canceled"
    again = browser.http.get(answer.headers["location"])
    assert "data-live" not in again.text
    assert sent(browser, answer.headers["location"], do="delete").headers["location"] == "/audits"
    assert browser.http.get(answer.headers["location"]).status_code == 404


def test_a_refused_audit_is_told_beside_what_was_typed(site: Site) -> None:
    answer = sent(site.browser(), "/audits/new", connection=CONNECTION, services="nope")
    assert answer.status_code == 422
    assert "scope.services" in texts(answer)
    assert 'value="nope"' in answer.text
    assert re.search(rf'value="{CONNECTION}" checked', answer.text)
    assert sent(site.browser(), "/audits/new").status_code == 422
    ended = sent(site.browser(), f"/audits/{linked_newest(site)}", do="cancel")
    assert (ended.status_code, "audit_ended" in ended.text) == (409, True)
    odd = sent(site.browser(), f"/audits/{linked_newest(site)}", do="explode")
    assert odd.status_code == 422


def linked_newest(site: Site) -> str:
    ident: str = api(site, "/v1/audits", status="completed", limit=1)["data"][0]["id"]
    return ident


def test_the_page_of_an_audit_shows_its_figures(estate: Audited) -> None:
    audit = api(estate.site, f"/v1/audits/{estate.idents[0]}")
    page = estate.site.browser().http.get(f"/audits/{audit['id']}")
    shown = texts(page)
    security = audit["dimensions"]["security"]
    assert audit["counts"] == {"fail": 2, "pass": 0, "unknown": 1, "not_applicable": 0}
    assert security["coverage"] == 0.6666
    assert f"Security {security['score']} 2 0 1 0 66.6 %" in shown
    assert f"Failures {audit['findings']}" in shown
    assert "sqs:GetQueueAttributes Denied" in shown
    assert "1 verdict unknown" in shown


def test_the_ledger_is_narrowed_as_the_api_narrows_it(estate: Audited) -> None:
    path = f"/audits/{estate.idents[0]}/calls"
    for query in ("", "outcome=denied", "operation=GetQueueAttributes", "outcome_not=denied"):
        page = estate.site.browser().http.get(f"{path}?{query}")
        listed = api(estate.site, f"/v1{path}?{query}")["data"]
        found = re.findall(
            r'<th scope="row" class="whole"><span class="mono">([^<]+)</span>', page.text
        )
        assert found == [f"{each['service']}:{each['operation']}" for each in listed], query
        assert listed
    assert "AccessDenied" in texts(estate.site.browser().http.get(f"{path}?outcome=denied"))


def test_coverage_has_the_missing_statement_ready_to_copy(estate: Audited) -> None:
    path = f"/audits/{estate.idents[0]}/coverage"
    page = estate.site.browser().http.get(path)
    coverage = api(estate.site, f"/v1{path}")
    assert block(page, "missing-aws") == coverage["cures"][0]["document"]
    assert coverage["iam_statement"]["Action"] == ["sqs:GetQueueAttributes"]


def test_the_matrix_shows_every_cell_with_words(estate: Audited) -> None:
    path = f"/audits/{estate.idents[0]}/cells"
    page = estate.site.browser().http.get(path)
    [row] = api(estate.site, f"/v1{path}")["data"]
    [cell] = row["cells"]
    told = f"{cell['fail']} fail, {cell['pass']} pass, {cell['unknown']} unknown"
    assert told in texts(page)
    assert f"policy={KEY}&amp;account={ACCOUNT}&amp;region={cell['region']}" in page.text
    none = estate.site.browser().http.get(f"{path}?dimension=cost")
    assert "No cell matches" in texts(none)


def test_two_audits_stand_side_by_side_with_what_became_of_findings(estate: Audited) -> None:
    first, second = estate.idents[:2]
    path = f"/audits/{second}/compare"
    page = estate.site.browser().http.get(path)
    assert re.search(rf'<option value="{first}" selected', page.text)
    fixed = api(estate.site, "/v1/findings", audit=second, delta="fixed")["data"]
    assert [each["id"] for each in fixed] == linked(page, "/findings")
    assert len(fixed) == 1
    shown = texts(page)
    assert "Fail 2 1 -1" in shown
    assert f"{KEY} 2 1 -1" in shown
    other = estate.site.browser().http.get(f"/audits/{first}/compare?with={second}")
    assert "Fail 1 2 +1" in texts(other)
    assert linked(other, "/findings") == []
    assert f'href="/audits/{second}/compare?with={first}"' in other.text, "the other way round"
    assert estate.site.browser().http.get(f"{path}?with=aud_nope").status_code == 404


def test_any_two_audits_are_compared_finding_by_finding(estate: Audited) -> None:
    first, second, last = estate.idents[0], estate.idents[1], estate.audit()
    page = estate.site.browser().http.get(f"/audits/{last}/compare?with={first}")
    asked = {"audit": last, "against": first}
    for kind in DeltaKind:
        found = api(estate.site, "/v1/findings", **asked, delta=kind.value)["data"]
        panel = re.search(rf'id="delta-{kind.value}".*?</section>', page.text, re.DOTALL)
        assert panel is not None
        assert re.findall(r'href="/findings/(fnd_\w+)"', panel[0]) == [each["id"] for each in found]
        assert len(found) == (kind is DeltaKind.FIXED), kind
    plain = api(estate.site, "/v1/findings", audit=last, delta="fixed")["data"]
    assert plain == [], "it was fixed before"
    summary = api(estate.site, "/v1/findings/summary", **asked, delta="fixed", group_by="severity")
    assert summary["compared"] == {"audit_id": last, "before_id": first}
    listed = estate.site.browser().http.get(f"/findings?audit={last}&delta=fixed&against={first}")
    assert len(linked(listed, "/findings")) == 1
    estate.idents[:] = [first, second]


def test_the_seal_and_how_to_check_it_are_shown_and_the_bundle_is_handed_out(
    estate: Audited,
) -> None:
    ident = estate.idents[0]
    page = estate.site.browser().http.get(f"/audits/{ident}/seal")
    envelope = api(estate.site, f"/v1/audits/{ident}/seal")
    keyid = envelope["signatures"][0]["keyid"]
    assert f"cloudsealed verify cloudsealed-{ident}.zip --key sha256:{keyid}" in texts(page)
    assert block(page, "payload")["predicate"]["audit_id"] == ident
    bundle = estate.site.browser().http.get(f"/audits/{ident}/bundle")
    assert bundle.headers["content-type"] == "application/zip"
    assert "seal.json" in zipfile.ZipFile(io.BytesIO(bundle.content)).namelist()


def test_what_is_no_longer_kept_is_said_on_every_part(estate: Audited) -> None:
    first, second = estate.idents[:2]
    estate.set(first, expired_at="2026-01-02T00:00:00.000Z")
    try:
        browser = estate.site.browser()
        for part in PARTS[:6]:
            page = browser.http.get(f"/audits/{first}{part}")
            assert (page.status_code, "no longer kept" in texts(page)) == (200, True), part
        other = browser.http.get(f"/audits/{second}/compare?with={first}")
        assert "only the figures can be compared" in texts(other)
    finally:
        estate.set(first, expired_at=null())


def test_reanalysis_begins_by_a_button(estate: Audited) -> None:
    ident = estate.idents[0]
    answer = sent(estate.site.browser(), f"/audits/{ident}", do="reanalyze")
    made = api(estate.site, f"/v1{answer.headers['location']}")
    assert (made["kind"], made["parent_id"]) == ("reanalysis", ident)
    assert linked(estate.site.browser().http.get(f"/audits/{made['id']}"), "/audits")[0]


def test_a_viewer_looks_and_does_nothing(estate: Audited) -> None:
    browser = estate.site.browser(Role.VIEWER)
    ident = estate.idents[0]
    page = browser.http.get(f"/audits/{ident}")
    assert page.status_code == 200
    for gone in ('name="do"', "/bundle", f"/audits/{ident}/calls"):
        assert gone not in page.text, gone
    assert browser.http.get(f"/audits/{ident}/calls").status_code == 403
    assert browser.http.get(f"/audits/{ident}/bundle").status_code == 403
    assert 'type="checkbox"' not in browser.http.get("/audits/new").text
    for path, fields in ((f"/audits/{ident}", {"do": "delete"}), ("/audits/new", {})):
        refused = insisted(estate.site, browser, path, connection=CONNECTION, **fields)
        assert (refused.status_code, "insufficient_scope" in refused.text) == (403, True)
    assert api(estate.site, f"/v1/audits/{ident}")["id"] == ident


def test_the_parts_of_a_foreign_audit_are_not_there(estate: Audited) -> None:
    stranger = estate.site.tenant("Other").browser()
    for part in PARTS:
        answer = stranger.http.get(f"/audits/{estate.idents[0]}{part}")
        assert answer.status_code == 404, part
    for do in ("cancel", "reanalyze", "delete"):
        path = f"/audits/{estate.idents[0]}"
        assert insisted(estate.site, stranger, path, do=do).status_code == 404, do


def test_hostile_names_are_text_on_every_page(estate: Audited) -> None:
    browser = estate.site.browser()
    pages = ["/audits", "/audits/new", *(f"/audits/{estate.idents[1]}{part}" for part in PARTS[:6])]
    for path in pages:
        page = browser.http.get(path)
        assert page.status_code == 200, path
        assert "<script>alert" not in page.text, path
    assert HOSTILE in html.unescape(browser.http.get("/audits/new").text)


def test_an_audit_is_watched_until_it_ends(estate: Audited) -> None:
    ident = estate.begun()
    http = estate.site.browser().http
    with http.stream("GET", f"/audits/{ident}/events", timeout=SECONDS) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        reader = Reader(answer)
        assert reader.next()["data"]["status"] == "queued"
        estate.set(ident, status=AuditStatus.COLLECTING.value)
        assert reader.next()["data"]["status"] == "collecting"
        estate.set(ident, status=AuditStatus.CANCELED.value, finished_at="2026-01-01T00:00:00.000Z")
        assert [event["data"]["status"] for event in reader] == ["canceled"]


def test_a_head_opens_no_stream(estate: Audited) -> None:
    answer = estate.site.browser().http.head(f"/audits/{estate.begun()}/events")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_stream_ends_when_its_visitor_logs_out_and_no_other_does(estate: Audited) -> None:
    path = f"/audits/{estate.begun()}/events"
    leaving, staying = estate.site.browser(), estate.site.browser()
    with (
        staying.http.stream("GET", path, timeout=SECONDS) as other,
        leaving.http.stream("GET", path, timeout=SECONDS) as answer,
    ):
        stays, leaves = Reader(other), Reader(answer)
        stays.next()
        leaves.next()
        out = Browser(estate.site.url)
        out.http.cookies = leaving.http.cookies
        page = out.http.get("/account")
        form = page.text[page.text.index('action="/logout"') :]
        csrf = re.findall(r'name="csrf" value="(\w+)"', form)[0]
        assert out.http.post("/logout", data={"csrf": csrf}).status_code == 303
        assert list(leaves) == []
        ident = path.split("/")[2]
        estate.set(ident, status=AuditStatus.CANCELED.value, finished_at="2026-01-01T00:00:00.000Z")
        assert [event["data"]["status"] for event in stays] == ["canceled"]


def test_a_stream_ends_when_its_visitor_may_not_see_audits_any_more(estate: Audited) -> None:
    path = f"/audits/{estate.begun()}/events"
    auditor = estate.site.person(Role.AUDITOR)
    browser = estate.site.browser(Role.AUDITOR)
    with browser.http.stream("GET", path, timeout=SECONDS) as answer:
        reader = Reader(answer)
        reader.next()
        users = api(estate.site, "/v1/users")["data"]
        ident = next(each["id"] for each in users if each["email"] == auditor)
        with estate.site.http() as http:
            assert http.patch(f"/v1/users/{ident}", json={"status": "disabled"}).status_code == 200
        assert list(reader) == []
    del estate.site.emails[Role.AUDITOR]


def test_the_overview_tells_what_moved_since_a_day_as_the_api_counts_it(
    estate: Audited, statements: list[str]
) -> None:
    http = estate.site.browser().http
    first = api(estate.site, "/v1/findings", limit=1)["data"][0]["first_seen_at"][:10]
    counts = {}
    for day in (first, "2999-01-01"):
        page = settled(http, f"/overview?since={day}")
        assert f'name="since" value="{day}"' in page.text
        facts = texts(page).partition("What moved")[2]
        found = re.search(r"Opened (\d+) Closed (\d+) Reopened (\d+)", facts)
        assert found is not None, facts
        counts[day] = [int(count) for count in found.groups()]
        for link, count in zip(
            re.findall(r'href="/findings\?([^"]+_after=[^"]+)"', page.text),
            counts[day],
            strict=True,
        ):
            listed = api(estate.site, f"/v1/findings?{html.unescape(link)}")["data"]
            assert len(listed) == count, link
    assert counts == {first: [2, 1, 0], "2999-01-01": [0, 0, 0]}
    looks = []
    for _ in range(5):
        statements.clear()
        assert http.get(f"/overview?since={first}").status_code == 200
        looks.append(len(statements))
    assert min(looks) <= 12, looks
    odd = http.get("/overview?since=yesterday")
    assert (odd.status_code, "must be an RFC 3339 time" in odd.text) == (422, True)
    assert "Since the audit before" in odd.text
