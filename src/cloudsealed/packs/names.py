"""What a resource is called in the `<PLACEHOLDER>`s of a remediation. It refuses to guess: what the
resource does not say has no name here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Resource = Mapping[str, Any]
"""`type`, `native_id`, `name`, `account` and `region`, as a finding shows them."""

PLACEHOLDER = re.compile(r"<([A-Z][A-Z0-9_]*)>")
PLAIN = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./:@+-]*")
"""What means itself in every language that a remediation is written in, quoted or not."""
OWN: Mapping[str, Mapping[str, str]] = {
    "aws.acm.certificate": {"CERTIFICATE_ARN": "arn"},
    "aws.amplify.app": {"APP_ID": "id"},
    "aws.amplify.branch": {"BRANCH": "name"},
    "aws.apigateway.domain_name": {"DOMAIN_NAME": "name"},
    "aws.apigateway.rest_api": {"API_ID": "id"},
    "aws.apigateway.stage": {"STAGE": "id"},
    "aws.apigatewayv2.api": {"API_ID": "id"},
    "aws.apigatewayv2.stage": {"STAGE": "id"},
    "aws.appstream.fleet": {"FLEET": "name"},
    "aws.appsync.graphql_api": {"API_ID": "id"},
    "aws.autoscaling.group": {"GROUP": "name"},
    "aws.bedrock.agent": {"AGENT_ID": "id"},
    "aws.bedrock.guardrail": {"GUARDRAIL_ID": "id"},
    "aws.cloudformation.stack": {"STACK": "name"},
    "aws.cloudfront.distribution": {"DISTRIBUTION_ID": "id"},
    "aws.cloudtrail.trail": {"TRAIL": "arn"},
    "aws.codeartifact.domain": {"DOMAIN": "name"},
    "aws.codeartifact.repository": {"REPOSITORY": "name", "DOMAIN": "parent"},
    "aws.codebuild.project": {"PROJECT": "name"},
    "aws.codepipeline.pipeline": {"PIPELINE": "name"},
    "aws.datapipeline.pipeline": {"PIPELINE_ID": "id"},
    "aws.dlm.lifecycle_policy": {"POLICY_ID": "id"},
    "aws.ds.directory": {"DIRECTORY_ID": "id"},
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
    "aws.events.endpoint": {"ENDPOINT": "name"},
    "aws.events.event_bus": {"EVENT_BUS": "name"},
    "aws.events.rule": {"RULE": "name"},
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
    "aws.route53.health_check": {"HEALTH_CHECK_ID": "id"},
    "aws.route53.hosted_zone": {"ZONE_ID": "id"},
    "aws.route53domains.domain": {"DOMAIN_NAME": "name"},
    "aws.s3.bucket": {"BUCKET": "name"},
    "aws.sagemaker.domain": {"DOMAIN_ID": "id"},
    "aws.sagemaker.endpoint": {"ENDPOINT": "name"},
    "aws.sagemaker.notebook_instance": {"NOTEBOOK": "name"},
    "aws.schemas.registry": {"REGISTRY": "name"},
    "aws.secretsmanager.secret": {"SECRET": "arn"},
    "aws.ses.configuration_set": {"CONFIGURATION_SET": "name"},
    "aws.ses.identity": {"IDENTITY": "name"},
    "aws.sns.topic": {"TOPIC_ARN": "arn"},
    "aws.sqs.queue": {"QUEUE_URL": "queue_url"},
    "aws.transfer.server": {"SERVER_ID": "id"},
    "aws.wafv2.cloudfront_web_acl": {"NAME": "name", "WEB_ACL_ID": "id"},
    "aws.wafv2.web_acl": {"NAME": "name", "WEB_ACL_ID": "id"},
    "aws.workspaces.directory": {"DIRECTORY_ID": "id"},
    "aws.workspaces.workspace": {"WORKSPACE_ID": "id"},
}
"""The placeholders that name a resource itself, by its type, and which part of it each is.

Every resource has ARN, ACCOUNT_ID, REGION and PARTITION beside them.
"""
_OF_KUBERNETES = {"NAMESPACE": "namespace", "KIND": "kind", "NAME": "name"}
"""The placeholders that name an object of Kubernetes, as kubectl takes them."""
_COMMON = {"ARN": "arn", "ACCOUNT_ID": "account", "REGION": "region", "PARTITION": "partition"}
_DOMAINS = {"aws-cn": "amazonaws.com.cn"}


def names_of(resource: Resource) -> dict[str, str]:
    """Return what stands for each placeholder that a resource can fill: one line of ASCII each,
    as the cloud has it and not yet quoted for any language."""
    parts = parts_of(resource)
    kind = resource["type"]
    own = _OF_KUBERNETES if _is_kubernetes(kind) else OWN.get(kind, {})
    named = {**_COMMON, **own}
    found = ((name, parts.get(part)) for name, part in named.items())
    return {name: value for name, value in found if value and _is_shown(value)}


def has_no_namespace(resource: Resource) -> bool:
    """Say whether a resource is an object of a whole cluster, such as a node."""
    return _is_kubernetes(resource["type"]) and parts_of(resource)["namespace"] is None


def _is_kubernetes(kind: str) -> bool:
    return kind.startswith("k8s.")


def _is_shown(value: str) -> bool:
    """Say whether what one sees of a text is what it is."""
    return value.isascii() and value.isprintable()


def parts_of(resource: Resource) -> dict[str, str | None]:
    """Return what a resource and its native id say of it, by name; None or left out where they do
    not."""
    ident, account, region = (resource[name] for name in ("native_id", "account", "region"))
    known = {"name": resource["name"], "account": account}
    if _is_kubernetes(resource["type"]):
        return {**known, **_object(ident)}
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


def _object(ident: str) -> dict[str, str | None]:
    """Return what names an object, of the path that its native id is: its namespace, and its kind
    as kubectl tells it from others (`deployments.apps`)."""
    *before, plural, name = ["", *ident.split("/")]
    group = before[1] if len(before) in (2, 4) else ""
    namespace = before[-1] if len(before) > 2 else None
    kind = f"{plural}.{group}" if group else plural
    return {"name": name, "namespace": namespace, "kind": kind, "region": None}
