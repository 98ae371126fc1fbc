"""Elastic Beanstalk: environments, and how far their platform is.

Of their option settings only those of a few namespaces are kept as they are; the variables of the
application, and whatever else stands among them, are redacted.
"""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Row, Together

_SETTINGS = "aws:elasticbeanstalk"
_PLAIN = (
    "aws:autoscaling:launchconfiguration",
    f"{_SETTINGS}:cloudwatch:logs",
    f"{_SETTINGS}:environment",
    f"{_SETTINGS}:healthreporting:system",
    f"{_SETTINGS}:hostmanager",
    f"{_SETTINGS}:managedactions",
)
"""Namespaces whose settings are words of AWS's own, and names of its resources."""
_OPTIONS = "ConfigurationSettings[].OptionSettings"
_KEPT = ", ".join(f"'{each}'" for each in _PLAIN)

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
        enrich=(
            Enrich(
                operation="ListTagsForResource",
                params={"ResourceArn": "EnvironmentArn"},
                fills={"Tags": "ResourceTags"},
                gone=frozenset({"ResourceNotFoundException"}),
            ),
            Enrich(
                operation="DescribeConfigurationSettings",
                params={"ApplicationName": "ApplicationName", "EnvironmentName": "EnvironmentName"},
                fills={"OptionSettings": "ConfigurationSettings[0].OptionSettings"},
                secret_paths=(f"{_OPTIONS}[?!contains([{_KEPT}], Namespace)].Value",),
            ),
        ),
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
