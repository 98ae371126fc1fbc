from __future__ import annotations

from heapq import heappop, heappush
from random import Random

from cloudsealed.collectors.aws.ceilings import CEILINGS
from cloudsealed.collectors.calling.pacing import Pacer


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


def test_a_throttled_key_is_halved_once_for_what_was_under_way_and_recovers_slowly():
    time = Time()
    pacer = Pacer(lambda: time.now, time.sleep)
    started = [pacer.wait(("a",), 20.0) for _ in range(4)]
    for each in started:
        pacer.throttled(("a",), each)
    assert pacer.pace(("a",)) == 10.0
    pacer.throttled(("a",), pacer.wait(("a",), 20.0))
    assert 5.0 <= pacer.pace(("a",)) < 5.2
    time.now += 5
    pacer.wait(("a",), 20.0)
    assert 10.0 <= pacer.pace(("a",)) < 10.5


def test_no_second_has_more_calls_than_the_ceiling_whatever_is_throttled_and_late():
    dice, time = Random(11), Time()
    pacer = Pacer(lambda: time.now, time.sleep)
    for ceiling in (1.0, 4.0, 7.0, 20.0):
        key, starts = (str(ceiling),), []
        for _ in range(2000):
            starts.append(pacer.wait(key, ceiling))
            time.now += dice.choice((0, 0, 0.001, 0.3, 2.0))
            if dice.random() < 0.1:
                pacer.throttled(key, starts[-1])
        most = int(ceiling)
        assert all(b - a >= 1.0 - 1e-9 for a, b in zip(starts, starts[most:], strict=False))


def test_no_second_has_more_arrivals_than_the_ceiling_however_late_calls_and_answers_are():
    dice, time = Random(3), Time()
    pacer = Pacer(lambda: time.now, late=30.0)
    for ceiling in (1.0, 4.0, 10.0):
        key, answers, arrivals = (str(ceiling),), [], []

        def sleep(seconds, key=key, answers=answers):
            wake = time.now + seconds
            while answers and answers[0][0] <= wake:
                time.now, started = heappop(answers)
                pacer.ended(key, started)
            time.now = wake

        for _ in range(2000):
            started = pacer.wait(key, ceiling, sleep)
            took = dice.choice((0.0, 0.05, 0.4, 4.0))
            arrivals.append(started + took * dice.random())
            heappush(answers, (started + took, started))
        arrivals.sort()
        most = int(ceiling)
        assert all(b - a >= 1.0 - 1e-9 for a, b in zip(arrivals, arrivals[most:], strict=False))


def test_a_call_that_never_ends_gives_its_place_back():
    time = Time()
    pacer = Pacer(lambda: time.now, time.sleep, late=30.0)
    pacer.wait(("a",), 1.0)
    assert pacer.wait(("a",), 1.0) == 31.0


def test_quick_answers_let_calls_come_at_the_ceiling():
    time = Time()
    pacer = Pacer(lambda: time.now, time.sleep, late=30.0)
    for _ in range(101):
        started = pacer.wait(("a",), 10.0)
        pacer.ended(("a",), started)
    assert 10.0 <= time.now < 10.1
