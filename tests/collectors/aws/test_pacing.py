from __future__ import annotations

from cloudsealed.collectors.aws.pacing import CEILINGS, Pacer


class Time:
    def __init__(self):
        self.now, self.slept = 0.0, []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def test_calls_of_one_key_are_spaced_evenly_and_keys_do_not_wait_for_each_other():
    time = Time()
    pacer = Pacer(lambda: time.now, time.sleep)
    for key in ("a", "a", "b", "a"):
        pacer.wait((key,), per_second=2)
    assert time.slept == [0.5, 0.5]


def test_a_pause_between_calls_counts():
    time = Time()
    pacer = Pacer(lambda: time.now, time.sleep)
    pacer.wait(("a",), per_second=2)
    time.now = 10.0
    pacer.wait(("a",), per_second=2)
    assert time.slept == []


def test_route_53_stays_under_the_five_calls_a_second_that_an_account_has():
    assert CEILINGS["route53"] < 5
