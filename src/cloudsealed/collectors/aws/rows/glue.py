"""Glue: the settings of the data catalog, jobs, connections and what they are encrypted by. Neither
a table nor a script is read."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row

_ENDED = frozenset({"EntityNotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.glue.catalog",
        service="glue",
        operation=None,
        native_id="arn:{partition}:glue:{region}:{account}:catalog",
        tags=None,
        enrich=(
            Enrich(
                operation="GetDataCatalogEncryptionSettings",
                fills={"EncryptionSettings": "DataCatalogEncryptionSettings"},
            ),
            Enrich(operation="GetResourcePolicy", fills={"Policy": "PolicyInJson"}, absent=_ENDED),
            Enrich(
                operation="GetDatabases",
                fills={"DatabaseNames": "DatabaseList[].Name"},
                absent=_ENDED,
            ),
        ),
        decode={"Policy": json_text},
    ),
    Row(
        type="aws.glue.job",
        service="glue",
        operation="GetJobs",
        items="Jobs",
        native_id="arn:{partition}:glue:{region}:{account}:job/{Name}",
        name="Name",
        created="CreatedOn",
        secret_paths=(
            "Jobs[].DefaultArguments",
            "Jobs[].NonOverridableArguments",
            "Jobs[].SourceControlDetails.AuthToken",
        ),
        together=(tags("glue", "Arn"),),
        relations=(
            Relation("role", "Role", "aws.iam.role", "Arn"),
            Relation(
                "security_configuration",
                "SecurityConfiguration",
                "aws.glue.security_configuration",
                "Name",
            ),
        ),
    ),
    Row(
        type="aws.glue.security_configuration",
        service="glue",
        operation="GetSecurityConfigurations",
        items="SecurityConfigurations",
        native_id="arn:{partition}:glue:{region}:{account}:securityConfiguration/{Name}",
        name="Name",
        tags=None,
        created="CreatedTimeStamp",
    ),
    Row(
        type="aws.glue.connection",
        service="glue",
        operation="GetConnections",
        constants={"HidePassword": True},
        items="ConnectionList",
        native_id="arn:{partition}:glue:{region}:{account}:connection/{Name}",
        name="Name",
        created="CreationTime",
        together=(tags("glue", "Arn"),),
    ),
    Row(
        type="aws.glue.dev_endpoint",
        service="glue",
        operation="GetDevEndpoints",
        secret_paths=("DevEndpoints[].Arguments",),
        items="DevEndpoints[?Status != 'TERMINATING']",
        native_id="arn:{partition}:glue:{region}:{account}:devEndpoint/{EndpointName}",
        name="EndpointName",
        tags=None,
        created="CreatedTimestamp",
        relations=(
            Relation("role", "RoleArn", "aws.iam.role", "Arn"),
            Relation(
                "security_configuration",
                "SecurityConfiguration",
                "aws.glue.security_configuration",
                "Name",
            ),
        ),
    ),
)
