"""The caller against servers that fail in every way that AWS and what stands before it do."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import orjson
import pytest

from cloudsealed.collectors.aws.access import AwsAccess, AwsSession
from cloudsealed.collectors.aws.client import AwsCaller
from cloudsealed.collectors.model import CallRequest, Place, unit_of
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.counts import COUNTS
from cloudsealed.vocabulary import CallOutcome

PLACE = Place(account="123456789012", region="eu-west-1")
HTML = "<!DOCTYPE html><html><body>Sign in to the hotel's network</body></html>"
XML_ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>User hunter2 may not"
    "</Message></Error><RequestId>req-1</RequestId></ErrorResponse>"
)
USERS = (
    "<ListUsersResponse><ListUsersResult><IsTruncated>false</IsTruncated><Users>{users}</Users>"
    "</ListUsersResult><ResponseMetadata><RequestId>req-2</RequestId></ResponseMetadata>"
    "</ListUsersResponse>"
)


def request(service="iam", operation="ListUsers", **more):
    return CallRequest(unit=unit_of(PLACE, service, operation, {}), **more)


LISTS = {
    "query": ("iam", "ListUsers"),
    "ec2": ("ec2", "DescribeVpcs"),
    "rest-xml": ("s3", "ListBuckets"),
    "json": ("dynamodb", "ListTables"),
    "rest-json": ("eks", "ListClusters"),
}


@pytest.mark.parametrize("protocol", LISTS)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, HTML),
        (200, f'<?xml version="1.0"?>{HTML}'),
        (200, "<html></html>"),
        (200, ""),
        (200, "<a><b>"),
        (500, HTML),
        (502, ""),
    ],
)
def test_a_page_that_is_no_answer_is_never_an_empty_list(
    protocol, status, body, faults, reply, make_caller
):
    faults.replies = [reply(status, body)]
    answer = make_caller(max_attempts=2).call(request(*LISTS[protocol], items="Anything"))
    assert answer.outcome is CallOutcome.FAILED
    assert answer.document is None
    assert "hotel" not in answer.error_message
    assert faults.requests == 2


@pytest.mark.parametrize("service", ["dynamodb", "eks"])
@pytest.mark.parametrize("body", ["[]", '"text"', "{"])
def test_json_that_is_no_object_is_malformed(service, body, faults, reply, make_caller):
    faults.replies = [reply(200, body)]
    operation = {"dynamodb": "ListTables", "eks": "ListClusters"}[service]
    answer = make_caller(max_attempts=1).call(request(service, operation))
    assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, "MalformedResponse")


@pytest.mark.parametrize(
    "secrets",
    [
        "[null]",
        '"text"',
        '{"a": 1}',
        "[7]",
        '[{"ARN": ["a"]}]',
        '[{"Tags": [null]}]',
        '[{"Tags": {"a": 1}}]',
        '[{"Tags": [{"Key": {"a": 1}, "Value": "b"}]}]',
    ],
)
def test_an_answer_that_is_not_built_as_the_model_says_is_a_failed_call(
    secrets, faults, reply, make_caller
):
    faults.replies = [reply(200, f'{{"SecretList": {secrets}}}')]
    answer = make_caller(max_attempts=1).call(request("secretsmanager", "ListSecrets"))
    assert answer.outcome is CallOutcome.FAILED
    assert answer.document is None


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        ("AccessDenied", 403, CallOutcome.DENIED),
        ("AccessDeniedException", 400, CallOutcome.DENIED),
        ("OptInRequired", 403, CallOutcome.UNSUPPORTED),
        ("InvalidAction", 400, CallOutcome.UNSUPPORTED),
        ("Throttling", 400, CallOutcome.THROTTLED),
        ("ValidationError", 400, CallOutcome.FAILED),
        ("NoSuchEntity", 404, CallOutcome.ABSENT),
    ],
)
def test_an_error_of_aws_is_an_outcome_that_keeps_its_code(
    code, status, outcome, faults, reply, make_caller
):
    faults.replies = [reply(status, XML_ERROR.format(code=code))]
    answer = make_caller(max_attempts=1).call(request(absent=frozenset({"NoSuchEntity"})))
    assert (answer.outcome, answer.error_code) == (outcome, code)
    assert (answer.http_status, answer.request_id) == (status, "req-1")
    assert "hunter2" not in answer.error_message


def test_an_error_in_json_is_understood_too(faults, reply, make_caller):
    body = json.dumps({"__type": "com.amazon#AccessDeniedException", "message": "hunter2"})
    faults.replies = [reply(400, body, "application/x-amz-json-1.0")]
    answer = make_caller().call(request("dynamodb", "ListTables"))
    assert (answer.outcome, answer.error_code) == (CallOutcome.DENIED, "AccessDeniedException")
    assert faults.requests == 1


def test_a_throttled_call_is_tried_again_after_a_growing_pause(faults, reply, make_caller):
    slow = reply(400, XML_ERROR.format(code="Throttling"))
    faults.replies = [slow, slow, slow, reply(200, USERS.format(users=""))]
    pauses: list[float] = []
    answer = make_caller(pauses).call(request(items="Users"))
    assert (answer.outcome, answer.attempts) == (CallOutcome.EMPTY, 4)
    assert pauses == [0.4, 0.8, 1.6]


def test_a_call_that_stays_throttled_ends_as_throttled_and_each_attempt_is_counted(
    faults, reply, make_caller
):
    faults.replies = [reply(400, XML_ERROR.format(code="Throttling"))]
    COUNTS.take()
    answer = make_caller().call(request())
    assert (answer.outcome, answer.attempts) == (CallOutcome.THROTTLED, 5)
    assert COUNTS.take() == {("provider_throttles", (("service", "iam"),)): 5}


def test_a_refused_call_is_not_tried_again(faults, reply, make_caller):
    faults.replies = [reply(403, XML_ERROR.format(code="AccessDenied"))]
    assert make_caller().call(request()).attempts == 1
    assert faults.requests == 1


def test_an_answer_that_is_not_ready_is_waited_for(faults, reply, make_caller):
    pending = reply(410, XML_ERROR.format(code="ReportInProgress"))
    faults.replies = [*[pending] * 7, reply(200, USERS.format(users=""))]
    answer = make_caller().call(request(awaits=frozenset({"ReportInProgress"})))
    assert (answer.outcome, answer.attempts) == (CallOutcome.OK, 8)


def test_no_attempt_begins_after_the_deadline(faults, reply):
    faults.replies = [reply(400, XML_ERROR.format(code="Throttling"))]
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    session = AwsSession(AwsAccess(deadline=3.0))
    caller = AwsCaller(
        session, b"k", {"iam": 1e9}, monotonic=lambda: now[0], sleep=sleep, jitter=lambda: 1.0
    )
    answer = caller.call(request())
    assert (answer.outcome, answer.attempts) == (CallOutcome.THROTTLED, 4)
    assert answer.duration_ms == 2800


def test_a_server_that_never_answers_is_left_at_the_deadline(faults, reply, make_caller):
    faults.replies = [reply(hold=30)]
    answer = make_caller(deadline=1.0, read_timeout=20).call(request())
    assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, "DeadlineExceeded")


def test_an_answer_that_trickles_is_left_at_the_deadline(faults, reply, make_caller):
    faults.replies = [reply(200, USERS.format(users=""), trickle=True)]
    answer = make_caller(deadline=1.0, read_timeout=20).call(request())
    assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, "DeadlineExceeded")


def test_a_port_where_nobody_listens_is_an_unreachable_endpoint(
    credentials, monkeypatch, make_caller
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    answer = make_caller(max_attempts=2).call(request())
    assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, "EndpointUnreachable")
    assert answer.attempts == 2


@pytest.mark.parametrize(
    ("region", "outcome", "code", "attempts"),
    [
        ("eu-west-1", CallOutcome.FAILED, "EndpointUnreachable", 3),
        ("xx-nowhere-1", CallOutcome.UNSUPPORTED, "EndpointNotListed", 1),
    ],
)
def test_a_host_without_an_address_is_an_outage_only_where_the_service_is_known_to_be(
    region, outcome, code, attempts, credentials, make_caller, monkeypatch
):
    def nobody(*_args, **_named):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    unit = unit_of(Place("123456789012", region), "guardduty", "ListDetectors", {})
    answer = make_caller(max_attempts=3).call(CallRequest(unit=unit))
    assert (answer.outcome, answer.error_code, answer.attempts) == (outcome, code, attempts)


def test_an_answer_is_json_with_times_in_utc(faults, reply, make_caller):
    made = "<CreateDate>2026-01-02T03:04:05+02:00</CreateDate>"
    user = f"<member><UserName>ann</UserName>{made}</member>"
    faults.replies = [reply(200, USERS.format(users=user))]
    answer = make_caller().call(request(items="Users"))
    assert answer.outcome is CallOutcome.OK
    assert answer.document == {
        "IsTruncated": False,
        "Users": [{"UserName": "ann", "CreateDate": "2026-01-02T01:04:05.000Z"}],
    }
    assert answer.request_id == "req-2"


def test_secrets_are_gone_when_the_answer_arrives(faults, reply, make_caller):
    user = "<member><UserName>canary-1234</UserName></member>"
    faults.replies = [reply(200, USERS.format(users=user))]
    answer = make_caller().call(request(secret_paths=("Users[].UserName",)))
    assert "canary" not in json.dumps(answer.document)
    assert answer.document["Users"][0]["UserName"]["length"] == len("canary-1234")


@pytest.mark.parametrize(
    ("value", "stored"),
    [(str(2**70), str(2**70)), ('"\\ud800"', "\\ud800"), ("NaN", "nan"), ("-Infinity", "-inf")],
)
def test_a_value_that_cannot_be_stored_is_stored_as_text(value, stored, faults, reply, make_caller):
    faults.replies = [reply(200, f'{{"SecretList": [{{"Name": {value}}}]}}')]
    answer = make_caller().call(request("secretsmanager", "ListSecrets", items="SecretList"))
    assert answer.outcome is CallOutcome.OK
    assert orjson.loads(canonical(answer.document)) == {"SecretList": [{"Name": stored}]}


@pytest.mark.parametrize("secret_paths", [(), ("PolicyVersion.Document",)])
def test_a_policy_of_300_nested_lists_fails_its_call_alone(
    secret_paths, faults, reply, make_caller
):
    policy = quote("[" * 300 + "]" * 300)
    faults.replies = [
        reply(
            200,
            "<GetPolicyVersionResponse><GetPolicyVersionResult><PolicyVersion><Document>"
            f"{policy}</Document></PolicyVersion></GetPolicyVersionResult></GetPolicyVersionResponse>",
        )
    ]
    unit = unit_of(PLACE, "iam", "GetPolicyVersion", {"PolicyArn": "a" * 20, "VersionId": "v1"})
    answer = make_caller().call(CallRequest(unit, secret_paths=secret_paths))
    assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, "unstorable")
    assert answer.attempts == 1


@pytest.mark.parametrize(
    "value", ["[" * 100_000, '{"a":' * 5_000 + "1" + "}" * 5_000, "1" * 5_000, '"2026-99-99"']
)
def test_a_value_that_no_parser_takes_fails_its_call_alone(value, faults, reply, make_caller):
    faults.replies = [reply(200, f'{{"SecretList": [{{"CreatedDate": {value}}}]}}')]
    answer = make_caller(max_attempts=1).call(request("secretsmanager", "ListSecrets"))
    assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, "MalformedResponse")


@pytest.mark.parametrize("ident", ["a" * 5_000, "caf\u00e9 \u0007", ""])
def test_an_id_that_no_row_of_text_could_hold_is_left_out(ident, faults, reply, make_caller):
    body = USERS.format(users="").replace("req-2", ident.replace("\u0007", ""))
    faults.replies = [reply(200, body)]
    answer = make_caller().call(request(items="Users"))
    assert (answer.outcome, answer.request_id) == (CallOutcome.EMPTY, None)


def test_an_operation_that_does_not_read_is_refused(credentials, make_caller):
    with pytest.raises(ValueError, match="iam:DeleteUser"):
        make_caller().call(request(operation="DeleteUser"))


def test_calls_from_many_threads_all_get_their_answers(faults, reply, make_caller):
    faults.replies = [reply(200, USERS.format(users=""))]
    caller = make_caller()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(caller.call, [request(items="Users")] * 40))
    assert {answer.outcome for answer in answers} == {CallOutcome.EMPTY}
    assert faults.requests == 40


def test_calls_of_one_service_keep_under_its_ceiling(faults, reply):
    faults.replies = [reply(200, USERS.format(users=""))]
    now, pauses = [0.0], []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    session = AwsSession(AwsAccess())
    caller = AwsCaller(session, b"k", {"iam": 4.0}, monotonic=lambda: now[0], sleep=sleep)
    for _ in range(5):
        caller.call(request())
    assert pauses == [0.25] * 4
