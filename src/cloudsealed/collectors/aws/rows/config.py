"""AWS Config: configuration recorders and whether they record."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.config.recorder",
        service="config",
        operation="DescribeConfigurationRecorders",
        items="ConfigurationRecorders",
        native_id="arn:{partition}:config:{region}:{account}:configuration-recorder/{name}",
        given="`true`",
        name="name",
        tags=None,
        enrich=(
            Enrich(
                operation="DescribeConfigurationRecorderStatus",
                params={"ConfigurationRecorderNames": "[name]"},
                fills={"Status": "ConfigurationRecordersStatus[0]"},
                gone=frozenset({"NoSuchConfigurationRecorderException"}),
            ),
        ),
        relations=(Relation("role", "roleARN", "aws.iam.role", "Arn"),),
    ),
    Row(
        type="aws.config.region_settings",
        service="config",
        operation=None,
        native_id="arn:{partition}:config:{region}:{account}:region-settings",
        tags=None,
        enrich=(
            Enrich(
                operation="DescribeConfigurationRecorderStatus",
                fills={"Statuses": "ConfigurationRecordersStatus"},
                absent=frozenset({"NoSuchConfigurationRecorderException"}),
            ),
            Enrich(
                operation="DescribeConfigurationRecorders",
                fills={"Recorders": "ConfigurationRecorders"},
                absent=frozenset({"NoSuchConfigurationRecorderException"}),
            ),
            Enrich(
                operation="DescribeDeliveryChannelStatus",
                fills={"DeliveryChannels": "DeliveryChannelsStatus"},
                absent=frozenset({"NoSuchDeliveryChannelException"}),
            ),
        ),
    ),
)
