"""Every row by itself, and those of AWS against botocore's models: what such a row names must exist
in AWS's own description."""

from __future__ import annotations

import re

import pytest
from tests.grouped import each_row_of, grouped, service_of

from cloudsealed.collectors.attributes import attributes_of
from cloudsealed.collectors.aws.pagination import operation_model, pager
from cloudsealed.collectors.aws.rows import ROWS as AWS
from cloudsealed.collectors.paths import names_in, read, tree_of
from cloudsealed.collectors.registry import RESOURCE_TYPES, places, rows_of

ROWS = list(RESOURCE_TYPES.values())
OF_AWS = list(AWS)
CALLS = [
    (row, operation, {**params, **constants}, secret_paths)
    for row in OF_AWS
    for operation, params, constants, secret_paths in (
        *([(row.operation, row.params, row.constants, row.secret_paths)] if row.operation else []),
        *((each.operation, each.params, each.constants, each.secret_paths) for each in row.enrich),
    )
]
each_call = grouped(
    "call", CALLS, lambda call: service_of(call[0].type), lambda call: f"{call[0].type}-{call[1]}"
)
each_row, each_of_aws = each_row_of(ROWS), each_row_of(OF_AWS)
EXPECTED_SERVICES = {
    "accessanalyzer",
    "account",
    "acm",
    "acm-pca",
    "amplify",
    "apigateway",
    "apigatewayv2",
    "application-autoscaling",
    "appstream",
    "appsync",
    "athena",
    "autoscaling",
    "backup",
    "batch",
    "bedrock",
    "bedrock-agent",
    "cloudformation",
    "cloudfront",
    "cloudtrail",
    "cloudwatch",
    "codeartifact",
    "codebuild",
    "codepipeline",
    "cognito-identity",
    "cognito-idp",
    "config",
    "datapipeline",
    "datasync",
    "dax",
    "directconnect",
    "dlm",
    "dms",
    "ds",
    "dynamodb",
    "ec2",
    "ecr",
    "ecs",
    "efs",
    "eks",
    "elasticache",
    "elasticbeanstalk",
    "elb",
    "elbv2",
    "emr",
    "events",
    "firehose",
    "fsx",
    "glacier",
    "globalaccelerator",
    "glue",
    "guardduty",
    "iam",
    "inspector2",
    "kafka",
    "kafkaconnect",
    "kinesis",
    "kms",
    "lambda",
    "lightsail",
    "logs",
    "macie2",
    "memorydb",
    "mq",
    "network-firewall",
    "opensearch",
    "organizations",
    "rds",
    "redshift",
    "rolesanywhere",
    "route53",
    "route53domains",
    "s3",
    "s3control",
    "sagemaker",
    "scheduler",
    "schemas",
    "secretsmanager",
    "securityhub",
    "servicecatalog",
    "sesv2",
    "shield",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "storagegateway",
    "timestream-influxdb",
    "transfer",
    "trustedadvisor",
    "wafv2",
    "wellarchitected",
    "workspaces",
}


def test_every_service_that_is_promised_has_a_row():
    assert {row.service for row in OF_AWS} == EXPECTED_SERVICES


@pytest.mark.parametrize(
    ("kind", "constants"),
    [
        ("aws.cloudtrail.multi_region_trail", {"includeShadowTrails": True}),
        ("aws.ec2.image", {"IncludeDisabled": True}),
        ("aws.iam.policy", {"Scope": "Local"}),
    ],
)
def test_what_a_list_leaves_out_unless_asked_is_asked_for(kind, constants):
    """A disabled image still holds its snapshots (EC2 API Reference, DescribeImages)."""
    assert constants.items() <= dict(RESOURCE_TYPES[kind].constants).items()


@each_call
def test_a_call_exists_with_its_parameters_and_lacks_none_that_is_required(call):
    row, operation, parameters, _ = call
    shape = operation_model(row.service, operation).input_shape
    if shape is None:
        assert parameters == {}
    else:
        assert set(parameters) <= set(shape.members)
        assert set(shape.required_members) <= set(parameters)


