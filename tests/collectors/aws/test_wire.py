"""An answer larger than the limit is a failed call, and is never held in memory."""

from __future__ import annotations

import gzip
import resource
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.waiting import until

from cloudsealed.collectors.calling import wire
from cloudsealed.collectors.calling.wire import LARGEST_ANSWER, Call
from cloudsealed.collectors.model import CallRequest, Place, unit_of
from cloudsealed.vocabulary import CallOutcome

USERS = (
    "<ListUsersResponse><ListUsersResult><Users>{}</Users></ListUsersResult></ListUsersResponse>"
)
UNIT = unit_of(Place("123456789012", "global"), "iam", "ListUsers", {})
REQUEST = CallRequest(UNIT, items="Users")
ONE = "<member><UserName>ann</UserName></member>"


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_over_the_limit_fails_its_call_alone(chunked, status, faults, reply, make_caller):
    faults.replies = [
        reply(status, USERS.format(ONE * 1000), chunked=chunked),
        reply(200, USERS.format(ONE), chunked=chunked),
    ]
    caller = make_caller(largest=10_000)
    answer = caller.call(REQUEST)
    assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, "too_large")
    assert (answer.document, answer.attempts) == (None, 1)
    assert caller.call(REQUEST).outcome is CallOutcome.OK


def test_an_answer_of_exactly_the_limit_is_read(faults, reply, make_caller):
    body = USERS.format(ONE)
    faults.replies = [reply(200, body)]
    assert make_caller(largest=len(body)).call(REQUEST).outcome is CallOutcome.OK
    assert make_caller(largest=len(body) - 1).call(REQUEST).error_code == "too_large"


def test_a_small_body_never_becomes_a_large_one(faults, reply, make_caller):
    bomb = gzip.compress(b"<a>" + b" " * (64 * 2**20))
    faults.replies = [reply(200, bomb, headers={"Content-Encoding": "gzip"})]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = make_caller(max_attempts=1).call(REQUEST)
    assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, "MalformedResponse")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024  # KiB


PEAK = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from cloudsealed.collectors.aws.access import AwsAccess, AwsSession
from cloudsealed.collectors.aws.client import AwsCaller
from cloudsealed.collectors.model import CallRequest, Place, unit_of
def most():  # getrusage would begin with what the process of the tests has
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
caller = AwsCaller(AwsSession(AwsAccess(deadline=300)), b"k", ceilings={"iam": 1e9})
calls = [CallRequest(unit_of(Place("1" * 12, "global"), "iam", "ListUsers", {"MaxItems": n + 1}),
                     items="Users") for n in range(int(sys.argv[1]))]
caller.session.client("iam", "global")
before = most()
def end(call):
    answer = caller.call(call)
    return answer.error_code or answer.outcome.value
with ThreadPoolExecutor(len(calls)) as pool:
    ends = set(pool.map(end, calls))
peak = most()
print(*ends, peak * 1024, (peak - before) * 1024)
"""


def peak(calls):
    """Return how `calls` calls at once ended, the peak of their process and how much it grew, in
    bytes."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(calls)],
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    end, total, grown = done.stdout.split()
    return end, int(total), int(grown)


@pytest.mark.parametrize("chunked", [False, True])
def test_eight_answers_of_100_mb_take_no_memory_of_that_size(chunked, faults, reply):
    faults.replies = [reply(200, b"<" + b" " * 100_000_000, chunked=chunked)]
    end, _, grown = peak(8)
    assert end == "too_large"
    assert grown < 5 * 2 * LARGEST_ANSWER


def test_of_eight_large_answers_at_once_one_is_worked_on_at_a_time(faults, reply):
    member = f"<member><UserName>{'a' * 1_000_000}</UserName><Path>/</Path></member>"
    faults.replies = [reply(200, USERS.format(member * (15_000_000 // len(member))))]
    (one_end, one, _), (end, eight, _) = peak(1), peak(8)
    assert {one_end, end} == {"ok"}
    assert eight <= 2.5 * one  # 2 times; without turns 3.4 times


def test_the_wait_for_a_turn_is_no_part_of_a_calls_deadline():
    call, results = Call(), []
    waiting = threading.Thread(
        target=lambda: results.append(call.within(0.1, lambda: call.take_turn() or "done"))
    )
    with wire._turn:
        waiting.start()
        until(lambda: call.waited > 0.3, "the call waits")
        assert waiting.is_alive()
    waiting.join(60)
    assert results == ["done"]
    until(lambda: not wire._turn.locked(), "the turn is given back")


def test_a_closed_caller_ends_the_wait_for_a_turn(faults, reply, make_caller):
    faults.replies = [reply(200, USERS.format(ONE * (2 * wire.LARGE // len(ONE))))]
    caller = make_caller(max_attempts=1)
    with wire._turn, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(caller.call, REQUEST)
        until(lambda: faults.requests == 1, "the call was sent")
        caller.close()
        assert answer.result(60).error_code == "DeadlineExceeded"


def test_a_large_answer_that_is_none_gives_its_turn_to_the_next(faults, reply, make_caller):
    good = USERS.format(ONE * (2 * wire.LARGE // len(ONE)))
    faults.replies = [reply(200, good.replace("</Users>", "")), reply(200, good, chunked=True)]
    caller = make_caller(max_attempts=1)
    assert caller.call(REQUEST).error_code == "MalformedResponse"
    assert caller.call(REQUEST).outcome is CallOutcome.OK
