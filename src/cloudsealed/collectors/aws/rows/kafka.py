"""MSK: clusters, and the connectors of MSK Connect. No message is read."""

from __future__ import annotations

from cloudsealed.collectors.model import Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.kafka.cluster",
        service="kafka",
        operation="ListClustersV2",
        items="ClusterInfoList[?State != 'DELETING']",
        native_id="{ClusterArn}",
        name="ClusterName",
        created="CreationTime",
        relations=(
            Relation(
                "key",
                "Provisioned.EncryptionInfo.EncryptionAtRest.DataVolumeKMSKeyId",
                "aws.kms.key",
                "Arn",
            ),
            Relation(
                "security_groups",
                "Provisioned.BrokerNodeGroupInfo.SecurityGroups",
                "aws.ec2.security_group",
                "GroupId",
            ),
        ),
    ),
    Row(
        type="aws.kafka.connector",
        service="kafkaconnect",
        operation="ListConnectors",
        items="connectors[?connectorState != 'DELETING']",
        native_id="{connectorArn}",
        name="connectorName",
        tags=None,
        created="creationTime",
    ),
)
