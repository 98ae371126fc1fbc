from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError
from tests.waiting import SECONDS, until

from cloudsealed.testing.emulator import Emulator, EmulatorError, control
from cloudsealed.testing.emulator_faults import FaultBook, FaultRule
from cloudsealed.testing.emulator_wire import Call

ClientMaker = Callable[..., Any]

UNIMPLEMENTED = {
    "ec2": ("ec2", "describe_local_gateways"),
    "query": ("rds", "describe_certificates"),
    "json": ("cloudtrail", "lookup_events"),
    "rest-json": ("lambda", "list_code_signing_configs"),
    "rest-xml": ("route53", "list_traffic_policies"),
}
CODED_FAULTS = [
    ("access_denied", "ec2", "AccessDenied"),
    ("access_denied", "lambda", "AccessDenied"),
    ("throttle", "ec2", "RequestLimitExceeded"),
    ("throttle", "iam", "Throttling"),
    ("throttle", "sqs", "ThrottlingException"),
    ("throttle", "s3", "SlowDown"),
    ("expired_token", "s3", "ExpiredToken"),
    ("expired_token", "sqs", "ExpiredTokenException"),
]
LISTS = {
    "ec2": "describe_vpcs",
    "iam": "list_users",
    "lambda": "list_functions",
    "s3": "list_buckets",
    "sqs": "list_queues",
}
PARENT = """
import sys, time
from cloudsealed.testing.emulator import Emulator
emulator = Emulator().__enter__()
print(emulator.endpoint, flush=True)
time.sleep(120)
"""


def error_code(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


def refuses(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=SECONDS)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/_cloudsealed/calls")
            connection.getresponse().read()
        except OSError:
            return True
    return False


def test_it_answers_as_the_default_account(client: ClientMaker) -> None:
    assert client("sts").get_caller_identity()["Account"] == "123456789012"


@pytest.mark.parametrize(
    ("partition", "region"),
    [("aws", "eu-west-1"), ("aws-us-gov", "us-gov-east-1"), ("aws-cn", "cn-northwest-1")],
)
def test_its_environment_names_a_region_of_its_partition(partition: str, region: str) -> None:
    environment = Emulator(partition=partition).environment()
    assert {environment["AWS_REGION"], environment["AWS_DEFAULT_REGION"]} == {region}


def test_its_environment_is_enough_for_a_client_of_another_process(emulator: Emulator) -> None:
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    environment = {"PATH": os.environ["PATH"], **emulator.environment()}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout.strip() == "123456789012", done.stderr


def test_a_connection_serves_many_requests(emulator: Emulator) -> None:
    address = urlsplit(emulator.endpoint)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=SECONDS)
    with contextlib.closing(connection):
        connection.connect()
        socket = connection.sock
        for _ in range(3):
            connection.request("GET", "/_cloudsealed/calls")
            assert connection.getresponse().read()
            assert connection.sock is socket


@pytest.mark.parametrize("protocol", UNIMPLEMENTED)
def test_an_operation_that_moto_lacks_is_access_denied(client: ClientMaker, protocol: str) -> None:
    service, operation = UNIMPLEMENTED[protocol]
    assert error_code(getattr(client(service), operation)) == "AccessDenied"


def test_an_error_that_moto_means_passes_through(client: ClientMaker) -> None:
    read = client("s3").get_bucket_policy
    assert error_code(lambda: read(Bucket="no-such-bucket-here")) == "NoSuchBucket"


def test_calls_are_counted_by_operation_and_status(emulator: Emulator, client: ClientMaker) -> None:
    client("ec2").describe_vpcs()
    client("ec2").describe_vpcs()
    error_code(client("rds").describe_certificates)
    calls = emulator.calls()
    counted = {(row["service"], row["operation"], row["status"]): row for row in calls["rows"]}
    assert calls["total"] == 3
    assert counted["ec2", "DescribeVpcs", 200]["count"] == 2
    assert counted["rds", "DescribeCertificates", 403]["count"] == 1
    assert counted["ec2", "DescribeVpcs", 200]["region"] == "eu-west-1"
    emulator.reset()
    assert emulator.calls() == {"total": 0, "rows": [], "busiest": []}


def test_the_busiest_second_of_a_service_and_region_counts_what_was_refused_too(
    emulator: Emulator, client: ClientMaker
) -> None:
    emulator.faults({"service": "ec2", "kind": "throttle"})
    error_code(client("ec2").describe_vpcs)
    client("sqs").list_queues()
    [ec2, sqs] = emulator.calls()["busiest"]
    assert ec2 == {"account": "123456789012", "service": "ec2", "region": "eu-west-1", "most": 1}
    assert sqs["service"] == "sqs"


def test_a_service_lets_in_so_many_calls_of_a_second_and_throttles_the_rest() -> None:
    now = [0.0]
    book = FaultBook(lambda: now[0])
    book.replace([FaultRule(service="*", kind="throttle", above=5)])
    here, there = (Call("iam", "ListUsers", region, "", "query") for region in ("a", "b"))
    assert [book.take(here, "1") for _ in range(7)] == [None] * 5 + ["throttle"] * 2
    assert book.take(there, "1") is None
    now[0] = 1.0
    assert book.take(here, "1") is None


