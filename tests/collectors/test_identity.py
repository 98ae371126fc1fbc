"""What a resource is told apart by, and whose it is, over every row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsealed.collectors.attributes import attributes_of
from cloudsealed.collectors.aws.rows import ROWS as AWS
from cloudsealed.collectors.draft import draft_of, today
from cloudsealed.collectors.model import Place, Row
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.vocabulary import Provider

ROWS = list(AWS)
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.type)
ACCOUNT, OTHER = "123456789012", "999988887777"
Item = Mapping[str, Any]
Names = Callable[[str, str], Item]
"""Gives the item that AWS lists of a name (and what is named by AWS, an id) in a parent."""


def place_of(row: Row, partition: str = "aws") -> Place:
    region = "global" if row.scope == "global" else "eu-west-1"
    return Place(ACCOUNT, region, partition)


def named(**templates: str) -> Names:
    """An item of texts with the name as {n}, its parent's as {p}, and the place before them."""
    before = f"arn:aws:SERVICE:eu-west-1:{ACCOUNT}"
    return lambda p, n: {k: t.format(n=n, p=p, arn=before) for k, t in templates.items()}


# How AWS names what it lists (Service Authorization Reference, "Resource types defined by …"). What
# has a parent has its name alone in some member; what has none is named apart from all others.
AS_LISTED: Mapping[str, Names] = {
    "aws.route53.record": named(HostedZoneId="{p}", Name="{n}.", Type="A"),
    "aws.route53.health_check": named(Id="{n}"),
    "aws.cloudfront.distribution": named(ARN="{arn}:distribution/{n}", Id="{n}"),
    "aws.logs.delivery_source": named(arn="{arn}:delivery-source:{n}", name="{n}"),
    "aws.logs.delivery": named(arn="{arn}:delivery:{n}", id="{n}"),
    "aws.wafv2.web_acl": named(ARN="{arn}:regional/webacl/{n}/i", Name="{n}", Id="i"),
    "aws.wafv2.cloudfront_web_acl": named(ARN="{arn}:global/webacl/{n}/i", Name="{n}", Id="i"),
    "aws.apigateway.rest_api": named(id="{n}", name="shop"),
    "aws.apigateway.stage": named(restApiId="{p}", stageName="{n}"),
    "aws.apigateway.domain_name": named(domainName="{n}"),
    "aws.apigatewayv2.api": named(ApiId="{n}", Name="shop"),
    "aws.apigatewayv2.stage": named(ApiId="{p}", StageName="{n}"),
    "aws.route53domains.domain": named(DomainName="{n}"),
    "aws.codebuild.project": named(name="{n}"),
    "aws.codebuild.report_group": named(arn="{arn}:report-group/{n}"),
    "aws.codepipeline.pipeline": named(name="{n}"),
    "aws.codeartifact.domain": named(arn="{arn}:domain/{n}", name="{n}", owner=ACCOUNT),
    "aws.codeartifact.repository": named(
        arn="{arn}:repository/d/{n}", name="{n}", domainOwner=ACCOUNT
    ),
    "aws.codeartifact.package": named(
        domainName="d", domainOwner=ACCOUNT, repositoryName="{p}", format="npm", package="{n}"
    ),
    "aws.bedrock.guardrail": named(arn="{arn}:guardrail/{n}", id="{n}"),
    "aws.bedrock.custom_model": named(modelArn="{arn}:custom-model/{n}", modelName="{n}"),
    "aws.bedrock.provisioned_throughput": named(provisionedModelArn="{arn}:provisioned-model/{n}"),
    "aws.bedrock.agent": named(agentId="{n}", agentName="a"),
    "aws.bedrock.prompt": named(arn="{arn}:prompt/{n}", id="{n}"),
    "aws.bedrock.knowledge_base": named(knowledgeBaseId="{n}", name="k"),
    "aws.bedrock.data_source": named(knowledgeBaseId="{p}", dataSourceId="{n}"),
    "aws.sagemaker.notebook_instance": named(NotebookInstanceArn="{arn}:notebook-instance/{n}"),
    "aws.sagemaker.lifecycle_config": named(NotebookInstanceLifecycleConfigArn="{arn}:x/{n}"),
    "aws.sagemaker.model": named(ModelArn="{arn}:model/{n}"),
    "aws.sagemaker.endpoint": named(EndpointArn="{arn}:endpoint/{n}"),
    "aws.sagemaker.endpoint_config": named(EndpointConfigArn="{arn}:endpoint-config/{n}"),
    "aws.sagemaker.domain": named(DomainArn="{arn}:domain/{n}", DomainId="{n}"),
    "aws.stepfunctions.state_machine": named(stateMachineArn="{arn}:stateMachine:{n}"),
    "aws.events.event_bus": named(Arn="{arn}:event-bus/{n}", Name="{n}"),
    "aws.events.rule": named(Arn="{arn}:rule/{p}/{n}", Name="{n}", BusName="{p}"),
    "aws.events.endpoint": named(Arn="{arn}:endpoint/{n}", Name="{n}"),
    "aws.schemas.registry": named(RegistryArn="{arn}:registry/{n}", RegistryName="{n}"),
    "aws.scheduler.schedule": named(Arn="{arn}:schedule/g/{n}", Name="{n}", GroupName="g"),
    "aws.appsync.graphql_api": named(arn="{arn}:apis/{n}", apiId="{n}", owner=ACCOUNT),
    "aws.ds.directory": named(DirectoryId="d-{n}", Name="corp.example.com"),
    "aws.transfer.server": named(Arn="{arn}:server/{n}", ServerId="{n}"),
    "aws.workspaces.workspace": named(WorkspaceId="ws-{n}", DirectoryId="{p}"),
    "aws.workspaces.directory": named(DirectoryId="d-{n}", DirectoryName="corp.example.com"),
    "aws.appstream.fleet": named(Arn="{arn}:fleet/{n}", Name="{n}"),
    "aws.ses.identity": named(IdentityName="{n}"),
    "aws.ses.configuration_set": named(ConfigurationSetName="{n}"),
    "aws.amplify.app": named(appArn="{arn}:apps/{n}", appId="{n}"),
    "aws.amplify.branch": named(branchArn="{arn}:apps/{p}/branches/{n}", branchName="{n}"),
    "aws.dlm.lifecycle_policy": named(PolicyId="policy-{n}"),
    "aws.datapipeline.pipeline": named(id="df-{n}", name="export"),
    "aws.iam.user": named(Arn="{arn}:user/{n}", UserName="{n}", UserId="{n}"),
    "aws.iam.role": named(Arn="{arn}:role/{n}", RoleName="{n}"),
    "aws.iam.group": named(Arn="{arn}:group/{n}", GroupName="{n}"),
    "aws.iam.policy": named(Arn="{arn}:policy/{n}", PolicyName="{n}"),
    "aws.iam.managed_policy": named(Arn="arn:aws:iam::aws:policy/{n}", PolicyName="{n}"),
    "aws.s3.bucket": named(Name="{n}"),
    "aws.ec2.instance": named(InstanceId="i-{n}", VpcId="{p}"),
    "aws.ec2.volume": named(VolumeId="vol-{n}", AvailabilityZone="{p}"),
    "aws.ec2.snapshot": named(SnapshotId="snap-{n}", VolumeId="{p}"),
    "aws.ec2.address": named(AllocationId="eipalloc-{n}", PublicIp="192.0.2.1"),
    "aws.ec2.security_group": named(GroupId="sg-{n}", GroupName="web", VpcId="{p}"),
    "aws.ec2.vpc": named(VpcId="vpc-{n}"),
    "aws.ec2.subnet": named(SubnetId="subnet-{n}", VpcId="{p}"),
    "aws.ec2.nat_gateway": named(NatGatewayId="nat-{n}", VpcId="{p}"),
    "aws.ec2.flow_log": named(FlowLogId="fl-{n}", ResourceId="{p}"),
    "aws.ec2.image": named(ImageId="ami-{n}", Name="base"),
    "aws.ec2.network_acl": named(NetworkAclId="acl-{n}", VpcId="{p}"),
    "aws.ec2.launch_template": named(LaunchTemplateId="lt-{n}", LaunchTemplateName="web"),
    "aws.autoscaling.launch_configuration": named(LaunchConfigurationARN="{arn}:x:{n}"),
    "aws.ec2.prefix_list": named(PrefixListArn="{arn}:prefix-list/{n}", PrefixListId="{n}"),
    "aws.ec2.route_table": named(RouteTableId="rtb-{n}", VpcId="{p}"),
    "aws.ec2.network_interface": named(NetworkInterfaceId="eni-{n}", VpcId="{p}"),
    "aws.ec2.vpc_endpoint": named(VpcEndpointId="vpce-{n}", ServiceName="s3", VpcId="{p}"),
    "aws.rds.instance": named(DBInstanceArn="{arn}:db:{n}"),
    "aws.rds.cluster": named(DBClusterArn="{arn}:cluster:{n}"),
    "aws.rds.snapshot": named(DBSnapshotArn="{arn}:snapshot:{n}", DBInstanceIdentifier="{p}"),
    "aws.rds.cluster_snapshot": named(DBClusterSnapshotArn="{arn}:cluster-snapshot:{n}"),
    "aws.lambda.alias": named(AliasArn="{arn}:function:{p}:{n}", Name="{n}"),
    "aws.lambda.function": named(FunctionArn="{arn}:function:{n}"),
    "aws.kms.key": named(KeyArn="{arn}:key/{n}", KeyId="{n}"),
    "aws.cloudtrail.trail": named(TrailARN="{arn}:trail/{n}", Name="{n}"),
    "aws.cloudtrail.multi_region_trail": named(TrailARN="{arn}:trail/{n}", Name="{n}"),
    "aws.logs.log_group": named(logGroupName="{n}"),
    "aws.logs.metric_filter": named(logGroupName="{p}", filterName="{n}"),
    "aws.cloudwatch.alarm": named(AlarmArn="{arn}:alarm:{n}"),
    "aws.elbv2.load_balancer": named(LoadBalancerArn="{arn}:loadbalancer/app/{n}/50dc6c4"),
    "aws.elbv2.target_group": named(TargetGroupArn="{arn}:targetgroup/{n}/50dc6c4"),
    "aws.elb.load_balancer": named(LoadBalancerName="{n}"),
    "aws.dynamodb.table": named(TableName="{n}"),
    "aws.sns.topic": named(TopicArn="{arn}:{n}"),
    "aws.sqs.queue": named(QueueUrl="https://sqs/1/{n}", QueueName="{n}"),
    "aws.secretsmanager.secret": named(ARN="{arn}:secret:{n}-a1b2c3", Name="{n}"),
    "aws.ecr.repository": named(repositoryArn="{arn}:repository/{n}"),
    "aws.ecs.cluster": named(clusterArn="{arn}:cluster/{n}"),
    "aws.ecs.service": named(clusterArn="{arn}:cluster/{p}", serviceArn="{arn}:service/{n}"),
    "aws.ecs.task_definition": named(taskDefinitionArn="{arn}:task-definition/{n}:1"),
    "aws.eks.cluster": named(name="{n}"),
    "aws.autoscaling.group": named(AutoScalingGroupARN="{arn}:autoScalingGroupName/{n}"),
    "aws.config.recorder": named(name="{n}"),
    "aws.guardduty.detector": named(DetectorId="{n}"),
    "aws.efs.file_system": named(FileSystemId="fs-{n}"),
    "aws.route53.hosted_zone": named(HostedZoneId="Z{n}", Name="example.com."),
    "aws.acm.certificate": named(CertificateArn="{arn}:certificate/{n}", DomainName="a.example"),
    "aws.cloudformation.stack": named(StackId="{arn}:stack/{n}/0a1b", StackName="{n}"),
}
IN_PARENTS = {
    *("aws.logs.metric_filter", "aws.ecs.service", "aws.lambda.alias", "aws.route53.record"),
    *("aws.apigateway.stage", "aws.apigatewayv2.stage", "aws.codeartifact.package"),
    *("aws.bedrock.data_source", "aws.events.rule", "aws.amplify.branch"),
}
"""Types whose names are told apart only within a parent."""

