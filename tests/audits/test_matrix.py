"""An audit's cells as a list: a row a policy, counted place by place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from tests.audits.world import ACCOUNT, REGION, TENANT, Cloud, Pass

from cloudsealed.audits.matrix import matrix_page
from cloudsealed.audits.model import Audit
from cloudsealed.audits.records.blocks import OBSERVATIONS, Blocks
from cloudsealed.vocabulary import CallOutcome

Judged = tuple[Pass, Audit]


@pytest.fixture
def judged(begin: Any, cloud: Cloud, check: Any) -> Judged:
    """Three policies over queues, one of which could not be looked at."""
    audit: Pass = begin()
    cloud.queues = {"good": {"A": "good"}, "bad": {"A": "bad"}, "dark": {"A": "?"}}
    cloud.faults["GetQueueAttributes", "dark"] = (CallOutcome.DENIED, "AccessDenied")
    audit.collect(cloud)
    policies = (
        check("resource.Attributes.A == 'bad'", key="a"),
        check("true", key="b", dimension="cost"),
        check("false", key="c"),
    )
    audit.judge(*policies)
    return audit, replace(audit.audit, policy_set=tuple(p.as_dict() for p in policies))


def rows(judged: Judged, limit: int = 50, **filters: tuple[str, ...]) -> list[dict[str, Any]]:
    audit, shown = judged
    blocks = Blocks(audit.database, tenant=TENANT, audit_id=audit.id)
    found, after = list[dict[str, Any]](), None
    while True:
        page = matrix_page(blocks, shown, filters=filters, after=after, limit=limit)
        assert len(page.items) <= limit
        found += map(orjson.loads, page.items)
        after = page.next
        if after is None:
            return found


def keys(found: list[dict[str, Any]]) -> list[str]:
    return [row["policy"]["key"] for row in found]


def test_each_policy_has_its_cells_as_the_audit_counted_them(judged: Judged) -> None:
    first, *others = rows(judged)
    assert first["cells"] == [
        {
            "account": ACCOUNT,
            "region": REGION,
            "fail": 1,
            "pass": 1,
            "unknown": 1,
            "not_applicable": 0,
            "complete": True,
        }
    ]
    assert (first["title"], first["dimension"], first["severity"]) == ("Queues", "security", "high")
    blocks = Blocks(judged[0].database, tenant=TENANT, audit_id=judged[0].id).all(OBSERVATIONS)
    counted = [block.header["counts"] for block in blocks]
    shown = [row["cells"][0] for row in (first, *others)]
    assert [
        {name: cell[name] for name in counts} for cell, counts in zip(shown, counted, strict=True)
    ] == counted


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_pages_give_every_policy_once(judged: Judged, limit: int) -> None:
    assert keys(rows(judged, limit)) == ["a", "b", "c"]


def test_filters_leave_out_cells_and_policies_without_one(judged: Judged) -> None:
    assert keys(rows(judged, outcome=("unknown",))) == ["a"]
    assert keys(rows(judged, outcome=("fail", "unknown"))) == ["a", "b"]
    assert keys(rows(judged, dimension=("cost",))) == ["b"]
    assert keys(rows(judged, dimension_not=("cost",))) == ["a", "c"]
    assert rows(judged, region=("us-east-1",)) == rows(judged, account_not=(ACCOUNT,)) == []
