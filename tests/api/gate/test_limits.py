from __future__ import annotations

import time
from typing import Any

import pytest

from cloudsealed.api.gate.limits import Limits, Policy, Rate, tighter
from cloudsealed.settings import Settings, Window, parse_budget
from cloudsealed.storage.counters import MemoryCounters


def _limits(**budgets: str) -> Limits:
    given: dict[str, Any] = {f"limit_{k}": parse_budget(v) for k, v in budgets.items()}
    return Limits(Settings(**given))


def test_a_window_opens_with_the_keys_first_request() -> None:
    limits = _limits(core="3/minute")
    before = time.time()
    first = limits.spend("core", "a")
    assert before + 60 <= first.reset <= time.time() + 60
    assert limits.spend("core", "a").reset == first.reset
    assert (first.remaining, first.exceeded) == (2, False)


def test_one_request_too_many_is_exceeded_and_another_key_is_not() -> None:
    limits = _limits(core="2/minute")
    assert [limits.spend("core", "a").exceeded for _ in range(3)] == [False, False, True]
    assert not limits.spend("core", "b").exceeded


def test_a_window_ends_by_itself() -> None:
    now = [1_000.0]
    counters = MemoryCounters(lambda: now[0])
    limits = Limits(Settings(limit_core=parse_budget("1/second")), counters)
    limits.spend("core", "a")
    now[0] += 0.9
    refused = limits.spend("core", "a")
    assert refused.exceeded
    now[0] = refused.reset
    assert not limits.spend("core", "a").exceeded


def test_a_reservation_over_the_budget_counts_nothing() -> None:
    limits = _limits(reports="2/minute,3/hour")
    assert not limits.reserve("reports", "t").exceeded
    assert not limits.reserve("reports", "t").exceeded
    assert limits.reserve("reports", "t").exceeded
    assert [rate.used for rate in limits.windows("reports", "t")] == [2, 2]
    limits.give_back("reports", "t")
    assert [rate.used for rate in limits.windows("reports", "t")] == [1, 1]


def test_the_window_with_the_fewest_left_is_shown() -> None:
    limits = _limits(reports="5/minute,3/hour")
    assert limits.show("reports", "t").window.seconds == 3600
    assert limits.spend("reports", "t").remaining == 2


def test_showing_counts_nothing() -> None:
    limits = _limits(core="2/minute")
    assert [limits.show("core", "a").remaining for _ in range(3)] == [2, 2, 2]


def test_headers_say_how_the_budget_stands() -> None:
    rate = Rate(Policy("core", Window(1000, 60)), 1001, 1060.2)
    headers = {name.decode(): value.decode() for name, value in rate.headers(1000.0)}
    assert headers == {
        "x-ratelimit-limit": "1000",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "1061",
        "x-ratelimit-used": "1000",
        "x-ratelimit-resource": "core",
        "ratelimit-policy": '"core";q=1000;w=60',
        "ratelimit": '"core";r=0;t=61',
    }
    assert rate.refusal(1000.0).headers == {"Retry-After": "61"}
    assert rate.refusal(2000.0).headers == {"Retry-After": "1"}


@pytest.mark.parametrize(("one", "other", "chosen"), [(5, 4, 4), (4, 5, 4), (None, 9, 9)])
def test_the_tighter_budget_has_fewer_left(one: int | None, other: int, chosen: int) -> None:
    def rate(left: int) -> Rate:
        return Rate(Policy("x", Window(10, 60)), 10 - left, 0)

    assert tighter(None if one is None else rate(one), rate(other)).remaining == chosen


def test_what_a_spent_budget_refuses_is_counted() -> None:
    limits = _limits(core="1/minute")
    for _ in range(3):
        rate = limits.spend("core", "a")
        if rate.exceeded:
            rate.refusal(time.time())
    [family] = limits.collect()
    assert 'cloudsealed_budget_refusals_total{budget="core"} 2.0' in family.text()
    assert 'cloudsealed_budget_refusals_total{budget="login"} 0.0' in family.text()
