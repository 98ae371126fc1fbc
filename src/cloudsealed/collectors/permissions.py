"""The least rights that collection needs in AWS, derived from the rows.

Every action only reads settings; none reads an object, an item, a message or a secret's value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from cloudsealed.collectors.asked import NotAsked, asked, without
from cloudsealed.collectors.model import Row
from cloudsealed.collectors.registry import RESOURCE_TYPES, rows_of

# Where an action is not `service:Operation`. Source: AWS Service Authorization Reference,
# "Actions, resources, and condition keys", one page a service.
_PREFIXES: Mapping[str, str] = {
    "s3control": "s3",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "efs": "elasticfilesystem",
    "resourcegroupstaggingapi": "tag",
}
_ACTIONS: Mapping[tuple[str, str], str] = {
    ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
    ("s3", "GetBucketEncryption"): "s3:GetEncryptionConfiguration",
    ("s3", "GetBucketLifecycleConfiguration"): "s3:GetLifecycleConfiguration",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("s3control", "GetPublicAccessBlock"): "s3:GetAccountPublicAccessBlock",
}
_ALWAYS = ("ec2:DescribeRegions",)


def action_of(service: str, operation: str) -> str:
    """Return the IAM action that allows a call, such as `s3:ListAllMyBuckets`."""
    named = _ACTIONS.get((service, operation))
    return named or f"{_PREFIXES.get(service, service)}:{operation}"


def required_actions(
    types: Iterable[str] | None = None, not_asked: NotAsked = MappingProxyType({})
) -> list[str]:
    """Return, sorted, every action that collecting `types` needs; all types for None.

    Raises KeyError for an unknown type.
    """
    rows = (without(row, not_asked.get(row.type, ())) for row in rows_of(types))
    calls = {call for row in rows for call in calls_of(row)}
    return sorted({*_ALWAYS, *(action_of(*call) for call in calls)})


def calls_of(row: Row) -> Iterator[tuple[str, str]]:
    """Yield the service and operation of every call that a row asks, but for those that only stand
    in for a list."""
    if row.operation is not None:
        yield row.service, row.operation
    made = asked(row)
    for each in made.lists:
        yield each.service, each.operation
    for call in made.calls:
        yield row.service, call.operation
    if row.parent is not None:
        parent = RESOURCE_TYPES[row.parent]
        assert parent.operation is not None
        yield parent.service, parent.operation


def statement(actions: Iterable[str]) -> dict[str, Any]:
    """Return the IAM statement that allows `actions`; none of ours can be narrowed to a resource
    whose name is not known before it is listed.
    """
    return {
        "Sid": "CloudSealedRead",
        "Effect": "Allow",
        "Action": sorted(set(actions)),
        "Resource": "*",
    }


def trust_statement(arn: str, external_id: str | None) -> dict[str, Any]:
    """Return the statement of a role's trust policy that lets a caller assume it: the role itself
    where the caller's ARN is that of a session of one."""
    parts = arn.split(":", 5)
    kind, _, rest = parts[5].partition("/")
    if kind == "assumed-role":
        arn = f"arn:{parts[1]}:iam::{parts[4]}:role/{rest.partition('/')[0]}"
    condition = {"Condition": {"StringEquals": {"sts:ExternalId": external_id}}}
    return {
        "Sid": "CloudSealedAssume",
        "Effect": "Allow",
        "Principal": {"AWS": arn},
        "Action": "sts:AssumeRole",
        **(condition if external_id else {}),
    }


def policy_document(
    types: Iterable[str] | None = None, not_asked: NotAsked = MappingProxyType({})
) -> dict[str, Any]:
    """Return the IAM policy that allows collecting `types` and nothing else."""
    return {"Version": "2012-10-17", "Statement": [statement(required_actions(types, not_asked))]}
