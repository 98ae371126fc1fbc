"""Endpoints, home regions and hosts in each of AWS's partitions, as the SDK knows them."""

from __future__ import annotations

from urllib.parse import urlsplit

import boto3
import pytest

from cloudsealed.collectors.aws.access import AwsAccess, AwsSession, aws_hosts
from cloudsealed.collectors.model import GLOBAL

HOSTS = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}
HOMES = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
FAR = {"aws": "eu-west-1", "aws-us-gov": "us-gov-east-1", "aws-cn": "cn-northwest-1"}


@pytest.mark.parametrize("partition", HOSTS)
@pytest.mark.usefixtures("credentials")
def test_calls_of_global_services_go_to_the_home_region_of_the_partition(partition: str) -> None:
    session = AwsSession(AwsAccess(region=FAR[partition]))
    assert session.partition() == partition
    for service in ("iam", "s3", "route53"):
        client = session.client(service, GLOBAL)
        host = urlsplit(client.meta.endpoint_url).hostname or ""
        assert host.endswith(f".{HOSTS[partition]}")
        assert not any(home in host for other, home in HOMES.items() if other != partition)
    assert session.client("s3", GLOBAL).meta.region_name == HOMES[partition]
    session.close()


@pytest.mark.parametrize("partition", HOSTS)
def test_calls_of_a_region_go_to_its_own_endpoint(partition: str, credentials: None) -> None:
    session = AwsSession(AwsAccess(region=FAR[partition]))
    for service in ("ec2", "s3", "sts"):
        host = urlsplit(session.client(service, FAR[partition]).meta.endpoint_url).hostname
        assert host == f"{service}.{FAR[partition]}.{HOSTS[partition]}"
    session.close()


@pytest.mark.parametrize("partition", HOSTS)
def test_a_role_says_which_partition_to_ask_when_nothing_names_a_region(
    partition: str, credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    role = f"arn:{partition}:iam::123456789012:role/audit"
    session = AwsSession(AwsAccess(role_arn=role))
    assert (session.region, session.partition()) == (HOMES[partition], partition)


def test_a_host_of_any_partition_is_awss_own_and_an_emulators_is_not() -> None:
    known = boto3.Session()
    for partition in known.get_available_partitions():
        region = known.get_available_regions("ec2", partition)[0]
        client = boto3.client(
            "sts", region_name=region, aws_access_key_id="a", aws_secret_access_key="b"
        )
        assert (urlsplit(client.meta.endpoint_url).hostname or "").endswith(aws_hosts())
    for foreign in ("localhost", "127.0.0.1", "amazonaws.com.example", "notamazonaws.com"):
        assert not foreign.endswith(aws_hosts())
