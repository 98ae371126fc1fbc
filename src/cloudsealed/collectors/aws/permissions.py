"""The least rights that collection needs in AWS, derived from the rows.

Every action only reads settings; none reads an object, an item, a message or a secret's value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cloudsealed.collectors.asked import calls_of
from cloudsealed.collectors.model import Row

# Where an action is not `service:Operation`. Source: AWS Service Authorization Reference,
# "Actions, resources, and condition keys", one page a service.
_PREFIXES: Mapping[str, str] = {
    "s3control": "s3",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "efs": "elasticfilesystem",
    "resourcegroupstaggingapi": "tag",
    "accessanalyzer": "access-analyzer",
    "opensearch": "es",
    "emr": "elasticmapreduce",
    "stepfunctions": "states",
    "bedrock-agent": "bedrock",
    "sesv2": "ses",
}
_ONE_ACTION: Mapping[str, str] = {
    # Named by the method of HTTP alone: "Actions, resources, and condition keys for API Gateway
    # Management" has no others.
    "apigateway": "apigateway:GET",
    "apigatewayv2": "apigateway:GET",
}
_ACTIONS: Mapping[tuple[str, str], str] = {
    ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
    ("s3", "GetBucketEncryption"): "s3:GetEncryptionConfiguration",
    ("s3", "GetBucketLifecycleConfiguration"): "s3:GetLifecycleConfiguration",
    ("s3", "GetBucketReplication"): "s3:GetReplicationConfiguration",
    ("s3", "GetObjectLockConfiguration"): "s3:GetBucketObjectLockConfiguration",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("s3control", "GetPublicAccessBlock"): "s3:GetAccountPublicAccessBlock",
}
MOST_CHARACTERS = 6_144
_ALWAYS = ("ec2:DescribeRegions",)


def action_of(service: str, operation: str) -> str:
    """Return the IAM action that allows a call, such as `s3:ListAllMyBuckets`."""
    named = _ONE_ACTION.get(service) or _ACTIONS.get((service, operation))
    return named or f"{_PREFIXES.get(service, service)}:{operation}"


def required_actions(rows: Iterable[Row]) -> list[str]:
    """Return, sorted, every action that collecting rows needs."""
    calls = {call for row in rows for call in calls_of(row)}
    return sorted({*_ALWAYS, *(action_of(*call) for call in calls)})


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


def policy_document(rows: Iterable[Row]) -> dict[str, Any]:
    """Return the IAM policy that allows collecting rows and nothing else."""
    return document(statement(required_actions(rows)))


def parts(whole: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a policy as several, each of which a managed policy can hold (IAM User Guide, "IAM and
    AWS STS quotas": 6,144 characters without white space; a role takes ten of them)."""
    (said,) = whole["Statement"]
    found: list[list[str]] = [[]]
    for action in said["Action"]:
        if _length([*found[-1], action]) > MOST_CHARACTERS:
            found.append([])
        found[-1].append(action)
    return [document(statement(each)) for each in found]


def _length(actions: Iterable[str]) -> int:
    return len(json.dumps(document(statement(actions)), separators=(",", ":")))


def document(statement: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policy of one statement."""
    return {"Version": "2012-10-17", "Statement": [statement]}
