"""An answer larger than the limit is a failed call, and is never held in memory."""

from __future__ import annotations

import gzip
import resource
import subprocess
import sys

import pytest

from cloudsealed.collectors.aws.wire import LARGEST_ANSWER
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
    faults.replies = [reply(status, USERS.format(ONE * 1000), chunked=chunked),
                      reply(200, USERS.format(ONE), chunked=chunked)]  # fmt: skip
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
import resource
from concurrent.futures import ThreadPoolExecutor
from cloudsealed.collectors.aws.access import AwsAccess, AwsSession
from cloudsealed.collectors.aws.client import AwsCaller
from cloudsealed.collectors.model import CallRequest, Place, unit_of
caller = AwsCaller(AwsSession(AwsAccess()), b"k", ceilings={"iam": 1e9})
calls = [CallRequest(unit_of(Place("1" * 12, "global"), "iam", "ListUsers", {"MaxItems": n}),
                     items="Users") for n in range(1, 9)]
caller.session.client("iam", "global")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ThreadPoolExecutor(4) as pool:
    codes = {answer.error_code for answer in pool.map(caller.call, calls)}
print(*codes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("chunked", [False, True])
def test_eight_answers_of_100_mb_take_no_memory_of_that_size(chunked, faults, reply):
    faults.replies = [reply(200, b"<" + b" " * 100_000_000, chunked=chunked)]
    done = subprocess.run(
        [sys.executable, "-c", PEAK], check=True, capture_output=True, text=True, timeout=600
    )
    code, grown = done.stdout.split()
    assert code == "too_large"
    assert int(grown) * 1024 < 5 * 2 * LARGEST_ANSWER
