"""The pages of events and of limits: what they show is what the API answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.auth.oauth.party import Site, serving
from tests.console.estate import HOSTILE, texts
from tests.console.test_pages import refused

from cloudsealed.console.views.events import moved
from cloudsealed.vocabulary import Role


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("events")) as running:
        yield running


@pytest.fixture(scope="module")
def mine(site: Site) -> Site:
    """A tenant in which a service account was made with a hostile name, and renamed."""
    found = site.tenant("Mine")
    with found.http() as http:
        made = http.post("/v1/service_accounts", json={"name": HOSTILE, "role": "viewer"}).json()
        http.patch(f"/v1/users/{made['id']}", json={"name": "calm", "role": "auditor"})
    return found


def shown(text: str) -> list[str]:
    """Return the ids of the events that a page shows, in order."""
    return re.findall(r'<dd class="mono">(evt_\w+)</dd>', text)


@pytest.mark.parametrize(
    "query",
    ["", "category=security", "type=security.user_changed", "actor_kind=operator", "limit=2"],
)
def test_the_list_shows_the_events_of_the_api(mine: Site, query: str) -> None:
    page = mine.browser(Role.AUDITOR).http.get(f"/events?{query}")
    with mine.http() as http:
        wanted = f"{query.replace('limit=2', '')}&limit=200"
        listed = [each["id"] for each in http.get(f"/v1/events?{wanted}").json()["data"]]
    found = shown(page.text)
    begins = listed.index(found[0])  # who asks the API logs in first, which is an event too
    most = 2 if query == "limit=2" else 50
    assert found == listed[begins : begins + most]
    assert "<script>alert" not in page.text


def test_a_change_shows_what_it_was_and_is(mine: Site) -> None:
    page = mine.browser().http.get("/events?type=security.user_changed")
    said = texts(page)
    assert "User changed" in said
    assert "2 fields changed" in said
    assert "role viewer auditor" in said
    assert f"name {HOSTILE} calm" in said


def test_only_fields_that_differ_have_moved_and_all_of_what_is_made_or_gone() -> None:
    changed = {"before": {"a": 1, "b": None, "c": "x"}, "after": {"a": 2, "b": None, "d": []}}
    told = [(each.name, each.before, each.after) for each in moved(changed)]
    assert told == [("a", "1", "2"), ("c", "x", None), ("d", None, "[]")]
    made = moved({"before": None, "after": {"a": None}})
    assert [(each.name, each.before, each.after) for each in made] == [("a", None, "null")]
    assert moved({"before": None, "after": None}) == []


def test_a_day_is_the_moment_at_which_it_begins(mine: Site) -> None:
    http = mine.browser().http
    assert not shown(http.get("/events?created_before=2020-01-01").text)
    assert shown(http.get("/events?created_after=2020-01-01").text)
    assert "No event matches" in http.get("/events?created_before=2020-01-01").text
    assert http.get("/events?created_after=soon").status_code == 422


def test_events_are_exported_as_they_are_filtered(mine: Site) -> None:
    http = mine.browser().http
    page = http.get("/events?type=security.user_changed")
    link = re.search(r'href="(/events/export\?format=jsonl[^"]*)"', page.text)
    assert link is not None
    file = http.get(link[1].replace("&amp;", "&"))
    assert "attachment" in file.headers["content-disposition"]
    assert file.text.count("security.user_changed") >= 1
    assert "security.logged_in" not in file.text


def test_who_may_not_see_events_is_told_within_the_frame(mine: Site) -> None:
    page = mine.browser(Role.VIEWER).http.get("/events")
    refused(page, "insufficient_scope", 403)
    assert '<nav aria-label="Pages">' in page.text, "the way back is there"
    assert 'href="/events"' not in page.text


def test_every_window_of_every_budget_is_drawn_with_its_numbers(mine: Site) -> None:
    page = mine.browser(Role.VIEWER).http.get("/limits")
    with mine.http(role=Role.VIEWER) as http:
        resources = http.get("/v1/rate_limit").json()["resources"]
    said = texts(page)
    windows = 0
    for name, budget in resources.items():
        assert f'id="budget-{name}"' in page.text
        for window in budget["windows"]:
            windows += 1
            assert f"of {window['limit']:,} left" in said
    assert page.text.count('role="img"') == windows
    assert page.text.count("<rect") == windows
