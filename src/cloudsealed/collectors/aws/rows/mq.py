"""Amazon MQ: brokers. No message is read."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.mq.broker",
        service="mq",
        operation="ListBrokers",
        items="BrokerSummaries[?BrokerState != 'DELETION_IN_PROGRESS']",
        native_id="{BrokerArn}",
        name="BrokerName",
        tags="Broker.Tags",
        created="Created",
        enrich=(
            Enrich(
                operation="DescribeBroker",
                params={"BrokerId": "BrokerId"},
                fills={"Broker": "@"},
                gone=frozenset({"NotFoundException"}),
            ),
        ),
        relations=(
            Relation("key", "Broker.EncryptionOptions.KmsKeyId", "aws.kms.key", "Arn"),
            Relation(
                "security_groups", "Broker.SecurityGroups", "aws.ec2.security_group", "GroupId"
            ),
        ),
    ),
)