_WORDS = st.text("ab-", min_size=1, max_size=3)


def test_every_list_says_how_aws_names_what_it_brings() -> None:
    assert set(AS_LISTED) == {row.type for row in ROWS if row.operation}
    assert {row.type for row in ROWS if row.parent} <= IN_PARENTS


@pytest.mark.parametrize("kind", AS_LISTED)
@settings(max_examples=60)
@given(one=st.tuples(_WORDS, _WORDS), two=st.tuples(_WORDS, _WORDS))
def test_names_that_are_equal_in_different_parents_are_different_resources(
    kind: str, one: tuple[str, str], two: tuple[str, str]
) -> None:
    row, item = RESOURCE_TYPES[kind], AS_LISTED[kind]
    first, second = (draft_of(row, place_of(row), item(*each), None) for each in (one, two))
    are_one = one == two if kind in IN_PARENTS else one[1] == two[1]
    assert (first.native_id == second.native_id) is are_one


@pytest.mark.parametrize("kind", AS_LISTED)
def test_what_a_row_names_is_what_an_older_snapshot_is_named_today(kind: str) -> None:
    row = RESOURCE_TYPES[kind]
    draft = draft_of(row, place_of(row), AS_LISTED[kind]("p", "n"), None)
    stored = {
        "provider": Provider.AWS,
        "account": ACCOUNT,
        "region": place_of(row).region,
        "type": kind,
        "native_id": draft.idents[-1],
        "document": draft.document | {"Arn": draft.idents[-1]},
    }
    now = today(stored, row)
    assert (now["native_id"], now["owner"]) == (draft.native_id, draft.owner)


