"""Lists page by themselves, show the worst first and say how many more there are."""

from __future__ import annotations

import json
import re

import pytest
from tests.cli.client.conftest import Cs
from tests.contract.conftest import POLICY, Tenant

from cloudsealed.cli.client import lists, show
from cloudsealed.cli.client.columns import Column
from cloudsealed.kit.ids import new_id

IDENT = re.compile(r"fnd_[0-9A-Z]{26}")
RANKS = ("critical", "high", "medium", "low", "info")


@pytest.fixture
def many(tenant: Tenant) -> list[str]:
    return tenant.add_findings(230)


def test_all_are_as_many_as_there_are_in_the_order_of_the_api(cs: Cs, many: list[str]) -> None:
    said = json.loads(cs("findings", "list", "--all").out)
    assert [item["id"] for item in said["data"]] == many
    assert (said["next_cursor"], said["has_more"]) == (None, False)


def test_so_many_as_are_asked_for_come_and_the_cursor_goes_on_behind_them(
    cs: Cs, many: list[str]
) -> None:
    first = json.loads(cs("findings", "--limit", "210", "--sort=-id").out)
    assert [item["id"] for item in first["data"]] == many[:210]
    assert first["has_more"]
    rest = json.loads(cs("findings", "--all", f"--cursor={first['next_cursor']}").out)
    assert [item["id"] for item in rest["data"]] == many[210:]


def test_the_worst_come_first_for_people_and_programs(cs: Cs, many: list[str]) -> None:
    found = [item["severity"] for item in json.loads(cs("findings", "--limit", "60").out)["data"]]
    assert found == ["critical"] * 46 + ["high"] * 14
    shown = cs("findings", "--table", "--limit", "220").out
    words = [word for word in shown.split() if word in RANKS]
    assert words == sorted(words, key=RANKS.index)
    assert len(words) == 220


def test_a_list_that_the_server_does_not_sort_is_sorted_when_all_of_it_is_there(
    cs: Cs, tenant: Tenant
) -> None:
    tenant.add_findings(1)
    audit = new_id("aud")
    assert "invalid_sort" in cs("findings", "--audit", audit, "--sort=-severity").err
    assert cs("findings", "--audit", audit).code == 0
    for severity in ("low", "critical", "medium"):
        made = {**POLICY, "key": f"is-{severity}", "severity": severity}
        tenant.http.post("/v1/policies", json=made).raise_for_status()
    words = [word for word in cs("policies", "--table").out.split() if word in RANKS]
    assert words == ["critical", "high", "medium", "low"]


def test_a_table_says_how_many_more_there_are(cs: Cs, many: list[str]) -> None:
    said = cs("findings", "--table", "--limit", "3")
    assert len(IDENT.findall(said.out)) == 3
    assert "3 of 230" in said.err
    assert cs("findings", "--table", "--all").err == ""


def test_more_than_are_soon_counted_are_said_to_be_more(
    cs: Cs, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "COUNTED", 5)
    tenant.add_findings(20)
    assert "10 of over 15:" in cs("findings", "--table", "--limit", "10").err
    assert "12 of 16:" in cs("findings", "--table", "--limit", "12", "severity_not=info").err


@pytest.mark.parametrize("width", ["300", "100", "60", "40", "30"])
def test_an_id_is_whole_however_narrow_the_terminal_is(
    cs: Cs, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    added = tenant.add_findings(5)
    monkeypatch.setenv("COLUMNS", width)
    shown = cs("findings", "--table").out
    assert sorted(IDENT.findall(shown)) == sorted(added)
    assert all(len(line) <= int(width) for line in shown.splitlines())


def test_a_long_text_is_folded_and_none_of_it_is_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    title = "Queue is open to everybody: arn:aws:sqs:eu-west-1:123456789012:larkspur-inbox"
    for width in range(24, 110):
        monkeypatch.setenv("COLUMNS", str(width))
        show.table([{"id": "x", "title": title}], [Column("id"), Column("title", folds=True)])
        lines = capsys.readouterr().out.splitlines()[2:]
        assert "".join(line[3:].replace(" ", "") for line in lines) == title.replace(" ", "")


def test_the_parts_that_are_asked_for_are_the_columns(cs: Cs, tenant: Tenant) -> None:
    tenant.add_findings(1)
    shown = cs("findings", "--table", "--fields", "resource.name,policy.key").out
    assert shown.split()[:2] == ["Name", "Key"]
    assert "groups-are-closed" in shown


def test_nothing_is_said_in_words_to_people_and_as_json_to_programs(cs: Cs) -> None:
    assert json.loads(cs("reports").out) == {"data": [], "next_cursor": None, "has_more": False}
    said = cs("reports", "--table")
    assert (said.out, said.err.strip()) == ("", "There are none")
    assert "like that" in cs("reports", "status=ready", "--table").err


def test_a_name_that_would_move_the_cursor_is_shown(cs: Cs, tenant: Tenant) -> None:
    tenant.add_findings(1, title="\x1b[31mred")
    assert "[U+001B]" in cs("findings", "--table").out
    assert "\x1b" not in cs("findings", "--json").out
    assert "\x1b" not in cs("findings", "get", tenant.every("/v1/findings")[0]["id"], "--table").out
