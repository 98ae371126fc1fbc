"""DynamoDB: tables and their backups. Items are never read."""

from __future__ import annotations

from cloudsealed.collectors.aws.backups import LAST_BACKUP
from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"ResourceNotFoundException", "TableNotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.dynamodb.table",
        service="dynamodb",
        operation="ListTables",
        items="TableNames[].{TableName: @}",
        native_id="arn:{partition}:dynamodb:{region}:{account}:table/{TableName}",
        name="TableName",
        created="Table.CreationDateTime",
        enrich=(
            Enrich(
                operation="DescribeTable",
                params={"TableName": "TableName"},
                fills={"Table": "Table"},
                gone=_GONE,
            ),
            Enrich(
                operation="DescribeContinuousBackups",
                params={"TableName": "TableName"},
                fills={"ContinuousBackups": "ContinuousBackupsDescription"},
                gone=_GONE,
            ),
            Enrich(
                operation="ListTagsOfResource",
                params={"ResourceArn": "Arn"},
                fills={"Tags": "Tags"},
                gone=_GONE,
            ),
        ),
        together=(tags("dynamodb", "Arn"), LAST_BACKUP),
        relations=(Relation("key", "Table.SSEDescription.KMSMasterKeyArn", "aws.kms.key", "Arn"),),
    ),
)
