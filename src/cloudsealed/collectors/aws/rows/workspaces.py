"""WorkSpaces: desktops, when somebody last used each, and the directories that they are in."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row, Together

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.workspaces.workspace",
        service="workspaces",
        operation="DescribeWorkspaces",
        items="Workspaces[?!contains(['TERMINATING', 'TERMINATED'], State)]",
        native_id="arn:{partition}:workspaces:{region}:{account}:workspace/{WorkspaceId}",
        name="WorkspaceId",
        enrich=(
            Enrich(
                operation="DescribeWorkspacesConnectionStatus",
                params={"WorkspaceIds": "[WorkspaceId]"},
                fills={"Connection": "WorkspacesConnectionStatus[0]"},
            ),
            Enrich(
                operation="DescribeTags",
                params={"ResourceId": "WorkspaceId"},
                fills={"Tags": "TagList"},
                gone=frozenset({"ResourceNotFoundException"}),
            ),
        ),
        together=(
            Together(
                service="workspaces",
                operation="DescribeWorkspacesConnectionStatus",
                items="WorkspacesConnectionStatus",
                key="WorkspaceId",
                of="WorkspaceId",
                fills={"Connection": "@"},
                lacking={"Connection": {}},
            ),
            tags("workspaces:workspace", "Arn"),
        ),
        relations=(
            Relation("directory", "DirectoryId", "aws.workspaces.directory", "DirectoryId"),
            Relation("key", "VolumeEncryptionKey", "aws.kms.key", "Arn"),
        ),
    ),
    Row(
        type="aws.workspaces.directory",
        service="workspaces",
        operation="DescribeWorkspaceDirectories",
        items="Directories",
        native_id="arn:{partition}:workspaces:{region}:{account}:directory/{DirectoryId}",
        name="DirectoryName",
        secret_paths=("Directories[].RegistrationCode",),
        enrich=(
            Enrich(
                operation="DescribeTags",
                params={"ResourceId": "DirectoryId"},
                fills={"Tags": "TagList"},
                gone=frozenset({"ResourceNotFoundException"}),
            ),
        ),
        together=(tags("workspaces:directory", "Arn"),),
    ),
)
