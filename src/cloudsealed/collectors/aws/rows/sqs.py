"""SQS: queues. Messages are never received."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.sqs.queue",
        service="sqs",
        operation="ListQueues",
        constants={"MaxResults": 1000},
        items="QueueUrls[].{QueueUrl: @, QueueName: last_segment(@)}",
        native_id="arn:{partition}:sqs:{region}:{account}:{QueueName}",
        name="QueueName",
        omits_empty=True,
        enrich=(
            Enrich(
                operation="GetQueueAttributes",
                params={"QueueUrl": "QueueUrl"},
                constants={"AttributeNames": ["All"]},
                fills={"Attributes": "Attributes"},
                gone=_GONE,
            ),
            Enrich(
                operation="ListQueueTags",
                params={"QueueUrl": "QueueUrl"},
                fills={"Tags": "Tags"},
                gone=_GONE,
                omits_empty=True,
            ),
        ),
        together=(tags("sqs", "Arn"),),
        decode={
            "Attributes.Policy": json_text,
            "Attributes.RedrivePolicy": json_text,
            "Attributes.RedriveAllowPolicy": json_text,
        },
        relations=(
            Relation(
                "dead_letter_queue",
                "Attributes.RedrivePolicy.deadLetterTargetArn",
                "aws.sqs.queue",
                "Arn",
            ),
        ),
    ),
)
