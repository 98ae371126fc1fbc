"""Kinesis Data Streams: streams. No record is read."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.kinesis.stream",
        service="kinesis",
        operation="ListStreams",
        items="StreamNames[].{StreamName: @}",
        native_id="arn:{partition}:kinesis:{region}:{account}:stream/{StreamName}",
        name="StreamName",
        created="Stream.StreamCreationTimestamp",
        enrich=(
            Enrich(
                operation="DescribeStreamSummary",
                params={"StreamName": "StreamName"},
                fills={"Stream": "StreamDescriptionSummary"},
                gone=frozenset({"ResourceNotFoundException"}),
            ),
        ),
        together=(tags("kinesis:stream", "Arn"),),
        relations=(Relation("key", "Stream.KeyId", "aws.kms.key", "Arn"),),
    ),
)
