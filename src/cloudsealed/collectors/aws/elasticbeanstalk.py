"""Elastic Beanstalk: environments, and how far their platform is.

Their option settings, which hold the variables of the application, are not asked for.
"""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Row, Together

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.elasticbeanstalk.environment",
        service="elasticbeanstalk",
        operation="DescribeEnvironments",
        constants={"IncludeDeleted": False},
        items="Environments[?!contains(['Terminating', 'Terminated'], Status)]",
        native_id="{EnvironmentArn}",
        name="EnvironmentName",
        created="DateCreated",
        together=(
            tags("elasticbeanstalk", "EnvironmentArn"),
            Together(
                service="elasticbeanstalk",
                operation="ListPlatformVersions",
                items="PlatformSummaryList",
                key="PlatformArn",
                of="PlatformArn",
                fills={"Platform": "@"},
                lacking={"Platform": None},
            ),
        ),
    ),
)