def test_a_share_of_the_calls_meets_a_fault() -> None:
    book = FaultBook()
    book.replace([FaultRule(service="iam", kind="throttle", share=0.3)])
    call = Call("iam", "ListUsers", "eu-west-1", "", "query")
    met = [book.take(call, "1") for _ in range(1000)].count("throttle")
    assert 250 < met < 350


@pytest.mark.parametrize(("kind", "service", "code"), CODED_FAULTS)
def test_a_fault_has_the_code_of_its_protocol(
    emulator: Emulator, client: ClientMaker, kind: str, service: str, code: str
) -> None:
    emulator.faults({"service": service, "kind": kind})
    assert error_code(getattr(client(service), LISTS[service])) == code


def test_a_server_error_is_http_500(emulator: Emulator, client: ClientMaker) -> None:
    emulator.faults({"service": "sqs", "kind": "http_500"})
    assert error_code(client("sqs").list_queues) == "500"


def test_a_malformed_answer_cannot_be_parsed(emulator: Emulator, client: ClientMaker) -> None:
    emulator.faults({"service": "ec2", "kind": "malformed"})
    with pytest.raises(ResponseParserError):
        client("ec2").describe_vpcs()


def test_an_html_answer_has_status_200_and_says_that_it_is_html(
    emulator: Emulator, client: ClientMaker
) -> None:
    emulator.faults({"service": "ec2", "kind": "html"})
    answer = client("ec2").describe_vpcs()["ResponseMetadata"]
    assert answer["HTTPStatusCode"] == 200
    assert answer["HTTPHeaders"]["content-type"].startswith("text/html")


def test_a_hanging_call_outlasts_a_clients_patience(
    emulator: Emulator, client: ClientMaker
) -> None:
    emulator.faults({"service": "sqs", "kind": "hang"})
    with pytest.raises(ReadTimeoutError):
        client("sqs", read_timeout=0.5).list_queues()


def test_a_fault_ends_after_its_times(emulator: Emulator, client: ClientMaker) -> None:
    emulator.faults({"service": "sqs", "kind": "throttle", "times": 1})
    assert error_code(client("sqs").list_queues) == "ThrottlingException"
    assert client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    "other", [{"operation": "GetQueueUrl"}, {"region": "us-east-1"}, {"account": "210987654321"}]
)
def test_a_fault_speaks_only_of_what_it_names(
    emulator: Emulator, client: ClientMaker, other: dict[str, str]
) -> None:
    emulator.faults({"service": "sqs", "kind": "access_denied", **other})
    assert client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_cleared_faults_are_gone(emulator: Emulator, client: ClientMaker) -> None:
    emulator.faults({"service": "sqs", "kind": "access_denied"})
    emulator.faults()
    assert client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    "rule", [{"service": "s3", "kind": "fire"}, {"kind": "hang"}, {"service": "s3", "knid": "hang"}]
)
def test_a_rule_with_a_typing_error_is_refused(emulator: Emulator, rule: dict[str, str]) -> None:
    with pytest.raises(EmulatorError, match="refused POST faults"):
        emulator.faults(rule)


def test_a_kind_that_cannot_age_is_refused(emulator: Emulator) -> None:
    value = {"account": "1", "region": "r", "kind": "aws.none", "ident": "x", "days": 1}
    with pytest.raises(EmulatorError, match=r"aws\.none"):
        control(emulator.endpoint, "POST", "age", value)


def test_the_log_has_a_line_a_call_and_the_process_ends_with_its_user(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    with Emulator(log=log) as emulator:
        session = boto3.Session("LARKSPURMAIN", "emulated", region_name="eu-west-1")
        session.client("sqs", endpoint_url=emulator.endpoint).list_queues()
    assert refuses(emulator.endpoint)
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(row["service"], row["operation"], row["status"]) for row in rows] == [
        ("sqs", "ListQueues", 200)
    ]


def test_it_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    endpoint = parent.stdout.readline().strip()
    assert not refuses(endpoint)
    parent.send_signal(signal.SIGKILL)
    parent.wait(SECONDS)
    parent.stdout.close()
    until(lambda: refuses(endpoint), "it ends")


def test_it_ends_when_the_named_parent_dies_though_input_stays_open() -> None:
    named = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    command = [sys.executable, "-m", "cloudsealed.testing.emulator", "--parent-pid", str(named.pid)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        endpoint = json.loads(process.stdout.readline())["endpoint"]
        assert not refuses(endpoint)
        named.communicate(b"\n", timeout=SECONDS)
        assert process.wait(SECONDS) == 0
        assert refuses(endpoint)


def test_missing_moto_is_one_clear_line() -> None:
    code = (
        "import sys; sys.modules['moto'] = None\n"
        "from cloudsealed.testing.emulator import main\nsys.exit(main([]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        input="",
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'cloudsealed[demo]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_emulator_that_is_not_ready_in_time_is_an_error() -> None:
    with pytest.raises(EmulatorError, match="did not start"), Emulator(start_seconds=0.0):
        pytest.fail("it should not have started")
