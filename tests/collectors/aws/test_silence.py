"""Where nothing answers: the breaker, and threads and connections that end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from tests.waiting import SECONDS, until

from cloudsealed.collectors.calling.breaker import (
    FORSAKEN,
    PROBE_SECONDS,
    SILENT,
    Breaker,
    Patience,
)
from cloudsealed.collectors.calling.caller import CallerClosedError
from cloudsealed.collectors.model import CallRequest, Place, unit_of
from cloudsealed.vocabulary import CallOutcome

USERS = "<ListUsersResponse><ListUsersResult><Users/></ListUsersResult></ListUsersResponse>"
WHERE = ("iam", "global")


def request(number=0, region="global"):
    place = Place(account="123456789012", region=region)
    return CallRequest(unit_of(place, "iam", "ListUsers", {"MaxItems": number + 1}), items="Users")


def ended(name="answer"):
    """Wait until no thread of this name is left."""
    until(lambda: name not in {each.name for each in threading.enumerate()}, f"no {name} is left")


def patient(caller, seconds=SECONDS):
    """Give every call of a caller so long from now on."""
    access = caller.session.access
    caller.session.access = replace(access, deadline=seconds, brief=seconds)


def test_after_three_silent_calls_the_rest_is_asked_once_and_briefly(faults, reply, make_caller):
    faults.replies = [reply(hold=60)]
    caller = make_caller(deadline=1.0, read_timeout=20, brief=0.2)
    answers = [caller.call(request(number)) for number in range(13)]
    assert min(answer.duration_ms for answer in answers[3:]) < 1000
    assert {answer.outcome for answer in answers} == {CallOutcome.FAILED}
    codes = [answer.error_code for answer in answers]
    assert codes == ["DeadlineExceeded"] * 3 + ["circuit_open"] * 10
    assert "iam in global" in answers[-1].error_message
    assert faults.requests <= 13
    assert {answer.attempts for answer in answers} == {1}


def test_one_answer_of_any_kind_closes_the_breaker(faults, reply, make_caller):
    refusal = "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"
    faults.replies = [reply(hold=60)]
    caller = make_caller(deadline=0.5)
    for number in range(3):
        caller.call(request(number))
    ended()
    faults.replies = [reply(403, refusal), reply(200, USERS)]
    patient(caller)
    outcomes = [caller.call(request(number)).outcome for number in (3, 4)]
    assert outcomes == [CallOutcome.DENIED, CallOutcome.EMPTY]


def test_another_region_is_not_held_to_account(faults, reply, make_caller):
    faults.replies = [reply(hold=60)]
    caller = make_caller(deadline=0.5)
    for number in range(3):
        caller.call(request(number))
    ended()
    faults.replies = [reply(200, USERS, hold=0.4)]
    caller.session.access = replace(caller.session.access, deadline=SECONDS, brief=0.1)
    assert caller.call(request(region="eu-west-1")).outcome is CallOutcome.EMPTY


def test_a_place_that_stays_silent_costs_a_bounded_time_however_many_calls_it_has(
    faults, reply, make_caller
):
    faults.replies = [reply(hold=60)]
    caller = make_caller(deadline=0.5, brief=0.2)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(caller.call, [request(number) for number in range(1000)]))
    assert faults.requests < 200
    assert {answer.outcome for answer in answers} == {CallOutcome.FAILED}


def test_a_silent_place_is_probed_now_and_then():
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(SILENT - 1):
        breaker.silent(WHERE)
    assert breaker.patience(WHERE) is Patience.WHOLE
    breaker.silent(WHERE)
    assert [breaker.patience(WHERE) for _ in range(3)] == [Patience.BRIEF] * 3
    for _ in range(FORSAKEN):
        breaker.silent(WHERE)
    assert breaker.patience(WHERE) is Patience.NONE
    now[0] += PROBE_SECONDS
    assert [breaker.patience(WHERE) for _ in range(2)] == [Patience.BRIEF, Patience.NONE]
    breaker.answered(WHERE)
    assert breaker.patience(WHERE) is Patience.WHOLE


@pytest.mark.parametrize("how", [{"hold": 60.0}, {"trickle": True}, {"trickle_head": True}])
def test_a_call_that_was_given_up_leaves_no_thread_behind(how, faults, reply, make_caller):
    faults.replies = [reply(200, USERS * 100, **how)]
    caller = make_caller(deadline=0.3, brief=0.3, max_attempts=1)
    for number in range(8):
        assert caller.call(request(number)).outcome is CallOutcome.FAILED
    ended()


def test_closing_ends_the_calls_that_wait(faults, reply, make_caller):
    faults.replies = [reply(200, USERS)]
    caller = make_caller()
    caller.sleep = None
    caller.ceilings = {"iam": 0.01}
    caller.call(request())
    errors = []

    def call():
        try:
            caller.call(request(1))
        except CallerClosedError as error:
            errors.append(error)

    waiting = threading.Thread(target=call)
    waiting.start()
    caller.close()
    waiting.join(SECONDS)
    assert len(errors) == 1


def test_twenty_callers_leave_no_connection_open(faults, reply, make_caller):
    faults.replies = [reply(200, USERS)]
    caller, before = make_caller(), 0
    for turn in range(20):
        before = before or (open_files() if turn else 0)
        caller = make_caller()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(caller.call, [request(number) for number in range(16)]))
        caller.close()
        ended()
    until(lambda: open_files() <= before, "the server's ends are closed")


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))
