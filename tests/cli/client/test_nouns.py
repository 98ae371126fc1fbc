"""How commands are called: nouns alone, filters in both forms, names as people write them."""

from __future__ import annotations

import json

import pytest
from tests.cli.client.conftest import Cs
from tests.contract.conftest import Tenant

from cloudsealed.cli.client.nouns import group


def test_a_noun_alone_lists(cs: Cs, tenant: Tenant) -> None:
    (ident,) = tenant.add_findings(1)
    assert json.loads(cs("findings").out) == json.loads(cs("findings", "list").out)
    assert json.loads(cs("findings").out)["data"][0]["id"] == ident
    assert json.loads(cs("me").out)["object"] == "me"
    assert json.loads(cs("rate_limit").out).keys() == json.loads(cs("rate-limit", "get").out).keys()


def test_a_filter_is_an_option_or_a_pair(cs: Cs, tenant: Tenant) -> None:
    tenant.add_findings(10)
    as_option = cs("findings", "--severity", "critical")
    assert as_option.code == 0
    assert {item["severity"] for item in json.loads(as_option.out)["data"]} == {"critical"}
    for words in (
        ["severity=critical"],
        ["list", "severity=critical"],
        ["--severity=critical"],
        ["--limit", "50", "severity=critical", "--json"],
        ["--json", "severity=critical"],
        ["-n50", "severity=critical"],
        ["--sort", "-severity", "severity=critical"],
        ["severity_not=info,low,medium", "severity-not=high"],
        ["--severity_not", "info,low", "--severity-not", "medium", "severity_not=high"],
    ):
        assert cs("findings", *words).out == as_option.out, words


def test_the_value_of_an_option_may_look_like_a_pair(cs: Cs, tenant: Tenant) -> None:
    tenant.add_findings(1)
    assert json.loads(cs("findings", "--tag", "severity=critical").out)["data"] == []
    assert json.loads(cs("findings", "tag=severity=critical").out)["data"] == []


@pytest.mark.parametrize("words", [["--severity", "critcal"], ["severity=low,critcal"]])
def test_a_word_that_no_filter_has_is_told_with_the_nearest(cs: Cs, words: list[str]) -> None:
    said = cs("findings", *words)
    assert said.code == 2
    assert "info, low, medium, high, critical; did you mean 'critical'?" in said.err


def test_an_option_or_a_verb_that_there_is_not_is_usage(cs: Cs) -> None:
    for words in (["--colour", "red"], ["colour=red"], ["lst"], ["get"]):
        said = cs("findings", *words)
        assert (said.code, said.out) == (2, "")
        assert "cloudsealed findings" in said.err
    assert "Did you mean 'list'?" in cs("findings", "lst").err
    assert "Did you mean 'findings'?" in cs("finding").err


def test_an_id_is_one_part_of_the_path(cs: Cs) -> None:
    for ident in ("../me", "a/b", "%2e%2e/me", "a?b=c", "ü"):
        said = cs("findings", "get", ident)
        assert said.code == 1
        assert "not_found" in said.err
    for ident in ("", ".", "..", "a\nb", "\udcff"):
        assert cs("findings", "get", ident).code == 2


def test_a_command_answers_to_its_plain_word_too(cs: Cs, tenant: Tenant) -> None:
    made = json.loads(cs("tokens", "create", "--name", "ci", "--scopes", "findings:read").out)
    said = cs("tokens", "delete", made["id"])
    assert (said.code, said.out) == (0, "")
    assert "done" in said.err
    assert tenant.http.get(f"/v1/tokens/{made['id']}").status_code == 404


def test_the_help_has_every_filter_with_its_words(cs: Cs) -> None:
    said = cs("findings", "list", "--help").out
    words = " ".join(said.replace("│", " ").split())
    assert "How much it matters: info, low, medium, high, critical." in words
    assert "--severity-not" not in said
    assert "-not" in said


def test_the_words_of_an_option_are_known_to_what_completes_them() -> None:
    found = group("findings").made()
    assert found[""] is found["list"]
    assert "critical" in found["list"].choices["--severity"]
    assert "accepted_risk" in found["triage"].choices["--state"]
    assert group("policies").made()["update"].choices["--enabled"] == ("true", "false")
    assert "" not in group("simulations").made()
