"""The time of all policies together is bounded, and the slow ones pay for it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.audits.steps.test_evaluate import ENCRYPTED, HOSTILE
from tests.audits.world import Cloud

from cloudsealed.audits.judging.purse import EACH, TOGETHER, Purse


def test_a_policy_stops_at_its_own_limit() -> None:
    purse = Purse(each=3.0)
    assert purse.refusal(2.9) is None
    assert purse.refusal(3.0) == EACH


def test_past_half_of_the_common_time_each_goes_on_to_an_even_share_of_the_other_half() -> None:
    purse = Purse(each=100.0, together=20.0, policies=10)
    purse.take(9.9)
    assert purse.refusal(9.9) is None
    purse.take(0.1)
    assert purse.refusal(10.0) == TOGETHER
    assert purse.refusal(0.9) is None
    assert purse.refusal(1.0) == TOGETHER


def test_all_policies_together_never_exceed_the_common_time_by_more_than_one_step_each() -> None:
    purse, spent = Purse(each=100.0, together=20.0, policies=50), [0.0] * 50
    for _round in range(1_000):
        for policy in range(50):
            if purse.refusal(spent[policy]) is None:
                spent[policy] += 0.01
                purse.take(0.01)
    assert sum(spent) <= 20.0 + 50 * 0.01


@pytest.mark.parametrize("storage_settings", ["sqlite"], indirect=True)
def test_of_many_slow_policies_the_cheap_one_is_judged_on_every_resource(
    begin: Any, cloud: Cloud, check: Any
) -> None:
    cloud.queues = {f"queue-{n:02}": {"VisibilityTimeout": "30"} for n in range(30)}
    audit = begin()
    audit.collect(cloud)
    slow = [check(HOSTILE, key=f"slow-{number}") for number in range(10)]
    audit.judge(*slow, check(ENCRYPTED), together=0.4)
    assert {line["outcome"] for line in audit.lines("queues").values()} == {"fail"}
    for policy in slow:
        last = list(audit.lines(policy.key).values())[-1]
        assert last["outcome"] == "unknown"
        assert TOGETHER in last["reasons"][0]["message"]
