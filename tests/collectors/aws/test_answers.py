from __future__ import annotations

import ssl

import pytest
import urllib3
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    ParamValidationError,
    SSLError,
    SSOTokenLoadError,
)

from cloudsealed.collectors.aws.answers import (
    NOT_ENABLED,
    AwsFailure,
    failure_of,
    is_expired,
    is_refused,
    is_silence,
    is_transient,
    outcome_of,
    sentence,
    sentence_of,
)
from cloudsealed.collectors.aws.denials import Denier
from cloudsealed.collectors.model import curable
from cloudsealed.vocabulary import CallOutcome

NEVER = frozenset[str]()


def client_error(code, status=400, message="m", operation="ListUsers"):
    error = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(error, operation)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("AccessDenied", CallOutcome.DENIED),
        ("Client.UnauthorizedOperation", CallOutcome.DENIED),
        ("AuthorizationErrorException", CallOutcome.DENIED),
        ("403", CallOutcome.DENIED),
        ("UnknownOperationException", CallOutcome.UNSUPPORTED),
        ("InvalidAction", CallOutcome.UNSUPPORTED),
        ("UnsupportedOperation", CallOutcome.UNSUPPORTED),
        ("OptInRequired", CallOutcome.UNSUPPORTED),
        ("SubscriptionRequiredException", CallOutcome.UNSUPPORTED),
        ("EndpointNotListed", CallOutcome.UNSUPPORTED),
        ("ThrottlingException", CallOutcome.THROTTLED),
        ("RequestLimitExceeded", CallOutcome.THROTTLED),
        ("SlowDown", CallOutcome.THROTTLED),
        ("TooManyRequestsException", CallOutcome.THROTTLED),
        ("UnrecognizedClientException", CallOutcome.FAILED),
        ("ExpiredTokenException", CallOutcome.FAILED),
        ("ResourceNotFoundException", CallOutcome.FAILED),
        ("NotAccessDenied", CallOutcome.FAILED),
    ],
)
def test_codes_of_aws_have_their_outcomes(code, outcome):
    assert outcome_of(AwsFailure(code), NEVER) is outcome


@pytest.mark.parametrize("denier", Denier)
def test_what_denies_a_call_is_named_and_no_permission_is_asked_for(denier):
    failure = AwsFailure("AccessDenied", 403, denier=denier)
    outcome = outcome_of(failure)
    by_organization = outcome is CallOutcome.DENIED_BY_ORGANIZATION
    assert by_organization is denier.is_organization
    assert not curable(outcome, sentence_of(failure, outcome, "ec2 in eu-west-1"))
    assert curable(CallOutcome.DENIED, sentence(CallOutcome.DENIED, "AccessDenied"))


def test_words_of_a_failure_that_is_no_denial_make_none_of_it():
    assert outcome_of(AwsFailure("ValidationError", 400, denier=Denier.OTHER)) is CallOutcome.FAILED


@pytest.mark.parametrize(
    ("code", "expired", "refused"),
    [
        ("ExpiredToken", True, False),
        ("ExpiredTokenException", True, False),
        ("RequestExpired", True, False),
        ("NoCredentials", True, False),
        ("InvalidClientTokenId", False, True),
        ("UnrecognizedClientException", False, True),
        ("AuthFailure", False, True),
        ("SignatureDoesNotMatch", False, True),
        ("AccessDenied", False, False),
        ("Throttling", False, False),
    ],
)
def test_the_end_of_a_session_is_told_from_credentials_that_a_region_does_not_know(
    code, expired, refused
):
    failure = AwsFailure(code, 403)
    assert (is_expired(failure), is_refused(failure)) == (expired, refused)


def test_what_belongs_to_others_is_denied_and_no_doubt_about_the_credentials():
    error = client_error("AuthFailure", 403, "Not authorized for images: [ami-1]")
    failure = failure_of(error)
    assert outcome_of(failure) is CallOutcome.DENIED
    assert not is_refused(failure)


