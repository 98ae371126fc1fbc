"""The least rights that collection needs in AWS, derived from the rows.

Every action only reads settings; none reads an object, an item, a message or a secret's value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cloudsealed.collectors.model import Row
from cloudsealed.collectors.registry import RESOURCE_TYPES, rows_of

# Where an action is not `service:Operation`. Source: AWS Service Authorization Reference,
# "Actions, resources, and condition keys", one page a service.
_PREFIXES: Mapping[str, str] = {
    "s3control": "s3",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "efs": "elasticfilesystem",
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


def required_actions(types: Iterable[str] | None = None) -> list[str]:
    """Return, sorted, every action that collecting `types` needs; all types for None.

    Raises KeyError for an unknown type.
    """
    calls = {call for row in rows_of(types) for call in _calls(row)}
    return sorted({*_ALWAYS, *(action_of(*call) for call in calls)})


def _calls(row: Row) -> Iterator[tuple[str, str]]:
    if row.operation is not None:
        yield row.service, row.operation
    for call in row.enrich:
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


def policy_document(types: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the IAM policy that allows collecting `types` and nothing else."""
    return {"Version": "2012-10-17", "Statement": [statement(required_actions(types))]}
