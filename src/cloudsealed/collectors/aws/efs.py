"""EFS: file systems and whether they are backed up."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.efs.file_system",
        service="efs",
        operation="DescribeFileSystems",
        items="FileSystems[?!contains(['deleting', 'deleted'], LifeCycleState)]",
        native_id="arn:{partition}:elasticfilesystem:{region}:{account}:file-system/{FileSystemId}",
        owner="OwnerId",
        name="Name || FileSystemId",
        created="CreationTime",
        enrich=(
            Enrich(
                operation="DescribeBackupPolicy",
                params={"FileSystemId": "FileSystemId"},
                fills={"BackupPolicy": "BackupPolicy"},
                absent=frozenset({"PolicyNotFound"}),
                gone=frozenset({"FileSystemNotFound"}),
            ),
        ),
        relations=(Relation("key", "KmsKeyId", "aws.kms.key", "Arn"),),
    ),
)
