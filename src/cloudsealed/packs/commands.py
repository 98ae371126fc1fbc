"""A remediation's commands with a resource's own names in the place of their `<PLACEHOLDER>`s.

Names come from the cloud and end in somebody's shell: one that a shell, or the AWS command line,
would read as more than a name is quoted or left out. It refuses to guess: what the resource does
not say stays a placeholder.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

Resource = Mapping[str, Any]
"""`type`, `native_id`, `name`, `account` and `region`, as a finding shows them."""

COMMANDS = ("first", "cli")
"""The commands of a remediation, in the order in which they are run."""
OWN: Mapping[str, Mapping[str, str]] = {
    "aws.acm.certificate": {"CERTIFICATE_ARN": "arn"},
    "aws.autoscaling.group": {"GROUP": "name"},
    "aws.cloudformation.stack": {"STACK": "name"},
    "aws.cloudtrail.trail": {"TRAIL": "arn"},
    "aws.dynamodb.table": {"TABLE": "name"},
    "aws.ec2.address": {"ALLOCATION_ID": "id"},
    "aws.ec2.image": {"IMAGE_ID": "id"},
    "aws.ec2.instance": {"INSTANCE_ID": "id"},
    "aws.ec2.network_acl": {"ACL_ID": "id"},
    "aws.ec2.security_group": {"GROUP_ID": "id"},
    "aws.ec2.snapshot": {"SNAPSHOT_ID": "id"},
    "aws.ec2.subnet": {"SUBNET_ID": "id"},
    "aws.ec2.volume": {"VOLUME_ID": "id"},
    "aws.ec2.vpc": {"VPC_ID": "id"},
    "aws.ecr.repository": {"REPOSITORY": "name"},
    "aws.ecs.cluster": {"CLUSTER": "id"},
    "aws.ecs.service": {"SERVICE": "id", "CLUSTER": "parent"},
    "aws.efs.file_system": {"FILE_SYSTEM_ID": "id"},
    "aws.eks.cluster": {"CLUSTER": "name"},
    "aws.elb.load_balancer": {"LOAD_BALANCER": "name"},
    "aws.elbv2.load_balancer": {"LOAD_BALANCER_ARN": "arn"},
    "aws.elbv2.target_group": {"TARGET_GROUP_ARN": "arn"},
    "aws.iam.group": {"GROUP": "name"},
    "aws.iam.policy": {"POLICY_ARN": "arn"},
    "aws.iam.role": {"ROLE": "name"},
    "aws.iam.user": {"USER": "name"},
    "aws.kms.key": {"KEY_ID": "id", "KEY_ARN": "arn"},
    "aws.lambda.alias": {"FUNCTION": "arn"},
    "aws.lambda.function": {"FUNCTION": "name"},
    "aws.logs.log_group": {"LOG_GROUP": "name"},
    "aws.rds.cluster": {"CLUSTER": "name"},
    "aws.rds.cluster_snapshot": {"CLUSTER_SNAPSHOT": "name"},
    "aws.rds.instance": {"INSTANCE": "name"},
    "aws.rds.snapshot": {"SNAPSHOT": "name"},
    "aws.route53.hosted_zone": {"ZONE_ID": "id"},
    "aws.s3.bucket": {"BUCKET": "name"},
    "aws.secretsmanager.secret": {"SECRET": "arn"},
    "aws.sns.topic": {"TOPIC_ARN": "arn"},
    "aws.sqs.queue": {"QUEUE_URL": "queue_url"},
}
"""The placeholders that name a resource itself, by its type, and which part of it each is.

