"""The pages of reports: made, watched, looked at, downloaded, scheduled and deleted by forms."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.auth.oauth.party import Browser, Site, hidden, serving
from tests.console.estate import HOSTILE, linked
from tests.console.judged import add_audit, add_report
from tests.console.test_account import form_of
from tests.console.test_pages import refused

from cloudsealed.vocabulary import Role

FILES = {"pdf": b"%PDF-1.7 a report", "json": b'{"object": "report"}'}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("reports")) as running:
        yield running


@pytest.fixture
def mine(site: Site) -> Site:
    return site.tenant("Mine")


def asked(browser: Browser, audit: str, **fields: object) -> dict[str, object]:
    page = browser.http.get(f"/reports/new?audit={audit}")
    return {**form_of(page, 'name="kind"'), "kind": "executive_summary", "audit": audit, **fields}


def test_a_report_is_made_by_a_form_as_it_is_asked_for(mine: Site) -> None:
    audit, browser = add_audit(mine), mine.browser(Role.AUDITOR)
    form = asked(browser, audit, severity=["high", "low"], account="123456789012\n210987654321")
    made = browser.http.post("/reports/new", data=form)
    assert made.status_code == 303, made.text
    path = made.headers["location"]
    with mine.http() as http:
        report = http.get(f"/v1{path}").json()
    assert report["audit_id"] == audit
    assert report["filters"] == {
        "severity": ["high", "low"],
        "account": ["123456789012", "210987654321"],
    }
    page = browser.http.get(path)
    assert "data-pending" in page.text, "a script asks again until it is ready"
    assert "Load again" in page.text
    assert linked(browser.http.get("/reports"), "/reports") == [report["id"]]


def test_a_report_is_in_the_language_of_the_page_or_in_the_one_that_is_chosen(mine: Site) -> None:
    audit, browser = add_audit(mine), mine.browser()
    page = browser.http.get("/reports/new", headers={"Accept-Language": "de"})
    assert '<option value="de" lang="de" selected>Deutsch</option>' in page.text
    idents = re.findall(r' id="([^"]+)"', page.text)
    assert len(idents) == len(set(idents)), "a label names one field"
    form = {**asked(browser, audit), **form_of(page, 'name="kind"'), "language": "fr"}
    made = browser.http.post("/reports/new", data={**form, "audit": audit})
    with mine.http() as http:
        report = http.get(f"/v1{made.headers['location']}").json()
    assert report["language"] == "fr"
    shown = browser.http.get(made.headers["location"])
    assert "<dt>Language</dt><dd>Français</dd>" in shown.text


def test_what_the_api_refuses_is_said_beside_what_was_filled_in(mine: Site) -> None:
    audit, browser = add_audit(mine), mine.browser()
    form = asked(browser, audit, kind="compliance_evidence", framework="", account="1")
    page = browser.http.post("/reports/new", data=form)
    assert page.status_code == 422
    assert 'class="error"' in page.text
    assert 'value="compliance_evidence" required checked' in page.text
    assert ">1</textarea>" in page.text


def test_a_report_that_is_ready_is_looked_at_in_the_page_and_downloaded(mine: Site) -> None:
    ident, http = add_report(mine, add_audit(mine), FILES), mine.browser(Role.VIEWER).http
    page = http.get(f"/reports/{ident}")
    assert f'<iframe class="paper" src="/reports/{ident}/pdf"' in page.text
    assert "data-pending" not in page.text
    framed = http.get(f"/reports/{ident}/pdf")
    assert (framed.content, framed.headers["content-type"]) == (FILES["pdf"], "application/pdf")
    assert framed.headers["content-security-policy"] == "frame-ancestors 'self'"
    assert "content-disposition" not in framed.headers, "it is shown, not saved"
    for name, content in FILES.items():
        link = f"/reports/{ident}/download?format={name}"
        assert f'href="{link}"' in page.text
        file = http.get(link)
        assert file.content == content
        assert "attachment" in file.headers["content-disposition"]
        assert "content-security-policy" not in file.headers


def test_a_viewer_makes_and_deletes_nothing(mine: Site) -> None:
    audit = add_audit(mine)
    ident, browser = add_report(mine, audit, FILES), mine.browser(Role.VIEWER)
    for path in ("/reports", f"/reports/{ident}", "/reports/new"):
        page = browser.http.get(path)
        assert '<form method="post"' not in page.text[page.text.index("<main") :], path
        assert "/reports/new" not in page.text[page.text.index("<main") :], path
    csrf = {"csrf": form_of(browser.http.get("/reports"), 'name="theme"')["csrf"]}
    refused(browser.http.post(f"/reports/{ident}", data=csrf), "csrf_failed", 403)
    with mine.http() as http:
        assert http.get(f"/v1/reports/{ident}").status_code == 200


def test_a_report_is_deleted_by_who_may(mine: Site) -> None:
    ident, browser = add_report(mine, add_audit(mine), FILES), mine.browser(Role.AUDITOR)
    page = browser.http.get(f"/reports/{ident}")
    done = browser.http.post(f"/reports/{ident}", data=hidden(page))
    assert (done.status_code, done.headers["location"]) == (303, "/reports")
    refused(browser.http.get(f"/reports/{ident}"), "report_not_found", 404)


def test_anothers_report_is_not_there(site: Site, mine: Site) -> None:
    other = site.tenant("Other")
    ident = add_report(other, add_audit(other), FILES)
    http = mine.browser().http
    refused(http.get(f"/reports/{ident}"), "report_not_found", 404)
    for path in ("pdf", "download?format=json"):
        assert http.get(f"/reports/{ident}/{path}").status_code == 404


def test_a_report_comes_by_itself_when_it_is_asked_for_at_times(mine: Site) -> None:
    audit, browser = add_audit(mine), mine.browser(Role.EDITOR)
    times = {"when": "0 6 * * MON", "name": HOSTILE, "timezone": "Europe/Berlin"}
    form = asked(browser, audit, severity=["high"], **times)
    made = browser.http.post("/reports/new", data=form)
    with mine.http() as http:
        [schedule] = http.get("/v1/schedules").json()["data"]
    assert made.headers["location"] == f"/schedules/{schedule['id']}"
    assert (schedule["name"], schedule["timezone"]) == (HOSTILE, "Europe/Berlin")
    assert schedule["report"]["filters"] == {"severity": ["high"]}
    assert 'href="/schedules?kind=report"' in browser.http.get("/reports").text
    again = browser.http.post("/reports/new", data={**form, "when": "own", "cron": "never"})
    assert again.status_code == 422
    assert 'value="never"' in again.text
    assert "<script>alert" not in again.text
