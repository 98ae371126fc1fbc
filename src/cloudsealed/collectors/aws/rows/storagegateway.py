"""Storage Gateway: gateways and the file shares that they serve. No file is read."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.storagegateway.gateway",
        service="storagegateway",
        operation="ListGateways",
        items="Gateways",
        native_id="{GatewayARN}",
        name="GatewayName || GatewayId",
        tags=None,
    ),
    Row(
        type="aws.storagegateway.file_share",
        service="storagegateway",
        operation="ListFileShares",
        items="FileShareInfoList[?FileShareStatus != 'DELETING']",
        native_id="{FileShareARN}",
        name="FileShareId",
        tags="(Nfs || Smb).Tags",
        enrich=(
            Enrich(
                operation="DescribeNFSFileShares",
                params={"FileShareARNList": "[FileShareARN]"},
                when="FileShareType == 'NFS'",
                fills={"Nfs": "NFSFileShareInfoList[0]"},
                holds="NFSFileShareInfoList",
            ),
            Enrich(
                operation="DescribeSMBFileShares",
                params={"FileShareARNList": "[FileShareARN]"},
                when="FileShareType == 'SMB'",
                fills={"Smb": "SMBFileShareInfoList[0]"},
                holds="SMBFileShareInfoList",
            ),
        ),
        relations=(
            Relation("gateway", "GatewayARN", "aws.storagegateway.gateway", "GatewayARN"),
            Relation("key", "(Nfs || Smb).KMSKey", "aws.kms.key", "Arn"),
        ),
    ),
)
