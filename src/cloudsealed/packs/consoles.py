"""Where the provider's own console shows a resource, and the shell in it that runs commands.

The addresses are those that the console has in the browser: AWS has no reference of them, and may
change them. It refuses to build one of a part that is not known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from cloudsealed.packs.names import Resource, parts_of

_EC2 = "ec2/home?region={region}#"
_STACKS = "cloudformation/home?region={region}#/stacks/"
_VPC = "vpcconsole/home?region={region}#"
_PAGES: Mapping[str, str] = {
    "aws.acm.certificate": "acm/home?region={region}#/certificates/{id}",
    "aws.appsync.graphql_api": "appsync/home?region={region}#/{id}/v1/home",
    "aws.autoscaling.group": _EC2 + "AutoScalingGroupDetails:id={name}",
    "aws.cloudformation.stack": _STACKS + "stackinfo?stackId={arn}",
    "aws.cloudfront.distribution": "cloudfront/v4/home#/distributions/{id}",
    "aws.cloudtrail.trail": "cloudtrailv2/home?region={region}#/trails/{arn:/}",
    "aws.dynamodb.table": "dynamodbv2/home?region={region}#table?name={name}",
    "aws.ec2.address": _EC2 + "ElasticIpDetails:AllocationId={id}",
    "aws.ec2.image": _EC2 + "ImageDetails:imageId={id}",
    "aws.ec2.instance": _EC2 + "InstanceDetails:instanceId={id}",
    "aws.ec2.network_acl": _VPC + "NetworkAclDetails:networkAclId={id}",
    "aws.ec2.security_group": _EC2 + "SecurityGroup:groupId={id}",
    "aws.ec2.snapshot": _EC2 + "SnapshotDetails:snapshotId={id}",
    "aws.ec2.subnet": _VPC + "SubnetDetails:subnetId={id}",
    "aws.ec2.volume": _EC2 + "VolumeDetails:volumeId={id}",
    "aws.ec2.vpc": _VPC + "VpcDetails:VpcId={id}",
    "aws.ecr.repository": "ecr/repositories/private/{account}/{name:/}?region={region}",
    "aws.ecs.cluster": "ecs/v2/clusters/{id}/services?region={region}",
    "aws.efs.file_system": "efs/home?region={region}#/file-systems/{id}",
    "aws.eks.cluster": "eks/clusters/{name}?region={region}",
    "aws.elbv2.load_balancer": _EC2 + "LoadBalancer:loadBalancerArn={arn:/}",
    "aws.elbv2.target_group": _EC2 + "TargetGroup:targetGroupArn={arn:/}",
    "aws.iam.group": "iam/home#/groups/details/{name}",
    "aws.iam.policy": "iam/home#/policies/details/{arn}",
    "aws.iam.role": "iam/home#/roles/details/{name}",
    "aws.iam.user": "iam/home#/users/details/{name}",
    "aws.kms.key": "kms/home?region={region}#/kms/keys/{id}",
    "aws.lambda.function": "lambda/home?region={region}#/functions/{name}",
    "aws.logs.log_group": "cloudwatch/home?region={region}#logsV2:log-groups/log-group/{name:$}",
    "aws.rds.cluster": "rds/home?region={region}#database:id={name};is-cluster=true",
    "aws.rds.instance": "rds/home?region={region}#database:id={name};is-cluster=false",
    "aws.route53.hosted_zone": "route53/v2/hostedzones#ListRecordSets/{id}",
    "aws.s3.bucket": "s3/buckets/{name}",
    "aws.sagemaker.endpoint": "sagemaker/home?region={region}#/endpoints/{name}",
    "aws.sagemaker.notebook_instance": "sagemaker/home?region={region}#/notebook-instances/{name}",
    "aws.secretsmanager.secret": "secretsmanager/secret?name={name}&region={region}",
    "aws.sns.topic": "sns/v3/home?region={region}#/topic/{arn:/}",
    "aws.sqs.queue": "sqs/v3/home?region={region}#/queues/{queue_url}",
    "aws.transfer.server": "transfer/home?region={region}#/servers/{id}",
}
"""The page of each type, below the console's address: `:/` after a name leaves `:` and `/` as they
are, `:$` is the console's own way of writing the names of log groups."""

_DOTS = frozenset((".", ".."))
_SHELL = "cloudshell/home?region={region}"
_DOMAINS = {
    "aws": "console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
}
_FIRST = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1"}
"""Where the commands for what has no region are run; partitions with a shell alone."""


def links_of(resource: Resource) -> dict[str, str | None]:
    """Return the addresses of a resource's page (`resource`) and of the shell in its region
    (`shell`), each None where it is not known."""
    parts = parts_of(resource)
    domain = _DOMAINS.get(parts.get("partition") or "")
    if domain is None:
        return {"resource": None, "shell": None}
    return {
        "resource": _address(domain, parts, _PAGES.get(resource["type"])),
        "shell": _shell(domain, parts),
    }


def _shell(domain: str, parts: Mapping[str, str | None]) -> str | None:
    first = _FIRST.get(parts["partition"] or "")
    if first is None:
        return None
    return _address(domain, {**parts, "region": parts["region"] or first}, _SHELL)


def _address(domain: str, parts: Mapping[str, str | None], page: str | None) -> str | None:
    """Return the address of a page; None where a part of it is not known, or leads elsewhere."""
    if page is None:
        return None
    known = {name: _Part(value) for name, value in parts.items() if value}
    try:
        path = page.format_map(known)
    except KeyError:
        return None
    if not _DOTS.isdisjoint(re.split("[?#]", path)[0].split("/")):
        return None
    region = parts["region"] if "{region}" in page else None
    host = f"{quote(region)}.{domain}" if region else domain
    return f"https://{host}/{path}"


class _Part(str):
    """A part of an address, quoted as its format says."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if spec == "$":
            return quote(quote(self, safe=""), safe="").replace("%", "$")
        return quote(self, safe=":/" if spec == "/" else "")
