from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError

from cloudsealed.collectors.aws.answers import (
    Failure,
    failure_of,
    is_transient,
    outcome_of,
    sentence,
)
from cloudsealed.vocabulary import CallOutcome

NEVER = frozenset[str]()


def client_error(code, status=400):
    error = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(error, "ListUsers")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("AccessDenied", CallOutcome.DENIED),
        ("Client.UnauthorizedOperation", CallOutcome.DENIED),
        ("UnrecognizedClientException", CallOutcome.DENIED),
        ("ExpiredTokenException", CallOutcome.DENIED),
        ("SubscriptionRequiredException", CallOutcome.DENIED),
        ("AuthorizationErrorException", CallOutcome.DENIED),
        ("403", CallOutcome.DENIED),
        ("ThrottlingException", CallOutcome.THROTTLED),
        ("RequestLimitExceeded", CallOutcome.THROTTLED),
        ("SlowDown", CallOutcome.THROTTLED),
        ("TooManyRequestsException", CallOutcome.THROTTLED),
        ("ResourceNotFoundException", CallOutcome.FAILED),
        ("NotAccessDenied", CallOutcome.FAILED),
    ],
)
def test_codes_of_aws_have_their_outcomes(code, outcome):
    assert outcome_of(Failure(code), NEVER) is outcome


def test_a_code_that_says_that_there_is_none_is_an_absence():
    assert outcome_of(Failure("AccessDenied"), frozenset({"AccessDenied"})) is CallOutcome.ABSENT


def test_a_page_that_botocore_takes_for_a_code_is_not_passed_on():
    assert failure_of(client_error("<html>hello world</html>", 502)).code == "502"
    assert failure_of(client_error("Unknown", 200)).code == "MalformedResponse"
    assert failure_of(client_error(None, None)).code == "MalformedResponse"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EndpointConnectionError(endpoint_url="http://secret@host"), "EndpointUnreachable"),
        (ParamValidationError(report="secret"), "ClientFailure"),
        (TimeoutError("secret"), "DeadlineExceeded"),
        (RuntimeError("secret"), "ClientFailure"),
    ],
)
def test_every_exception_is_a_code_without_its_text(error, code):
    failure = failure_of(error)
    assert failure.code == code
    assert "secret" not in sentence(CallOutcome.FAILED, failure.code)


@pytest.mark.parametrize(
    ("failure", "transient"),
    [
        (Failure("Throttling", 400), True),
        (Failure("InternalError", 500), True),
        (Failure("Whatever", 503), True),
        (Failure("EndpointUnreachable"), True),
        (Failure("MalformedResponse"), True),
        (Failure("DeadlineExceeded"), False),
        (Failure("AccessDenied", 403), False),
        (Failure("ValidationError", 400), False),
    ],
)
def test_only_what_may_pass_is_tried_again(failure, transient):
    assert is_transient(failure) is transient
