"""The ledger as a list: every call once, narrowed by what people look for."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from tests.audits.world import TENANT, Cloud, Pass

from cloudsealed.audits.records import calls
from cloudsealed.vocabulary import CallOutcome


@pytest.fixture
def ledger(begin: Any, cloud: Cloud) -> Pass:
    """Of five queues, two of which may not be looked at."""
    audit: Pass = begin()
    cloud.queues = {f"q{number}": {"A": str(number)} for number in range(5)}
    for name in ("q1", "q3"):
        cloud.faults["GetQueueAttributes", name] = (CallOutcome.DENIED, "AccessDenied")
    audit.collect(cloud)
    return audit


def walked(audit: Pass, limit: int = 3, **filters: tuple[str, ...]) -> list[dict[str, Any]]:
    found, after = list[dict[str, Any]](), None
    while True:
        page = calls.calls_page(
            audit.database,
            tenant=TENANT,
            audit_id=audit.id,
            filters=filters,
            after=after,
            limit=limit,
        )
        assert len(page.items) <= limit
        found += map(orjson.loads, page.items)
        after = page.next
        if after is None:
            return found


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
def test_pages_give_every_call_once_in_the_order_of_the_ledger(ledger: Pass, limit: int) -> None:
    whole = [(e["operation"], orjson.loads(e["parameters"])) for e in ledger.ledger.entries()]
    found = [(each["operation"], each["parameters"]) for each in walked(ledger, limit)]
    assert found == whole
    assert len(whole) == 1 + 5 + 1


def test_filters_narrow_by_outcome_service_and_operation(ledger: Pass) -> None:
    denied = walked(ledger, outcome=("denied",))
    assert [each["error_code"] for each in denied] == ["AccessDenied"] * 2
    others = walked(ledger, outcome_not=("denied",))
    assert len(denied) + len(others) == len(walked(ledger))
    assert {each["operation"] for each in walked(ledger, operation=("ListQueues",))} == {
        "ListQueues"
    }
    assert walked(ledger, service=("sqs",), operation=("ListQueues",), outcome=("denied",)) == []


def test_what_is_rare_is_found_though_a_page_reads_few_rows(
    ledger: Pass, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = walked(ledger, outcome=("denied",))
    monkeypatch.setattr(calls, "_CHUNK", 2)
    monkeypatch.setattr(calls, "SCAN_ROWS", 2)
    assert walked(ledger, outcome=("denied",)) == whole
