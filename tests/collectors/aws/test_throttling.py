"""A service that takes five calls a second, over a clock that only pauses move."""

from __future__ import annotations

from cloudsealed.collectors.aws.access import AwsAccess, AwsSession
from cloudsealed.collectors.aws.ceilings import CEILINGS
from cloudsealed.collectors.aws.client import AwsCaller
from cloudsealed.collectors.calling.pacing import Pacer
from cloudsealed.collectors.model import CallRequest, Place, unit_of
from cloudsealed.testing.emulator_faults import Window
from cloudsealed.vocabulary import CallOutcome

USER = "<GetUserResponse><GetUserResult><User>{}</User></GetUserResult></GetUserResponse>".format(
    "<Path>/</Path><UserName>a</UserName><UserId>AIDA</UserId><Arn>arn:aws:iam::1:user/a</Arn>"
    "<CreateDate>2026-01-01T00:00:00Z</CreateDate>"
)
THROTTLED = "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>"
AVAILABLE = 5
"""Calls that the service lets in within a second; ours has a higher ceiling."""


def test_no_call_is_lost_to_a_service_that_takes_half_of_the_ceiling(faults, reply):
    now, came, let_in = [0.0], Window(), Window()

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def answer():
        came.add(now[0])
        if let_in.count(now[0]) >= AVAILABLE:
            return reply(400, THROTTLED)
        let_in.add(now[0])
        return reply(200, USER)

    faults.next = answer
    caller = AwsCaller(
        AwsSession(AwsAccess()),
        b"k",
        monotonic=lambda: now[0],
        sleep=sleep,
        jitter=lambda: 0.5,
        pacer=Pacer(lambda: now[0], sleep),
    )
    place = Place(account="123456789012", region="eu-west-1")
    units = [unit_of(place, "iam", "GetUser", {"UserName": f"u{i}"}) for i in range(100)]
    outcomes = {caller.call(CallRequest(unit)).outcome for unit in units}
    assert outcomes == {CallOutcome.OK}
    assert let_in.most == AVAILABLE < came.most <= CEILINGS["iam"]