@each_call
def test_a_secret_path_is_a_path_of_the_answer(call):
    row, operation, _, secret_paths = call
    for path in secret_paths:
        shape = operation_model(row.service, operation).output_shape
        for step in re.sub(r"\[\?.*?\](?=\.|$)", "[]", path).split("."):
            shape = shape.members[step.removesuffix("[]")]
            if step.endswith("[]"):
                shape = shape.member


@each_call
def test_a_call_only_reads_settings(call):
    operation = call[1]
    assert re.match(r"(Describe|List|(?:Batch)?Get|GenerateCredentialReport$)", operation)
    forbidden = {"GetSecretValue", "GetObject", "GetItem", "GetLogEvents", "GetFunction"}
    assert operation not in forbidden


@each_row
def test_everything_that_a_row_reads_is_an_attribute_of_its_documents(row):
    known = attributes_of(row.type)
    for path in [*row.decode, *(each.path for each in row.relations), row.name, row.tags]:
        for field in _first_fields(path):
            assert field in known, path
    for call in row.enrich:
        for path in [*call.params.values(), call.when, call.each]:
            for field in _first_fields(path) - {"each"}:
                assert field in known, path


def _first_fields(path):
    """The names that an expression looks up in the document itself."""
    return _lookups(tree_of(path)) if path else set()


def _lookups(node):
    if node["type"] == "field":
        return {node["value"]}
    children = node.get("children", [])
    first_only = {"subexpression", "index_expression", "projection", "filter_projection", "pipe"}
    if node["type"] in first_only:
        children = children[:1]
    return set().union(*map(_lookups, children))


@each_row
def test_a_native_id_is_made_of_the_listed_item_alone(row):
    enriched = {name for call in row.enrich for name in call.fills}
    item = set(attributes_of(row.type)) - enriched
    for template in filter(None, (row.native_id, row.formerly_native_id)):
        fields = re.findall(r"\{([^}]+)\}", template)
        assert fields
        for field in fields:
            assert _first_fields(field) <= item | {"account", "region", "partition", "owner"}
    assert _first_fields(row.owner) <= item


@each_row
def test_a_relation_leads_to_an_attribute_of_a_known_type(row):
    for relation in row.relations:
        assert _first_fields(relation.key) <= set(attributes_of(relation.type)), relation


@each_row
def test_calls_fill_each_attribute_once_in_an_order_that_exists(row):
    fills = [name for call in row.enrich for name in call.fills]
    assert len(fills) == len(set(fills))
    assert sum(len(stage) for stage in row.stages) == len(row.enrich)


@each_row
def test_every_expression_compiles_and_finds_nothing_in_nothing(row):
    for call in row.enrich:
        for path in call.fills.values():
            read(path, {})
    assert not read(row.items, {}) or row.operation is None


def test_a_list_that_aws_pages_has_a_pager():
    paged = {row.type for row in OF_AWS if row.operation and pager(row.service, row.operation)}
    unpaged = {row.type for row in OF_AWS if row.operation} - paged
    assert unpaged == {
        *("aws.ec2.address", "aws.ec2.reserved_instances", "aws.ec2.vpn_connection"),
        "aws.config.recorder",
        *("aws.apigateway.stage", "aws.dlm.lifecycle_policy"),
        *("aws.cloudtrail.trail", "aws.cloudtrail.multi_region_trail"),
        "aws.iam.saml_provider",
        *("aws.opensearch.domain", "aws.firehose.stream"),
        *("aws.ec2.reserved_instances", "aws.ec2.vpn_connection"),
    }


def test_global_services_are_collected_once_and_the_others_in_each_region():
    regions = ["eu-west-1", "us-east-1"]
    found = [each.region for each in places(RESOURCE_TYPES["aws.iam.user"], "1", "aws", regions)]
    assert found == ["global"]
    found = [each.region for each in places(RESOURCE_TYPES["aws.ec2.vpc"], "1", "aws", regions)]
    assert found == regions


def test_rows_are_chosen_by_type_and_an_unknown_type_is_an_error():
    assert [row.type for row in rows_of(["aws.ec2.vpc"])] == ["aws.ec2.vpc"]
    assert rows_of() == tuple(ROWS)
    with pytest.raises(KeyError):
        rows_of(["aws.nothing"])


