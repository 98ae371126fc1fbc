from __future__ import annotations

import json
import re

import pytest

from cloudsealed.collectors.aws.permissions import (
    action_of,
    parts,
    policy_document,
    required_actions,
    statement,
    trust_statement,
)
from cloudsealed.collectors.aws.rows import ROWS as AWS
from cloudsealed.collectors.registry import rows_of

# Service prefixes of the AWS Service Authorization Reference.
PREFIXES = {
    "access-analyzer",
    "account",
    "acm",
    "acm-pca",
    "amplify",
    "apigateway",
    "application-autoscaling",
    "appstream",
    "appsync",
    "athena",
    "autoscaling",
    "backup",
    "batch",
    "bedrock",
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
    "eks",
    "elasticache",
    "elasticbeanstalk",
    "elasticfilesystem",
    "elasticloadbalancing",
    "elasticmapreduce",
    "es",
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
    "organizations",
    "rds",
    "redshift",
    "rolesanywhere",
    "route53",
    "route53domains",
    "s3",
    "sagemaker",
    "scheduler",
    "schemas",
    "secretsmanager",
    "securityhub",
    "servicecatalog",
    "ses",
    "shield",
    "sns",
    "sqs",
    "ssm",
    "states",
    "storagegateway",
    "tag",
    "timestream-influxdb",
    "transfer",
    "trustedadvisor",
    "wafv2",
    "wellarchitected",
    "workspaces",
}


def test_every_action_is_a_reading_action_of_a_known_service():
    for action in required_actions(AWS):
        prefix, name = action.split(":")
        assert prefix in PREFIXES
        assert re.fullmatch(r"(Describe|List|Get|BatchGet)\w+|GET|GenerateCredentialReport", name)


def test_every_service_is_covered():
    assert {action.split(":")[0] for action in required_actions(AWS)} == PREFIXES


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("s3", "ListBuckets", "s3:ListAllMyBuckets"),
        ("s3", "GetBucketEncryption", "s3:GetEncryptionConfiguration"),
        ("s3", "GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration"),
        ("s3", "GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock"),
        ("s3control", "GetPublicAccessBlock", "s3:GetAccountPublicAccessBlock"),
        ("s3", "GetBucketReplication", "s3:GetReplicationConfiguration"),
        ("s3", "GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration"),
        ("accessanalyzer", "ListAnalyzers", "access-analyzer:ListAnalyzers"),
        ("elbv2", "DescribeTags", "elasticloadbalancing:DescribeTags"),
        ("efs", "DescribeFileSystems", "elasticfilesystem:DescribeFileSystems"),
        ("ec2", "DescribeVpcs", "ec2:DescribeVpcs"),
        ("apigateway", "GetRestApis", "apigateway:GET"),
        ("apigatewayv2", "GetApis", "apigateway:GET"),
        ("stepfunctions", "ListStateMachines", "states:ListStateMachines"),
        ("sesv2", "GetAccount", "ses:GetAccount"),
    ],
)
def test_an_action_has_the_name_that_iam_knows(service, operation, action):
    assert action_of(service, operation) == action


def test_a_type_needs_its_own_calls_its_parents_and_the_regions():
    assert required_actions(rows_of(["aws.ecs.service"])) == [
        "ec2:DescribeRegions",
        "ecs:DescribeServices",
        "ecs:ListClusters",
        "ecs:ListServices",
    ]


def test_a_narrower_choice_of_types_never_needs_more():
    everything = set(required_actions(AWS))
    for row in AWS:
        assert set(required_actions(rows_of([row.type]))) <= everything


def test_each_part_of_the_policy_fits_into_a_managed_policy_and_a_role_takes_them_all():
    whole = policy_document(AWS)
    found = parts(whole)
    assert {each["Version"] for each in found} == {"2012-10-17"}
    # IAM quotas: 6,144 characters without white space, and ten managed policies a role.
    assert max(len(json.dumps(each, separators=(",", ":"))) for each in found) <= 6144
    assert len(found) <= 10
    actions = [action for each in found for action in each["Statement"][0]["Action"]]
    assert actions == whole["Statement"][0]["Action"]


def test_a_policy_that_fits_is_one_part():
    whole = policy_document(rows_of(["aws.sqs.queue"]))
    assert parts(whole) == [whole]


def test_no_action_has_a_wildcard_or_reads_contents():
    actions = policy_document(AWS)["Statement"][0]["Action"]
    assert not [action for action in actions if "*" in action]
    assert not {"secretsmanager:GetSecretValue", "s3:GetObject", "kms:Decrypt"} & set(actions)


def test_a_statement_cures_what_was_refused():
    found = statement(["s3:GetBucketPolicy", "ec2:DescribeVpcs", "s3:GetBucketPolicy"])
    assert found["Action"] == ["ec2:DescribeVpcs", "s3:GetBucketPolicy"]
    assert found["Effect"] == "Allow"


def test_whoever_speaks_through_a_session_of_a_role_is_trusted_as_that_role() -> None:
    session = trust_statement("arn:aws-cn:sts::123456789012:assumed-role/audit/i-1", "ext")
    assert session["Principal"] == {"AWS": "arn:aws-cn:iam::123456789012:role/audit"}
    assert session["Condition"] == {"StringEquals": {"sts:ExternalId": "ext"}}
    user = trust_statement("arn:aws:iam::123456789012:user/ann", None)
    assert user["Principal"] == {"AWS": "arn:aws:iam::123456789012:user/ann"}
    assert "Condition" not in user
