"""Every row against botocore's models: what a row names must exist in AWS's own description."""

from __future__ import annotations

import re

import pytest

from cloudsealed.collectors.attributes import attributes_of
from cloudsealed.collectors.aws.pagination import operation_model, pager
from cloudsealed.collectors.paths import read, tree_of
from cloudsealed.collectors.registry import RESOURCE_TYPES, places, rows_of

ROWS = list(RESOURCE_TYPES.values())
CALLS = [
    (row, operation, {**params, **constants}, secret_paths)
    for row in ROWS
    for operation, params, constants, secret_paths in (
        *([(row.operation, row.params, row.constants, row.secret_paths)] if row.operation else []),
        *((each.operation, each.params, each.constants, each.secret_paths) for each in row.enrich),
    )
]
CALL_IDS = [f"{row.type}-{operation}" for row, operation, *_ in CALLS]
EXPECTED_SERVICES = {
    "account",
    "iam",
    "s3",
    "s3control",
    "ec2",
    "rds",
    "lambda",
    "kms",
    "cloudtrail",
    "logs",
    "cloudwatch",
    "elbv2",
    "elb",
    "dynamodb",
    "sns",
    "sqs",
    "secretsmanager",
    "ecr",
    "ecs",
    "eks",
    "autoscaling",
    "config",
    "guardduty",
    "efs",
    "route53",
    "acm",
    "cloudformation",
}


def test_every_service_that_is_promised_has_a_row():
    assert {row.service for row in ROWS} == EXPECTED_SERVICES


@pytest.mark.parametrize(("row", "operation", "parameters", "_"), CALLS, ids=CALL_IDS)
def test_a_call_exists_with_its_parameters_and_lacks_none_that_is_required(
    row, operation, parameters, _
):
    shape = operation_model(row.service, operation).input_shape
    if shape is None:
        assert parameters == {}
    else:
        assert set(parameters) <= set(shape.members)
        assert set(shape.required_members) <= set(parameters)


@pytest.mark.parametrize(("row", "operation", "_", "secret_paths"), CALLS, ids=CALL_IDS)
def test_a_secret_path_is_a_path_of_the_answer(row, operation, _, secret_paths):
    for path in secret_paths:
        shape = operation_model(row.service, operation).output_shape
        for step in path.split("."):
            shape = shape.members[step.removesuffix("[]")]
            if step.endswith("[]"):
                shape = shape.member


@pytest.mark.parametrize(("row", "operation", "_", "__"), CALLS, ids=CALL_IDS)
def test_a_call_only_reads_settings(row, operation, _, __):
    assert re.match(r"(Describe|List|Get|GenerateCredentialReport$)", operation)
    forbidden = {"GetSecretValue", "GetObject", "GetItem", "GetLogEvents", "GetFunction"}
    assert operation not in forbidden


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.type)
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


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.type)
def test_a_native_id_is_made_of_the_listed_item_alone(row):
    enriched = {name for call in row.enrich for name in call.fills}
    item = set(attributes_of(row.type)) - enriched
    fields = re.findall(r"\{([^}]+)\}", row.native_id)
    assert fields
    for field in fields:
        assert _first_fields(field) <= item | {"account", "region", "partition"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.type)
def test_a_relation_leads_to_an_attribute_of_a_known_type(row):
    for relation in row.relations:
        assert _first_fields(relation.key) <= set(attributes_of(relation.type)), relation


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.type)
def test_calls_fill_each_attribute_once_in_an_order_that_exists(row):
    fills = [name for call in row.enrich for name in call.fills]
    assert len(fills) == len(set(fills))
    assert sum(len(stage) for stage in row.stages) == len(row.enrich)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.type)
def test_every_expression_compiles_and_finds_nothing_in_nothing(row):
    for call in row.enrich:
        for path in call.fills.values():
            read(path, {})
    assert not read(row.items, {}) or row.operation is None


def test_a_list_that_aws_pages_has_a_pager():
    paged = {row.type for row in ROWS if row.operation and pager(row.service, row.operation)}
    unpaged = {row.type for row in ROWS if row.operation} - paged
    assert unpaged == {"aws.ec2.address", "aws.cloudtrail.trail", "aws.config.recorder"}


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
