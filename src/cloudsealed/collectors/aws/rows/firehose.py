"""Amazon Data Firehose: streams and where they deliver. No record is read."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row

_DESTINATIONS = "DeliveryStreamDescription.Destinations[]"
_REQUEST = f"{_DESTINATIONS}.HttpEndpointDestinationDescription.RequestConfiguration"

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.firehose.stream",
        service="firehose",
        operation="ListDeliveryStreams",
        constants={"Limit": 10000},  # more than an account may have in a region; there are no pages
        items="DeliveryStreamNames[].{DeliveryStreamName: @}",
        native_id="arn:{partition}:firehose:{region}:{account}:deliverystream/{DeliveryStreamName}",
        name="DeliveryStreamName",
        created="Stream.CreateTimestamp",
        enrich=(
            Enrich(
                operation="DescribeDeliveryStream",
                params={"DeliveryStreamName": "DeliveryStreamName"},
                fills={"Stream": "DeliveryStreamDescription"},
                gone=frozenset({"ResourceNotFoundException"}),
                secret_paths=(
                    f"{_DESTINATIONS}.SplunkDestinationDescription.HECToken",
                    f"{_REQUEST}.CommonAttributes[].AttributeValue",
                ),
            ),
        ),
        together=(tags("firehose:deliverystream", "Arn"),),
        relations=(
            Relation(
                "key", "Stream.DeliveryStreamEncryptionConfiguration.KeyARN", "aws.kms.key", "Arn"
            ),
        ),
    ),
)
