"""Amplify Hosting: applications and their branches. What builds are told is redacted."""

from __future__ import annotations

from cloudsealed.collectors.model import Relation, Row

_TOLD = ("environmentVariables", "basicAuthCredentials", "buildSpec")

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.amplify.app",
        service="amplify",
        operation="ListApps",
        items="apps",
        native_id="{appArn}",
        name="name",
        tags="tags",
        created="createTime",
        secret_paths=(
            *(f"apps[].{name}" for name in _TOLD),
            *(f"apps[].autoBranchCreationConfig.{name}" for name in _TOLD),
        ),
    ),
    Row(
        type="aws.amplify.branch",
        service="amplify",
        operation="ListBranches",
        parent="aws.amplify.app",
        inherit={"appId": "appId", "appName": "name"},
        params={"appId": "appId"},
        items="branches",
        native_id="{branchArn}",
        name="branchName",
        tags="tags",
        created="createTime",
        secret_paths=tuple(f"branches[].{name}" for name in _TOLD),
        relations=(Relation("app", "appId", "aws.amplify.app", "appId"),),
    ),
)