@pytest.mark.parametrize(
    ("code", "operation", "expired"),
    [
        ("AccessDenied", "AssumeRole", True),
        ("Throttling", "AssumeRole", False),
        ("RegionDisabledException", "AssumeRole", True),
        ("InvalidIdentityToken", "AssumeRoleWithWebIdentity", True),
        ("IDPRejectedClaim", "AssumeRoleWithWebIdentity", True),
        ("IDPCommunicationError", "AssumeRoleWithWebIdentity", False),
        ("ServiceUnavailable", "AssumeRoleWithWebIdentity", False),
        ("ResourceNotFoundException", "GetRoleCredentials", True),
    ],
)
def test_a_role_that_is_no_longer_given_ends_the_session(code, operation, expired):
    failure = failure_of(client_error(code, 400, operation=operation))
    assert is_expired(failure) is expired
    assert not is_expired(failure_of(client_error(code, 400)))


def test_a_call_that_a_region_does_not_know_is_no_missing_permission():
    """What services over REST answer to it (jantman/awslimitchecker, issue 336)."""
    text = "Unable to determine service/operation name to be authorized"
    failure = failure_of(client_error("AccessDeniedException", 403, text))
    assert outcome_of(failure) is CallOutcome.UNSUPPORTED
    assert not curable(outcome_of(failure), sentence_of(failure, outcome_of(failure), "efs"))
    of_a_name = f'{text}: not authorized to perform: "x" because no identity-based policy allows x'
    assert outcome_of(failure_of(client_error("AccessDenied", 403, of_a_name))).denied


def test_a_service_that_is_not_enabled_is_no_missing_permission():
    """Amazon Macie calls it a refusal, by the code of one."""
    failure = failure_of(client_error("AccessDeniedException", 403, "Macie is not enabled."))
    assert failure.code == NOT_ENABLED
    assert outcome_of(failure, frozenset({NOT_ENABLED})) is CallOutcome.ABSENT
    of_a_name = 'User: arn:aws:iam::1:user/x is not authorized: "Macie is not enabled" is a name'
    refused = failure_of(client_error("AccessDeniedException", 403, of_a_name))
    assert outcome_of(refused, frozenset({NOT_ENABLED})).denied


def test_a_code_that_says_that_there_is_none_is_an_absence():
    assert outcome_of(AwsFailure("AccessDenied"), frozenset({"AccessDenied"})) is CallOutcome.ABSENT


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
        (CredentialRetrievalError(provider="p", error_msg="secret"), "NotRenewed"),
        (SSOTokenLoadError(error_msg="secret"), "ExpiredToken"),
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
        (AwsFailure("Throttling", 400), True),
        (AwsFailure("InternalError", 500), True),
        (AwsFailure("Whatever", 503), True),
        (AwsFailure("EndpointUnreachable"), True),
        (AwsFailure("MalformedResponse"), True),
        (AwsFailure("DeadlineExceeded"), False),
        (AwsFailure("AccessDenied", 403), False),
        (AwsFailure("ValidationError", 400), False),
        (AwsFailure("NotImplemented", 501), False),
    ],
)
def test_only_what_may_pass_is_tried_again(failure, transient):
    assert is_transient(failure) is transient


def test_the_outcomes_of_calls_are_read_forbidden_or_neither_in_one_table():
    read = {CallOutcome.OK, CallOutcome.EMPTY, CallOutcome.ABSENT}
    nothing_there = {CallOutcome.GONE, CallOutcome.UNSUPPORTED}
    assert {each for each in CallOutcome if each.answered} == read
    assert {each for each in CallOutcome if each.unread} == set(CallOutcome) - read - nothing_there
    assert {each for each in CallOutcome if each.forbidden} < {
        each for each in CallOutcome if each.denied
    }


def refused_by_tls(error):
    return failure_of(
        SSLError(endpoint_url="https://aws", error=urllib3.exceptions.SSLError(error))
    )


@pytest.mark.parametrize(
    ("error", "code", "transient"),
    [
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "TlsFailed", True),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "TlsFailed", True),
        (ssl.SSLCertVerificationError(1, "self-signed"), "CertificateUntrusted", False),
        (FileNotFoundError(2, "No such file"), "AuthoritiesUnreadable", False),
        (ConnectionResetError(104, "reset"), "TlsFailed", True),
    ],
)
def test_a_handshake_that_breaks_off_is_tried_again_and_a_certificate_is_not(
    error, code, transient
):
    failure = refused_by_tls(error)
    assert failure.code == code
    assert is_transient(failure) is transient
    assert is_silence(failure) is transient
