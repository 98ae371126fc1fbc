"""The pages of schedules: what comes by itself, and its pauses."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.auth.oauth.party import Site, serving
from tests.console.estate import HOSTILE, insisted, linked, sent, texts

from cloudsealed.testing.factories import add_connections, make_connection
from cloudsealed.vocabulary import Role


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("schedules")) as running:
        yield running


@pytest.fixture
def mine(site: Site) -> Site:
    return site.tenant("Mine")


@pytest.fixture
def connection(mine: Site) -> str:
    made = make_connection(name="production")
    add_connections(mine.services.database, mine.tenant_id, made)
    return made.id


def added(mine: Site, **changes: str) -> str:
    fields = {"name": "nightly", "kind": "audit", "time": "0 6 * * *", **changes}
    answer = sent(mine.browser(), "/schedules/new", **fields)
    assert answer.status_code == 303, texts(answer)
    return answer.headers["location"]


def api(site: Site, path: str) -> Any:
    with site.http() as http:
        answer = http.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_schedules_of_audits_and_of_reports_are_added_and_listed(
    mine: Site, connection: str
) -> None:
    assert 'href="/schedules/new"' in mine.browser().http.get("/schedules").text
    audit = added(mine, connection=connection, services="sqs", timezone="Europe/Berlin")
    made = api(mine, f"/v1{audit}")
    assert made["audit"]["connection_ids"] == [connection]
    assert made["audit"]["scope"]["services"] == ["sqs"]
    assert (made["cron"], made["timezone"]) == ("0 6 * * *", "Europe/Berlin")
    report = added(
        mine,
        name="evidence",
        kind="report",
        cron="15 7 1 * *",
        report="compliance_evidence",
        framework="cis-aws-5.0",
    )
    assert api(mine, f"/v1{report}")["cron"] == "15 7 1 * *"
    page = mine.browser().http.get("/schedules")
    listed = api(mine, "/v1/schedules")["data"]
    assert linked(page, "/schedules") == [each["id"] for each in listed]
    assert "Compliance evidence" in texts(page)
    shown = mine.browser().http.get(audit)
    assert re.findall(r'<time datetime="([^"]+)">', shown.text)[:5] == made["upcoming"]


def test_one_is_paused_goes_on_runs_and_is_deleted_by_buttons(mine: Site, connection: str) -> None:
    path, browser = added(mine, connection=connection), mine.browser()
    assert sent(browser, path, do="pause").headers["location"] == path
    assert api(mine, f"/v1{path}")["enabled"] is False
    assert "It is paused" in texts(browser.http.get(path))
    assert sent(browser, path, do="resume").status_code == 303
    assert api(mine, f"/v1{path}")["enabled"] is True
    ran = sent(browser, path, do="run").headers["location"]
    assert api(mine, f"/v1{ran}")["connection_ids"] == [connection]
    assert sent(browser, path, do="delete").headers["location"] == "/schedules"
    assert browser.http.get(path).status_code == 404


def test_what_is_refused_is_told_beside_what_was_typed(mine: Site, connection: str) -> None:
    fields = {"kind": "audit", "connection": connection, "name": "often"}
    answer = sent(mine.browser(), "/schedules/new", **fields, cron="* * * * *")
    assert answer.status_code == 422
    assert "cron" in texts(answer)
    for typed in ("often", "* * * * *"):
        assert f'value="{typed}"' in answer.text
    assert re.search(rf'value="{connection}" checked', answer.text)


def test_a_viewer_looks_and_does_nothing(mine: Site, connection: str) -> None:
    path, browser = added(mine, connection=connection), mine.browser(Role.VIEWER)
    page = browser.http.get(path)
    assert (page.status_code, 'name="do"' in page.text) == (200, False)
    assert 'href="/schedules/new"' not in browser.http.get("/schedules").text
    for do in ("pause", "run", "delete"):
        refused = insisted(mine, browser, path, do=do)
        assert (refused.status_code, "insufficient_scope" in refused.text) == (403, True)
    assert mine.tenant("Other").browser().http.get(path).status_code == 404
    assert api(mine, f"/v1{path}")["name"] == "nightly"


def test_a_hostile_name_is_text(mine: Site, connection: str) -> None:
    path = added(mine, connection=connection, name=HOSTILE[:100])
    for shown in (path, "/schedules"):
        page = mine.browser().http.get(shown)
        assert "<script>alert" not in page.text
        assert HOSTILE[:100] in html.unescape(page.text)
