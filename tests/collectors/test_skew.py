"""A session knows how far AWS's clock is from ours, also when AWS refuses it for that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from cloudsealed.collectors.aws.access import AwsAccess, AwsSession, identify
from cloudsealed.collectors.errors import SessionExpiredError

NOW = datetime(2026, 11, 29, 12, 0, 0, 400_000, tzinfo=UTC)
IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:root</Arn>"
    "<UserId>1</UserId><Account>123456789012</Account></GetCallerIdentityResult>"
    "</GetCallerIdentityResponse>"
)
EXPIRED = "<ErrorResponse><Error><Code>RequestExpired</Code></Error></ErrorResponse>"


@pytest.fixture
def session(faults):
    return AwsSession(AwsAccess(), clock=lambda: NOW)


def dated(by: timedelta) -> dict[str, str]:
    return {"Date": format_datetime(NOW + by, usegmt=True)}


def test_before_anything_answered_nothing_is_known_of_the_clock(session):
    assert session.clock_skew() is None


@pytest.mark.parametrize("seconds", [-60 * 86_400, -90, 0, 90, 3600])
def test_the_skew_is_what_the_provider_is_ahead(session, faults, reply, seconds):
    faults.replies = [reply(200, IDENTITY, headers=dated(timedelta(seconds=seconds)))]
    identify(session)
    assert session.clock_skew() == timedelta(seconds=seconds)


def test_a_call_that_is_refused_for_the_clock_says_how_wrong_it_is(session, faults, reply):
    faults.replies = [reply(403, EXPIRED, headers=dated(timedelta(days=-60)))]
    with pytest.raises(SessionExpiredError):
        identify(session)
    assert session.clock_skew() == timedelta(days=-60)


def test_one_response_with_a_wrong_date_moves_nothing(session, faults, reply):
    ahead = [reply(200, IDENTITY, headers=dated(timedelta(seconds=5))) for _ in range(2)]
    faults.replies = [ahead[0], reply(200, IDENTITY, headers=dated(timedelta(days=-400))), ahead[1]]
    for _ in range(3):
        identify(session)
    assert session.clock_skew() == timedelta(seconds=5)


@pytest.mark.parametrize(
    "headers", [{"Date": "yesterday"}, {"Date": ""}, dated(timedelta(days=-1)) | {"Age": "86400"}]
)
def test_a_response_without_a_time_of_its_own_says_nothing(session, faults, reply, headers):
    faults.replies = [reply(200, IDENTITY, headers=headers)]
    identify(session)
    assert session.clock_skew() is None
