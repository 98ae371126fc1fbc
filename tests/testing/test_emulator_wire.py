from __future__ import annotations

import pytest

from cloudsealed.testing.emulator_wire import read_call

SIGNED = "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/eu-west-1/{}/aws4_request, Signature=0"


@pytest.mark.parametrize(
    ("signing_name", "method", "path", "query", "expected"),
    [
        ("s3", "GET", "/", "", ("s3", "ListBuckets")),
        ("s3", "GET", "/larkspur", "policy", ("s3", "GetBucketPolicy")),
        ("s3", "GET", "/larkspur", "list-type=2", ("s3", "ListObjectsV2")),
        ("s3", "PUT", "/larkspur/a/b", "", ("s3", "PutObject")),
        (
            "s3",
            "GET",
            "/v20180820/configuration/publicAccessBlock",
            "",
            ("s3control", "GetPublicAccessBlock"),
        ),
        ("lambda", "GET", "/2015-03-31/functions", "", ("lambda", "ListFunctions")),
        ("lambda", "GET", "/2015-03-31/functions/f/policy", "", ("lambda", "GetPolicy")),
        (
            "elasticfilesystem",
            "GET",
            "/2015-02-01/file-systems",
            "",
            ("efs", "DescribeFileSystems"),
        ),
        ("nothing-known", "GET", "/", "", ("nothing-known", "Unknown")),
    ],
)
def test_a_rest_request_names_its_operation(
    signing_name: str, method: str, path: str, query: str, expected: tuple[str, str]
) -> None:
    headers = {"authorization": SIGNED.format(signing_name), "x-amz-account-id": "123456789012"}
    call = read_call(method, path, query, headers, b"")
    assert (call.service, call.operation) == expected
    assert (call.region, call.access_key) == ("eu-west-1", "AKIAX")


@pytest.mark.parametrize(("version", "service"), [("2015-12-01", "elbv2"), ("2012-06-01", "elb")])
def test_the_version_tells_the_load_balancing_services_apart(version: str, service: str) -> None:
    headers = {
        "authorization": SIGNED.format("elasticloadbalancing"),
        "content-type": "application/x-www-form-urlencoded",
    }
    body = f"Action=DescribeLoadBalancers&Version={version}".encode()
    call = read_call("POST", "/", "", headers, body)
    assert (call.service, call.operation, call.protocol) == (
        service,
        "DescribeLoadBalancers",
        "query",
    )


def test_an_unsigned_request_is_of_no_service() -> None:
    call = read_call("GET", "/", "", {}, b"")
    assert (call.service, call.access_key) == ("unsigned", "")
