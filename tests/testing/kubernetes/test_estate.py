"""The sample cluster: every policy of Kubernetes fails and passes there as its truth says."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.clusters import admit

from cloudsealed.packs import load_policies
from cloudsealed.testing.kubernetes.audited import Audited, audited, ident_of
from cloudsealed.testing.kubernetes.estate import facts

KEYS = {policy.key for policy in load_policies() if policy.key.startswith("k8s-")}
ELSEWHERE = {"k8s-manifest-removed-api"}
"""What no cluster can fail: its lists have today's version of the API."""

ALL_OR_NONE = {"k8s-storage-class-several-defaults"}
"""What all that it judges in a cluster fails, or nothing does."""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return audited(tmp_path_factory.mktemp("cluster"), [fact.item for fact in facts()])


def test_every_object_is_one_that_an_api_server_would_take() -> None:
    for fact in facts():
        admit(fact.item)
    named = Counter(ident_of(fact.item) for fact in facts())
    assert [ident for ident, count in named.items() if count > 1] == []
    assert {key for fact in facts() for key in fact.fails} <= KEYS
    there = {fact.item["metadata"]["name"] for fact in facts() if fact.item["kind"] == "Namespace"}
    assert {fact.item["metadata"].get("namespace") for fact in facts()} - {None} <= there


def test_what_is_found_is_what_is_wrong(judged: Audited) -> None:
    wrong = {(key, ident_of(fact.item)) for fact in facts() for key in fact.fails}
    assert sorted(judged.found - wrong) == []
    assert sorted(wrong - judged.found) == []
    assert judged.audit["coverage"] == 1.0
    assert judged.audit["counts"]["unknown"] == 0


def test_every_policy_is_failed_and_passed(judged: Audited) -> None:
    outcomes = {
        outcome: {key for (key, _), said in judged.verdicts.items() if said == outcome}
        for outcome in ("fail", "pass")
    }
    assert sorted(KEYS - outcomes["fail"] - ELSEWHERE) == []
    assert sorted(KEYS - outcomes["pass"] - ELSEWHERE - ALL_OR_NONE) == []
