"""Every row of AWS, service by service, in the order in which a service is first seen."""

from __future__ import annotations

from cloudsealed.collectors.aws import (
    acm,
    autoscaling,
    cloudformation,
    cloudtrail,
    cloudwatch,
    config,
    dynamodb,
    ec2,
    ecr,
    ecs,
    efs,
    eks,
    elb,
    elbv2,
    guardduty,
    iam,
    kms,
    lambda_,
    logs,
    rds,
    route53,
    s3,
    secretsmanager,
    sns,
    sqs,
)
from cloudsealed.collectors.model import Row

_SERVICES = (
    iam,
    s3,
    ec2,
    rds,
    lambda_,
    kms,
    cloudtrail,
    logs,
    cloudwatch,
    elbv2,
    elb,
    dynamodb,
    sns,
    sqs,
    secretsmanager,
    ecr,
    ecs,
    eks,
    autoscaling,
    config,
    guardduty,
    efs,
    route53,
    acm,
    cloudformation,
)

ROWS: tuple[Row, ...] = tuple(row for service in _SERVICES for row in service.ROWS)