def _codes_of(service, operation):
    """The error codes that the model of a call knows; none where it lists no errors at all."""
    shapes = operation_model(service, operation).error_shapes
    return {code for shape in shapes for code in (shape.name, shape.error_code)}


# botocore's models of these list no errors, or leave out those that AWS documents elsewhere:
# S3 "Error responses", EC2 "Error codes", ECS "DescribeServices", ACM "ListTagsForCertificate".
_UNMODELED = {"s3", "ec2", "s3control"}


@each_of_aws
def test_a_code_says_that_the_resource_is_gone_or_that_nothing_is_configured_and_never_both(row):
    for call in row.enrich:
        assert not call.absent & call.gone, call.operation
        decider = row.decider(call)
        if call.decided_by is None:
            continue
        assert decider is not None, call.operation
        assert call.absent <= decider.gone, call.operation
        assert decider.when is None
        assert decider.each is None
        order = [stage_call.operation for stage in row.stages for stage_call in stage]
        assert order.index(call.operation) < order.index(decider.operation)
        assert not any(call in stage and decider in stage for stage in row.stages)


@each_of_aws
def test_a_code_that_some_call_of_a_resource_takes_for_gone_is_absent_only_where_one_decides(row):
    gone = frozenset().union(*(call.gone for call in row.enrich))
    for call in row.enrich:
        if set(call.params.values()) == {"each"}:
            continue  # it asks about another thing, and says nothing of the resource
        assert not call.absent & gone or call.decided_by, call.operation


@each_of_aws
def test_the_codes_of_absence_are_those_of_the_services_own_model(row):
    calls = [(call.operation, call.absent | call.gone) for call in row.enrich]
    calls += [(row.operation, row.gone)] if row.operation else []
    for operation, codes in calls:
        known = _codes_of(row.service, operation)
        if codes and row.service not in _UNMODELED:
            assert codes & known, (operation, codes, known)


@each_of_aws
def test_every_code_of_its_model_that_says_that_the_resource_is_not_there_is_declared(row):
    """What the model of a call about one resource calls not found is gone or absent, never a
    failure that nobody thought of."""
    for call in row.enrich:
        if call.operation == "GetPolicyVersion":
            continue  # an old default version may go while the policy stays: it is unread then
        if row.type == "aws.cloudtrail.multi_region_trail":
            continue  # what another account owns is not found by this one, and is there: unread
        shapes = operation_model(row.service, call.operation).error_shapes
        found = {s.error_code or s.name for s in shapes if _NOT_FOUND.search(s.name)}
        found -= _NOT_ABOUT_THE_RESOURCE
        names = {s.error_code or s.name: {s.error_code, s.name} for s in shapes}
        for code in found:
            assert names[code] & (call.absent | call.gone), (call.operation, code)


_NOT_FOUND = re.compile(r"NotFound|NoSuch|NonExistent|DoesNotExist")
_NOT_ABOUT_THE_RESOURCE = {
    # Kinds that the same calls take, and that these rows do not ask about.
    "EventDataStoreNotFoundException",
    "ListenerNotFound",
    "RuleNotFound",
    "TrustStoreNotFound",
    "LoadBalancerAttributeNotFound",
    "NoSuchHealthCheck",
    "EndpointGroupNotFoundException",
    "AttachmentNotFoundException",
    "ListenerNotFoundException",
    "ServiceLinkedRoleNotFoundFault",
}


LISTS = [(row, each) for row in OF_AWS for each in row.together]
each_list = grouped(
    "both",
    LISTS,
    lambda both: service_of(both[0].type),
    lambda both: f"{both[0].type}-{both[1].operation}",
)


@each_list
def test_a_list_for_all_exists_with_its_parameters_and_is_read_page_by_page(both):
    each = both[1]
    model = operation_model(each.service, each.operation)
    assert set(each.constants) <= set(model.input_shape.members)
    assert pager(each.service, each.operation) is not None
    assert re.match(r"(Describe|List|Get)", each.operation)
    assert names_in(each.items) & set(model.output_shape.members)


@each_list
def test_a_list_for_all_knows_a_resource_by_what_its_own_list_says(both):
    row, each = both
    assert names_in(each.of) <= {"Arn", *attributes_of(row.type)} - {
        name for call in row.enrich for name in call.fills
    }
