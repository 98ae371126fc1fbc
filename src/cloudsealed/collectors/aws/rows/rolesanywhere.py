"""IAM Roles Anywhere: profiles, by which holders of certificates get sessions of roles."""

from __future__ import annotations

from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.rolesanywhere.profile",
        service="rolesanywhere",
        operation="ListProfiles",
        items="profiles",
        native_id="{profileArn}",
        name="name",
        tags=None,
        created="createdAt",
        decode={"sessionPolicy": json_text},
        relations=(Relation("roles", "roleArns", "aws.iam.role", "Arn"),),
    ),
)
