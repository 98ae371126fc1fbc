"""Reaching an account: every way in which it fails has its own code and says what to do."""

from __future__ import annotations

import logging

import pytest
from tests.dripping import Dripping

from cloudsealed.collectors.aws.access import AwsAccess, AwsSession, identify
from cloudsealed.collectors.errors import (
    CloudAccessError,
    CredentialsRefusedError,
    EndpointUnreachableError,
    NoCredentialsError,
    ProfileNotFoundError,
    RoleRefusedError,
    SessionExpiredError,
    UnexpectedAnswerError,
)
from cloudsealed.kit.errors import error_classes

ERROR = "<ErrorResponse><Error><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>"


def identity(read_timeout=60, **access):
    return identify(AwsSession(AwsAccess(read_timeout=read_timeout, **access)))


def test_the_emulator_says_who_we_are(emulator):
    found = identity()
    assert (found.account, found.partition) == ("123456789012", "aws")
    assert found.name.startswith("arn:aws:sts::123456789012:")


def test_an_answer_that_never_ends_is_none(credentials, monkeypatch):
    endless = Dripping()
    monkeypatch.setenv("AWS_ENDPOINT_URL", endless.url)
    try:
        with pytest.raises(EndpointUnreachableError):
            identity(deadline=1)
    finally:
        endless.end()


def test_an_assumed_role_makes_us_its_account(emulator):
    role = "arn:aws:iam::210987654321:role/auditor"
    assert identity(role_arn=role, external_id="x-1").account == "210987654321"


def test_without_credentials_the_error_says_where_to_put_them():
    with pytest.raises(NoCredentialsError, match="AWS_ACCESS_KEY_ID"):
        identity()


def test_a_role_without_credentials_to_assume_it_is_no_credentials():
    with pytest.raises(NoCredentialsError):
        identity(role_arn="arn:aws:iam::210987654321:role/auditor")


def test_an_unknown_profile_is_named():
    with pytest.raises(ProfileNotFoundError, match="'staging'"):
        identity(profile="staging")


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "SignatureDoesNotMatch"])
def test_wrong_credentials_are_refused(code, faults, reply):
    faults.replies = [reply(403, ERROR.format(code=code))]
    with pytest.raises(CredentialsRefusedError, match=code):
        identity()


def test_refused_credentials_name_the_region_that_was_asked(faults, reply):
    faults.replies = [reply(403, ERROR.format(code="InvalidClientTokenId"))]
    with pytest.raises(CredentialsRefusedError, match=r"region eu-west-1 .*AWS_REGION"):
        identity()


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({"AWS_REGION": "us-gov-west-1"}, "us-gov-west-1"),
        ({"AWS_REGION": "us-gov-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": ""}, "us-east-1"),
        ({}, "us-east-1"),
    ],
)
def test_the_region_is_the_sdks_and_else_that_of_other_sdks(
    variables, region, credentials, monkeypatch
):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    session = AwsSession(AwsAccess())
    assert session.region == region
    assert session.client("sts", session.region).meta.region_name == region


@pytest.mark.parametrize(
    ("service", "region", "offered"),
    [
        ("guardduty", "eu-west-1", True),
        ("guardduty", "xx-nowhere-1", False),
        ("iam", "global", True),
        ("sns", "us-gov-west-1", True),
    ],
)
def test_botocores_data_say_where_a_service_is(service, region, offered, credentials):
    assert AwsSession(AwsAccess()).offers(service, region) is offered


@pytest.mark.parametrize(("service", "asked"), [("s3", "us-east-1"), ("cloudtrail", "eu-west-1")])
def test_what_every_region_says_alike_is_asked_in_the_session_s_own(service, asked, credentials):
    assert AwsSession(AwsAccess()).client(service, "global").meta.region_name == asked


def test_a_global_service_with_one_endpoint_is_asked_there(credentials):
    client = AwsSession(AwsAccess(region="eu-west-1")).client("globalaccelerator", "global")
    assert client.meta.region_name == "us-west-2"


def test_an_expired_session_says_to_sign_in_again(faults, reply):
    faults.replies = [reply(403, ERROR.format(code="ExpiredToken"))]
    with pytest.raises(SessionExpiredError, match="Sign in again"):
        identity()


def test_a_role_that_may_not_be_assumed_is_named(faults, reply):
    faults.replies = [reply(403, ERROR.format(code="AccessDenied"))]
    with pytest.raises(RoleRefusedError, match="role/auditor"):
        identity(role_arn="arn:aws:iam::210987654321:role/auditor")


def test_an_endpoint_where_nobody_listens_is_unreachable(credentials, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(EndpointUnreachableError, match="AWS_ENDPOINT_URL"):
        identity()


def test_a_region_that_there_is_not_is_named_with_the_nearest(credentials, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-9")
    with pytest.raises(EndpointUnreachableError, match="'eu-west-9'; did you mean 'eu-west-1'"):
        identity()


def test_an_endpoint_that_hangs_is_unreachable(faults, reply):
    faults.replies = [reply(hold=60)]
    with pytest.raises(EndpointUnreachableError):
        identity(read_timeout=0.5)


@pytest.mark.parametrize(("status", "body"), [(200, "<html>hello</html>"), (200, ""), (503, "<p>")])
def test_a_page_that_is_not_aws_is_said_to_be_none(status, body, faults, reply):
    faults.replies = [reply(status, body)]
    with pytest.raises(UnexpectedAnswerError, match="proxy"):
        identity()


def test_every_access_error_has_its_own_code():
    codes = [error.code for error in error_classes(CloudAccessError)]
    assert len(codes) == len(set(codes)) == 10


def test_the_sdk_never_logs_answers():
    for name in ("boto3", "botocore", "urllib3"):
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)


def test_one_client_is_made_for_a_service_and_region(credentials):
    session = AwsSession(AwsAccess())
    assert session.client("sqs", "eu-west-1") is session.client("sqs", "eu-west-1")
    assert session.client("iam", "global").meta.region_name in ("us-east-1", "aws-global")


def test_real_hosts_keep_the_account_before_their_name(credentials):
    client = AwsSession(AwsAccess()).client("s3control", "eu-west-1")
    sent = []
    client.meta.events.register_last("before-sign", lambda request, **_: sent.append(request.url))
    client.meta.events.register("before-send", _nothing_is_sent)
    with pytest.raises(_NotSentError):
        client.get_public_access_block(AccountId="123456789012")
    assert sent[0].startswith("https://123456789012.s3-control.eu-west-1.amazonaws.com/")


class _NotSentError(Exception):
    pass


def _nothing_is_sent(**_):
    raise _NotSentError