Every resource has ARN, ACCOUNT_ID, REGION and PARTITION beside them.
"""
_PLACEHOLDER = re.compile(r"<([A-Z][A-Z0-9_]*)>")
_PLAIN = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./:@+-]*")
_DOMAINS = {"aws-cn": "amazonaws.com.cn"}
_MORE = re.compile(r"-|(?i:fileb?|http)://")  # an option, or what the command line reads first
_ALONE = re.compile(r"\s*(?:$|[\s;|&>])")
_CALL = re.compile(r"aws (?:<[A-Z0-9_]+>|[^|;&><\\])*(?:<[A-Z0-9_]+>|[^|;&><\\\s])")


def filled(commands: str | None, resource: Resource) -> str | None:
    """Return `commands` with the resource's own names, and its region where it has one.

    Of commands for several types of a service, the lines for another type alone are left out.
    """
    if commands is None:
        return None
    names = names_of(resource)
    lines = _of_type(commands.split("\n"), resource["type"])
    return "\n".join(_line(line, names) for line in lines)


def commands_of(remedy: Mapping[str, Any], resources: Iterable[Resource]) -> dict[str, str | None]:
    """Return the commands `first` and `cli` of a remediation for some resources, each line once."""
    asked = list(resources)
    return {name: _joined(filled(remedy.get(name), each) for each in asked) for name in COMMANDS}


def _joined(texts: Iterable[str | None]) -> str | None:
    lines = dict.fromkeys(text for text in texts if text is not None)
    return "\n".join(lines) or None


def names_of(resource: Resource) -> dict[str, str]:
    """Return what stands for each placeholder that a resource can fill."""
    parts = _parts(resource)
    own = OWN.get(resource["type"], {})
    named = {**_COMMON, **own}
    return {name: value for name, part in named.items() if (value := parts.get(part))}


_COMMON = {"ARN": "arn", "ACCOUNT_ID": "account", "REGION": "region", "PARTITION": "partition"}


def _parts(resource: Resource) -> dict[str, str | None]:
    ident, account, region = (resource[name] for name in ("native_id", "account", "region"))
    known = {"name": resource["name"], "account": account}
    pieces = ident.split(":", 5)
    if pieces[0] != "arn" or len(pieces) < 6:
        return {**known, "region": None if region == "global" else region}
    _, partition, _, its_region, _, rest = pieces
    region = its_region or region
    path = re.split("[:/]", rest)
    domain = _DOMAINS.get(partition, "amazonaws.com")
    return {
        **known,
        "arn": ident,
        "id": path[-1],
        "parent": path[-2] if len(path) > 1 else None,
        "region": None if region == "global" else region,
        "partition": partition,
        "queue_url": f"https://sqs.{region}.{domain}/{account}/{rest}",
    }


def _of_type(lines: list[str], kind: str) -> list[str]:
    """Return the lines that are not for another type of the same service alone."""
    own = OWN.get(kind, {}).keys()
    held = [set(_PLACEHOLDER.findall(line)) for line in lines]
    if not any(names & own for names in held):
        return lines
    others = _beside(kind)
    return [
        line for line, names in zip(lines, held, strict=True) if names & own or not names & others
    ]


@cache
def _beside(kind: str) -> frozenset[str]:
    service = kind.rpartition(".")[0]
    beside = (names for other, names in OWN.items() if other.rpartition(".")[0] == service)
    return frozenset(name for names in beside for name in names) - OWN[kind].keys()


def _line(line: str, names: Mapping[str, str]) -> str:
    placed = _placed(line, names.get("REGION"))
    return _PLACEHOLDER.sub(lambda found: _value(found, names), placed)


def _value(found: re.Match[str], names: Mapping[str, str]) -> str:
    value = names.get(found[1])
    if value is None or _MORE.match(value) or not (value.isascii() and value.isprintable()):
        return found[0]
    if _PLAIN.fullmatch(value):
        return value
    before, after = found.string[: found.start()], found.string[found.end() :]
    if before.endswith(" ") and _ALONE.match(after) and _is_outside_quotes(before):
        return shlex.quote(value)
    return found[0]


def _placed(line: str, region: str | None) -> str:
    """Return an AWS command with the region of its resource, unless it names one."""
    call = _CALL.match(line)
    if region is None or call is None or "--region" in line or "-region " in line:
        return line
    if not _PLAIN.fullmatch(region) or not _is_outside_quotes(call[0]):
        return line
    return f"{call[0]} --region {region}{line[call.end() :]}"


def _is_outside_quotes(text: str) -> bool:
    return text.count('"') % 2 == 0 and text.count("'") % 2 == 0
