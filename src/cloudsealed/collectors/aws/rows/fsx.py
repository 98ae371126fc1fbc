"""FSx: file systems of all four kinds. No file is read."""

from __future__ import annotations

from cloudsealed.collectors.aws.rows.backups import LAST_BACKUP
from cloudsealed.collectors.model import Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.fsx.file_system",
        service="fsx",
        operation="DescribeFileSystems",
        items="FileSystems[?Lifecycle != 'DELETING']",
        native_id="{ResourceARN}",
        owner="OwnerId",
        name="FileSystemId",
        created="CreationTime",
        secret_paths=("FileSystems[].OntapConfiguration.FsxAdminPassword",),
        together=(LAST_BACKUP,),
        relations=(Relation("key", "KmsKeyId", "aws.kms.key", "Arn"),),
    ),
)