def test_an_older_snapshot_of_which_only_the_id_is_known_keeps_it() -> None:
    stored = {
        "provider": "aws",
        "account": ACCOUNT,
        "region": "eu-west-1",
        "native_id": "arn:aws:ecs:eu-west-1:1:service/web",
        "document": {},
    }
    now = today(stored, RESOURCE_TYPES["aws.ecs.service"])
    assert (now["native_id"], now["owner"]) == (stored["native_id"], ACCOUNT)


def test_a_service_of_an_older_arn_is_named_as_one_of_a_newer() -> None:
    row, place = RESOURCE_TYPES["aws.ecs.service"], Place(ACCOUNT, "eu-west-1")
    before = f"arn:aws:ecs:eu-west-1:{ACCOUNT}"
    cluster = {"clusterArn": f"{before}:cluster/blue"}
    old = draft_of(row, place, {**cluster, "serviceArn": f"{before}:service/web"}, None)
    new = draft_of(row, place, {**cluster, "serviceArn": f"{before}:service/blue/web"}, None)
    assert old.native_id == new.native_id == f"{before}:service/blue/web"
    assert (old.formerly, new.formerly) == (f"{before}:service/web", None)


OWNER = re.compile(r"owner|account|registry|creator", re.IGNORECASE)
NOT_THE_OWNER: Mapping[str, str] = {
    "AccountId": "of a singleton: the account itself",
    "NetworkInterfaceOwnerId": "of the interface that an address is attached to",
    "OwnerAlias": "a word for OwnerId",
    "OwnerDirectoryDescription": "of a directory that another account shares: it stays theirs",
    "RegistryArn": "the name of a registry",
    "RegistryName": "the name of a registry",
    "administratorAccount": "the account of a repository, which the owner of its domain lets in",
    "ownerContact": "whom to ask about an API",
    "ownershipVerificationCertificateArn": "the certificate that proves a name",
    "ImageOwnerAlias": "a word for OwnerId",
    "DeliverCrossAccountRole": "a role of who receives flow logs",
    "CrossAccountClone": "whether a cluster is a clone",
}


