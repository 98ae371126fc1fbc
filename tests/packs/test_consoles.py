"""A resource's page is an address of the provider's console, whatever names hold."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.packs.consoles import _PAGES, links_of

HOSTILE = "a/../b?x#y&z=1 %2F\"'<script>\u202e"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"
AMAZON = "https://eu-west-1.console.aws.amazon.com"


def resource(kind: str, native_id: str, **said: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "native_id": native_id,
        "name": native_id.rpartition(":")[2].rpartition("/")[2],
        "account": "123456789012",
        "region": "eu-west-1",
        **said,
    }


def arn(service: str, rest: str, region: str = "eu-west-1", partition: str = "aws") -> str:
    return f"arn:{partition}:{service}:{region}:123456789012:{rest}"


PAGES = [
    (
        "aws.ec2.instance",
        arn("ec2", "instance/i-1"),
        "/ec2/home?region=eu-west-1#InstanceDetails:instanceId=i-1",
    ),
    (
        "aws.sqs.queue",
        QUEUE,
        "/sqs/v3/home?region=eu-west-1#/queues/https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F123456789012%2Forders",
    ),
    (
        "aws.sns.topic",
        arn("sns", "t"),
        "/sns/v3/home?region=eu-west-1#/topic/arn:aws:sns:eu-west-1:123456789012:t",
    ),
    (
        "aws.rds.cluster",
        arn("rds", "cluster:c"),
        "/rds/home?region=eu-west-1#database:id=c;is-cluster=true",
    ),
]


@pytest.mark.parametrize(("kind", "native_id", "page"), PAGES)
def test_a_page_is_where_the_console_has_it(kind: str, native_id: str, page: str) -> None:
    assert links_of(resource(kind, native_id)) == {
        "resource": f"{AMAZON}{page}",
        "shell": f"{AMAZON}/cloudshell/home?region=eu-west-1",
    }


def test_the_name_of_a_log_group_is_written_as_the_console_does() -> None:
    found = resource("aws.logs.log_group", arn("logs", "log-group:/aws/x:*"), name="/aws/x")
    page = links_of(found)["resource"]
    assert page is not None
    assert page.endswith("#logsV2:log-groups/log-group/$252Faws$252Fx")


def test_what_has_no_region_is_at_the_consoles_own_address() -> None:
    user = resource("aws.iam.user", "arn:aws:iam::123456789012:user/team/ann", region="global")
    assert links_of({**user, "name": "ann"}) == {
        "resource": "https://console.aws.amazon.com/iam/home#/users/details/ann",
        "shell": "https://us-east-1.console.aws.amazon.com/cloudshell/home?region=us-east-1",
    }


def test_each_partition_has_a_console_of_its_own() -> None:
    place = ("lambda", "function:f")
    gov = links_of(resource("aws.lambda.function", arn(*place, "us-gov-west-1", "aws-us-gov")))
    assert gov["resource"] == (
        "https://us-gov-west-1.console.amazonaws-us-gov.com/lambda/home"
        "?region=us-gov-west-1#/functions/f"
    )
    china = links_of(resource("aws.lambda.function", arn(*place, "cn-north-1", "aws-cn")))
    assert china["resource"] is not None
    assert china["resource"].startswith("https://cn-north-1.console.amazonaws.cn/lambda/")
    assert china["shell"] is None
    elsewhere = links_of(resource("aws.lambda.function", arn(*place, "x", "aws-iso")))
    assert elsewhere == {"resource": None, "shell": None}


@pytest.mark.parametrize("kind", ["aws.account", "aws.rds.snapshot", "gcp.storage.bucket"])
def test_a_type_whose_page_is_not_known_has_none(kind: str) -> None:
    assert links_of(resource(kind, arn("rds", "x")))["resource"] is None
    assert links_of(resource(kind, "projects/p/x")) == {"resource": None, "shell": None}


@pytest.mark.parametrize("kind", _PAGES)
def test_no_name_leads_elsewhere(kind: str) -> None:
    assert kind in RESOURCE_TYPES
    plain = links_of(resource(kind, arn("x", "y/name"), name="name"))["resource"]
    found = links_of(resource(kind, arn("x", f"y/{HOSTILE}"), name=HOSTILE))["resource"]
    assert plain is not None
    if kind == "aws.ecr.repository":
        assert found is None, "its name is a part of a path, in which dots lead elsewhere"
        return
    assert found is not None
    assert urlsplit(found)[:3] == urlsplit(plain)[:3] or "name" in urlsplit(plain).path
    assert urlsplit(found).netloc == urlsplit(plain).netloc
    assert [found.count(sign) for sign in "?#&="] == [plain.count(sign) for sign in "?#&="]
    assert found.isascii()
    assert not set(found) & set("<>\"' ")
