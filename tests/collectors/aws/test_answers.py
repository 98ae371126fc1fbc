from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from botocore.model import ShapeResolver

from cloudsealed.collectors.aws.answers import (
    Failure,
    MalformedResponseError,
    check_shape,
    failure_of,
    is_transient,
    outcome_of,
    plain,
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


def test_a_response_becomes_json():
    east = timezone(timedelta(hours=2))
    response = {
        "At": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=east),
        "Naive": datetime(2026, 1, 2),  # noqa: DTZ001 - naive on purpose
        "Bytes": b"\x00\xff",
        "List": ({"Deep": [None, True, 1, 1.5, Decimal("2.5")]},),
    }
    assert plain(response) == {
        "At": "2026-01-02T01:04:05.678Z",
        "Naive": "2026-01-02T00:00:00.000Z",
        "Bytes": "AP8=",
        "List": [{"Deep": [None, True, 1, 1.5, "2.5"]}],
    }


def test_a_value_that_a_model_leaves_open_may_be_built_in_any_way():
    models = {
        "Any": {"type": "structure", "members": {}, "document": True},
        "Text": {"type": "string"},
        "Whole": {
            "type": "structure",
            "members": {"Open": {"shape": "Any"}, "Json": {"shape": "Text", "jsonvalue": True}},
        },
    }
    whole = ShapeResolver(models).get_shape_by_name("Whole")
    check_shape({"Open": ["a", None], "Json": {"a": [None]}}, whole)
    with pytest.raises(MalformedResponseError):
        check_shape(["no structure"], whole)