@each_row
def test_a_row_says_which_member_of_what_it_lists_is_the_owner(row: Row) -> None:
    enriched = {name for call in row.enrich for name in call.fills}
    listed = set(attributes_of(row.type)) - enriched
    owners = {name for name in listed if OWNER.search(name)} - NOT_THE_OWNER.keys()
    assert owners == ({row.owner} if row.owner else set())


@each_row
def test_what_says_no_other_owner_is_the_accounts_own(row: Row) -> None:
    item = AS_LISTED[row.type]("p", "n") if row.operation else {"AccountId": ACCOUNT}
    draft = draft_of(row, place_of(row), item, None)
    assert draft.owner == ("aws" if row.type == "aws.iam.managed_policy" else ACCOUNT)


@pytest.mark.parametrize("kind", [row.type for row in ROWS if row.owner])
def test_what_another_account_owns_is_named_by_it_and_carries_it(kind: str) -> None:
    row = RESOURCE_TYPES[kind]
    assert row.owner is not None
    item = {**AS_LISTED[kind]("p", "n"), row.owner: OTHER}
    draft = draft_of(row, place_of(row), item, None)
    assert draft.owner == OTHER
    if row.formerly_native_id is not None:
        assert f":{OTHER}:" in draft.native_id
        assert ACCOUNT not in draft.native_id
        assert f":{ACCOUNT}:" in (draft.formerly or "")


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("aws.cloudtrail.trail", {"TrailARN": f"arn:aws:cloudtrail:eu-west-1:{OTHER}:trail/all"}),
        ("aws.kms.key", {"KeyArn": f"arn:aws-cn:kms:cn-north-1:{OTHER}:key/1"}),
        ("aws.iam.policy", {"Arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
    ],
)
def test_an_arn_says_whose_it_is(kind: str, item: Item) -> None:
    row = RESOURCE_TYPES[kind]
    owner = draft_of(row, place_of(row), item, None).owner
    assert owner == ("aws" if kind == "aws.iam.policy" else OTHER)


@pytest.mark.parametrize("said", [None, "", "amazon", 1, ["999988887777"]])
def test_an_owner_that_is_no_account_says_nothing(said: Any) -> None:
    row = RESOURCE_TYPES["aws.ec2.vpc"]
    item = {"VpcId": "vpc-1", "OwnerId": said}
    assert draft_of(row, place_of(row), item, None).owner == ACCOUNT
