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
    "aws.acmpca.authority": {"AUTHORITY_ARN": "arn"},
    "aws.athena.workgroup": {"WORKGROUP": "name"},
    "aws.autoscaling.group": {"GROUP": "name"},
    "aws.autoscaling.launch_configuration": {"LAUNCH_CONFIGURATION": "name"},
    "aws.batch.compute_environment": {"COMPUTE_ENVIRONMENT": "name"},
    "aws.batch.job_definition": {"JOB_DEFINITION": "name"},
    "aws.amplify.app": {"APP_ID": "id"},
    "aws.amplify.branch": {"BRANCH": "name"},
    "aws.apigateway.domain_name": {"DOMAIN_NAME": "name"},
    "aws.apigateway.rest_api": {"API_ID": "id"},
    "aws.apigateway.stage": {"STAGE": "id"},
    "aws.apigatewayv2.api": {"API_ID": "id"},
    "aws.apigatewayv2.stage": {"STAGE": "id"},
    "aws.appstream.fleet": {"FLEET": "name"},
    "aws.appsync.graphql_api": {"API_ID": "id"},
    "aws.bedrock.agent": {"AGENT_ID": "id"},
    "aws.bedrock.guardrail": {"GUARDRAIL_ID": "id"},
    "aws.cloudformation.stack": {"STACK": "name"},
    "aws.cloudfront.distribution": {"DISTRIBUTION_ID": "id"},
    "aws.cloudtrail.trail": {"TRAIL": "arn"},
    "aws.directconnect.connection": {"CONNECTION_ID": "id"},
    "aws.directconnect.virtual_interface": {"VIRTUAL_INTERFACE_ID": "id"},
    "aws.backup.plan": {"PLAN_ID": "id"},
    "aws.backup.vault": {"VAULT": "name"},
    "aws.cloudwatch.alarm": {"ALARM": "name"},
    "aws.cognito.user_pool": {"USER_POOL_ID": "id"},
    "aws.cognito.user_pool_client": {"CLIENT_ID": "id"},
    "aws.config.recorder": {"RECORDER": "name"},
    "aws.datasync.task": {"TASK_ARN": "arn"},
    "aws.dms.endpoint": {"ENDPOINT_ARN": "arn"},
    "aws.dms.replication_instance": {"REPLICATION_INSTANCE_ARN": "arn"},
    "aws.dms.replication_task": {"TASK_ARN": "arn"},
    "aws.dynamodb.dax_cluster": {"DAX_CLUSTER": "name"},
    "aws.codeartifact.domain": {"DOMAIN": "name"},
    "aws.codeartifact.repository": {"REPOSITORY": "name", "DOMAIN": "parent"},
    "aws.codebuild.project": {"PROJECT": "name"},
    "aws.codepipeline.pipeline": {"PIPELINE": "name"},
    "aws.datapipeline.pipeline": {"PIPELINE_ID": "id"},
    "aws.dlm.lifecycle_policy": {"POLICY_ID": "id"},
    "aws.ds.directory": {"DIRECTORY_ID": "id"},
    "aws.dynamodb.table": {"TABLE": "name"},
    "aws.ec2.address": {"ALLOCATION_ID": "id"},
    "aws.ec2.capacity_reservation": {"CAPACITY_RESERVATION_ID": "id"},
    "aws.ec2.client_vpn_endpoint": {"CLIENT_VPN_ENDPOINT_ID": "id"},
    "aws.ec2.dedicated_host": {"HOST_ID": "id"},
    "aws.ec2.fast_snapshot_restore": {"SNAPSHOT_ID": "parent", "ZONE": "id"},
    "aws.ec2.flow_log": {"FLOW_LOG_ID": "id"},
    "aws.ec2.image": {"IMAGE_ID": "id"},
    "aws.ec2.instance": {"INSTANCE_ID": "id"},
    "aws.ec2.launch_template": {"LAUNCH_TEMPLATE_ID": "id"},
    "aws.ec2.nat_gateway": {"NAT_GATEWAY_ID": "id"},
    "aws.ec2.network_acl": {"ACL_ID": "id"},
    "aws.ec2.reserved_instances": {"RESERVED_INSTANCES_ID": "id"},
    "aws.ec2.route_table": {"ROUTE_TABLE_ID": "id"},
    "aws.ec2.security_group": {"GROUP_ID": "id"},
    "aws.ec2.snapshot": {"SNAPSHOT_ID": "id"},
    "aws.ec2.subnet": {"SUBNET_ID": "id"},
    "aws.ec2.transit_gateway": {"TRANSIT_GATEWAY_ID": "id"},
    "aws.ec2.volume": {"VOLUME_ID": "id"},
    "aws.ec2.vpc": {"VPC_ID": "id"},
    "aws.ec2.vpc_endpoint": {"VPC_ENDPOINT_ID": "id"},
    "aws.ec2.vpc_endpoint_service": {"SERVICE_ID": "id"},
    "aws.ec2.vpc_peering_connection": {"PEERING_ID": "id"},
    "aws.ec2.vpn_connection": {"VPN_CONNECTION_ID": "id"},
    "aws.ecr.repository": {"REPOSITORY": "name"},
    "aws.ecs.cluster": {"CLUSTER": "id"},
    "aws.ecs.service": {"SERVICE": "id", "CLUSTER": "parent"},
    "aws.efs.access_point": {"ACCESS_POINT_ID": "id"},
    "aws.efs.file_system": {"FILE_SYSTEM_ID": "id"},
    "aws.eks.addon": {"ADDON": "id", "CLUSTER": "parent"},
    "aws.eks.cluster": {"CLUSTER": "name"},
    "aws.eks.nodegroup": {"NODEGROUP": "id", "CLUSTER": "parent"},
    "aws.elasticbeanstalk.environment": {"ENVIRONMENT": "name"},
    "aws.elb.load_balancer": {"LOAD_BALANCER": "name"},
    "aws.elbv2.load_balancer": {"LOAD_BALANCER_ARN": "arn"},
    "aws.elbv2.target_group": {"TARGET_GROUP_ARN": "arn"},
    "aws.globalaccelerator.accelerator": {"ACCELERATOR_ARN": "arn"},
    "aws.globalaccelerator.endpoint_group": {"ENDPOINT_GROUP_ARN": "arn"},
    "aws.globalaccelerator.listener": {"LISTENER_ARN": "arn"},
    "aws.guardduty.detector": {"DETECTOR_ID": "id"},
    "aws.elasticache.cluster": {"CACHE_CLUSTER": "name"},
    "aws.elasticache.replication_group": {"REPLICATION_GROUP": "name"},
    "aws.elasticache.serverless_cache": {"SERVERLESS_CACHE": "name"},
    "aws.emr.cluster": {"CLUSTER_ID": "id"},
    "aws.firehose.stream": {"DELIVERY_STREAM": "name"},
    "aws.fsx.file_system": {"FILE_SYSTEM_ID": "id"},
    "aws.glacier.vault": {"VAULT": "name"},
    "aws.glue.connection": {"CONNECTION": "name"},
    "aws.glue.dev_endpoint": {"DEV_ENDPOINT": "name"},
    "aws.glue.job": {"JOB": "name"},
    "aws.glue.security_configuration": {"SECURITY_CONFIGURATION": "name"},
    "aws.events.endpoint": {"ENDPOINT": "name"},
    "aws.events.event_bus": {"EVENT_BUS": "name"},
    "aws.events.rule": {"RULE": "name"},
    "aws.iam.group": {"GROUP": "name"},
    "aws.iam.policy": {"POLICY_ARN": "arn"},
    "aws.iam.role": {"ROLE": "name"},
    "aws.iam.server_certificate": {"CERTIFICATE": "name"},
    "aws.iam.user": {"USER": "name"},
    "aws.kafka.cluster": {"CLUSTER_ARN": "arn"},
    "aws.kafka.connector": {"CONNECTOR_ARN": "arn"},
    "aws.kinesis.stream": {"STREAM": "name"},
    "aws.kms.key": {"KEY_ID": "id", "KEY_ARN": "arn"},
    "aws.lambda.alias": {"FUNCTION": "arn"},
    "aws.lambda.event_source_mapping": {"MAPPING_ID": "name"},
    "aws.lambda.function": {"FUNCTION": "name"},
    "aws.lightsail.bucket": {"BUCKET": "name"},
    "aws.lightsail.disk": {"DISK": "name"},
    "aws.lightsail.instance": {"INSTANCE": "name"},
    "aws.lightsail.load_balancer": {"BALANCER": "name"},
    "aws.lightsail.relational_database": {"DATABASE": "name"},
    "aws.lightsail.static_ip": {"STATIC_IP": "name"},
    "aws.logs.log_group": {"LOG_GROUP": "name"},
    "aws.networkfirewall.firewall": {"FIREWALL_ARN": "arn"},
    "aws.networkfirewall.firewall_policy": {"FIREWALL_POLICY_ARN": "arn"},
    "aws.logs.resource_policy": {"POLICY": "name"},
    "aws.memorydb.cluster": {"CLUSTER": "name"},
    "aws.mq.broker": {"BROKER_ID": "id"},
    "aws.opensearch.domain": {"DOMAIN": "name"},
    "aws.rds.cluster": {"CLUSTER": "name"},
    "aws.rds.cluster_parameter_group": {"CLUSTER_PARAMETER_GROUP": "name"},
    "aws.rds.cluster_snapshot": {"CLUSTER_SNAPSHOT": "name"},
    "aws.rds.event_subscription": {"SUBSCRIPTION": "name"},
    "aws.rds.instance": {"INSTANCE": "name"},
    "aws.rds.parameter_group": {"PARAMETER_GROUP": "name"},
    "aws.rds.snapshot": {"SNAPSHOT": "name"},
    "aws.rolesanywhere.profile": {"PROFILE_ID": "id"},
    "aws.redshift.cluster": {"CLUSTER": "name"},
    "aws.redshift.parameter_group": {"PARAMETER_GROUP": "name"},
    "aws.redshift.snapshot": {"SNAPSHOT": "name"},
    "aws.route53.hosted_zone": {"ZONE_ID": "id"},
    "aws.s3.access_point": {"ACCESS_POINT": "name"},
    "aws.route53.health_check": {"HEALTH_CHECK_ID": "id"},
    "aws.route53domains.domain": {"DOMAIN_NAME": "name"},
    "aws.s3.bucket": {"BUCKET": "name"},
    "aws.sagemaker.domain": {"DOMAIN_ID": "id"},
    "aws.sagemaker.endpoint": {"ENDPOINT": "name"},
    "aws.sagemaker.notebook_instance": {"NOTEBOOK": "name"},
    "aws.schemas.registry": {"REGISTRY": "name"},
    "aws.secretsmanager.secret": {"SECRET": "arn"},
    "aws.servicecatalog.portfolio": {"PORTFOLIO_ID": "id"},
    "aws.sns.subscription": {"SUBSCRIPTION_ARN": "arn"},
    "aws.sns.topic": {"TOPIC_ARN": "arn"},
    "aws.sqs.queue": {"QUEUE_URL": "queue_url"},
    "aws.ssm.document": {"DOCUMENT": "name"},
    "aws.ssm.managed_node": {"NODE_ID": "id"},
    "aws.wellarchitected.workload": {"WORKLOAD_ID": "id"},
    "aws.storagegateway.file_share": {"FILE_SHARE_ARN": "arn"},
    "aws.storagegateway.gateway": {"GATEWAY_ARN": "arn"},
    "aws.timestream.influxdb_instance": {"INSTANCE_ID": "id"},
    "aws.ses.configuration_set": {"CONFIGURATION_SET": "name"},
    "aws.ses.identity": {"IDENTITY": "name"},
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
