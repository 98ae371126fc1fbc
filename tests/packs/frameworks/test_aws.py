"""The frameworks of Amazon, CIS and ASD for AWS: their controls, and a few ties.

How many controls a chapter has is the publisher's figure.
"""

from __future__ import annotations

from collections import Counter

import pytest

from cloudsealed.packs import load_frameworks, load_policies

FRAMEWORKS = {each.key: each for each in load_frameworks()}
KEYS = {policy.key for policy in load_policies()}

FSBP = """
Account 1, ACM 2, APIGateway 7, AppSync 4, Athena 1, AutoScaling 6, Backup 1, CloudFront 12,
CloudTrail 4, CodeBuild 5, Cognito 2, Config 1, Connect 1, DataFirehose 1, DataSync 1, DMS 9,
DocumentDB 6, DynamoDB 5, EC2 31, ECR 3, ECS 9, EFS 7, EKS 3, ELB 14, EMR 4, ES 8, ElastiCache 7,
ElasticBeanstalk 2, EventBridge 1, FSx 5, Glue 2, GuardDuty 10, IAM 9, Inspector 4, Kinesis 2,
KMS 4, Lambda 3, MQ 2, MSK 5, Neptune 8, NetworkFirewall 7, OpenSearch 9, PCA 1, RDS 37,
Redshift 11, RedshiftServerless 6, Route53 1, S3 12, SageMaker 6, SecretsManager 4,
ServiceCatalog 1, SNS 2, SQS 2, SSM 6, StepFunctions 1, Transfer 2, WAF 9, WorkSpaces 2
"""

CHAPTERS = {
    "aws-fsbp": {each.split()[0]: int(each.split()[1]) for each in FSBP.split(",")},
    "wa-security": (
        {"SEC01": 8, "SEC02": 6, "SEC03": 9, "SEC04": 4, "SEC05": 4, "SEC06": 5, "SEC07": 4}
        | {"SEC08": 4, "SEC09": 3, "SEC10": 8, "SEC11": 8}
    ),
    "wa-reliability": (
        {"REL01": 6, "REL02": 5, "REL03": 3, "REL04": 4, "REL05": 7, "REL06": 7, "REL07": 4}
        | {"REL08": 5, "REL09": 4, "REL10": 3, "REL11": 7, "REL12": 5, "REL13": 5}
    ),
    "wa-cost": (
        {"COST01": 9, "COST02": 6, "COST03": 6, "COST04": 5, "COST05": 6, "COST06": 4}
        | {"COST07": 5, "COST08": 3, "COST09": 3, "COST10": 2, "COST11": 1}
    ),
    "asd-essential-eight": {"1": 9, "2": 8, "3": 7, "4": 7, "5": 3, "6": 4, "7": 4, "8": 6},
    "cis-aws-3.0": {"1": 22, "2.1": 4, "2.2": 1, "2.3": 3, "2.4": 1, "3": 9, "4": 16, "5": 6},
    "cis-aws-4.0.1": {"1": 22, "2.1": 4, "2.2": 4, "2.3": 1, "3": 9, "4": 16, "5": 8},
    "cis-aws-6.0": {"2": 21, "3.1": 4, "3.2": 4, "3.3": 1, "4": 9, "5": 16, "6": 8},
    "cis-aws-7.0": {"2": 26, "3.1": 4, "3.2": 4, "3.3": 1, "4": 10, "5": 16, "6": 9},
}
"""How many controls each chapter has, in the order of the document."""

TIES = {
    "aws-fsbp": {
        "EC2.2": "aws-ec2-default-sg-rules",
        "EC2.19": "aws-ec2-sg-ssh-open",
        "IAM.6": "aws-iam-root-virtual-mfa",
        "KMS.3": "aws-kms-key-pending-deletion",
        "RDS.2": "aws-rds-instance-public",
        "S3.1": "aws-s3-account-public-access-block-off",
    },
    "wa-security": {
        "SEC01-BP02": "aws-iam-root-mfa-off",
        "SEC05-BP02": "aws-ec2-sg-ssh-open",
        "SEC08-BP02": "aws-ec2-volume-unencrypted",
        "SEC09-BP02": "aws-elbv2-listener-without-tls",
    },
    "wa-reliability": {
        "REL09-BP03": "aws-rds-instance-backup-short",
        "REL10-BP01": "aws-rds-instance-single-az",
    },
    "wa-cost": {"COST04-BP03": "aws-ec2-volume-unattached", "COST06-BP02": "aws-ec2-volume-gp2"},
    "asd-essential-eight": {
        "E8-2.6": "aws-ssm-patches-missing",
        "E8-3.1": "aws-iam-user-console-mfa-off",
        "E8-8.4": "aws-backup-never-restored",
    },
    "cis-aws-3.0": {
        "1.4": "aws-iam-root-access-key",
        "1.20": "aws-accessanalyzer-off",
        "2.3.3": "aws-rds-instance-public",
        "5.2": "aws-ec2-sg-ssh-open",
        "5.6": "aws-ec2-instance-imdsv1",
    },
    "cis-aws-4.0.1": {
        "1.4": "aws-iam-root-access-key",
        "2.2.4": "aws-rds-instance-single-az",
        "4.16": "aws-securityhub-off",
        "5.3": "aws-ec2-sg-ssh-open",
    },
    "cis-aws-6.0": {
        "2.3": "aws-iam-root-access-key",
        "4.1": "aws-cloudtrail-missing",
        "5.3": "aws-alarm-root-usage-missing",
        "6.3": "aws-ec2-sg-ssh-open",
    },
    "cis-aws-7.0": {
        "2.1.3": "aws-organizations-management-account-in-use",
        "2.4": "aws-iam-root-access-key",
        "2.21": "aws-sqs-queue-public",
        "4.10": "aws-elbv2-access-logs-off",
        "6.3": "aws-ec2-sg-ssh-open",
    },
}
"""What any auditor expects: by control a policy that is evidence of its breach."""

each_framework = pytest.mark.parametrize("key", CHAPTERS)


@each_framework
def test_each_chapter_has_as_many_controls_as_the_publisher_has(key: str) -> None:
    sections = FRAMEWORKS[key].sections
    assert {section.id: len(section.controls) for section in sections} == CHAPTERS[key]
    assert [section.id for section in sections] == list(CHAPTERS[key])
    assert set(Counter(c.id for c in FRAMEWORKS[key].controls).values()) == {1}


@each_framework
def test_each_policy_that_is_named_exists_and_stands_under_no_control_twice(key: str) -> None:
    for control in FRAMEWORKS[key].controls:
        assert set(control.policies) <= KEYS, control.id
        assert len(set(control.policies)) == len(control.policies), control.id


@each_framework
def test_what_any_auditor_expects_is_evidence_of_a_control(key: str) -> None:
    policies = {control.id: control.policies for control in FRAMEWORKS[key].controls}
    for control, policy in TIES[key].items():
        assert policy in policies[control], control
