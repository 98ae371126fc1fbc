"""EFS: file systems, whether they are backed up and who may mount them, and their access points."""

from __future__ import annotations

from cloudsealed.collectors.aws.rows.backups import LAST_BACKUP
from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"FileSystemNotFound"})

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
                gone=_GONE,
            ),
            Enrich(
                operation="DescribeFileSystemPolicy",
                params={"FileSystemId": "FileSystemId"},
                fills={"Policy": "Policy"},
                absent=frozenset({"PolicyNotFound"}),
                gone=_GONE,
            ),
            Enrich(
                operation="DescribeLifecycleConfiguration",
                params={"FileSystemId": "FileSystemId"},
                fills={"LifecyclePolicies": "LifecyclePolicies"},
                gone=_GONE,
            ),
        ),
        together=(LAST_BACKUP,),
        decode={"Policy": json_text},
        relations=(Relation("key", "KmsKeyId", "aws.kms.key", "Arn"),),
    ),
    Row(
        type="aws.efs.access_point",
        service="efs",
        operation="DescribeAccessPoints",
        items="AccessPoints[?!contains(['deleting', 'deleted'], LifeCycleState)]",
        native_id="{AccessPointArn}",
        owner="OwnerId",
        name="Name || AccessPointId",
        relations=(Relation("file_system", "FileSystemId", "aws.efs.file_system", "FileSystemId"),),
    ),
)
