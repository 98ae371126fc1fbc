"""How many calls a second AWS is asked for, below what it documents or is seen to throttle at."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CEILINGS: Mapping[str, float] = MappingProxyType(
    {
        "iam": 10.0,
        "route53": 4.0,  # the whole account has 5 requests a second (Route 53 quotas)
        "cloudtrail": 5.0,
        "cloudformation": 5.0,
        "config": 5.0,
        "logs": 5.0,
        "cloudwatch": 5.0,
        "acm": 5.0,
        "elb": 10.0,
        "elbv2": 10.0,
        "rds": 10.0,
        "lambda": 10.0,
        "autoscaling": 10.0,
        "ecs": 10.0,
        "s3": 50.0,
        "resourcegroupstaggingapi": 10.0,
    }
)
"""Calls a second for each account, region and service; other services have DEFAULT_CEILING."""
