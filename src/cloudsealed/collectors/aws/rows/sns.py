"""SNS: topics and their confirmed subscriptions. Where a subscription sends to, which may be
somebody's address, is redacted."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"NotFound", "NotFoundException", "ResourceNotFound"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.sns.topic",
        service="sns",
        operation="ListTopics",
        items="Topics",
        native_id="{TopicArn}",
        name="Attributes.DisplayName || TopicArn",
        enrich=(
            Enrich(
                operation="GetTopicAttributes",
                params={"TopicArn": "TopicArn"},
                fills={"Attributes": "Attributes"},
                gone=_GONE,
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"ResourceArn": "TopicArn"},
                fills={"Tags": "Tags"},
                gone=_GONE,
            ),
        ),
        together=(tags("sns", "TopicArn"),),
        decode={"Attributes.Policy": json_text},
    ),
    Row(
        type="aws.sns.subscription",
        service="sns",
        operation="ListSubscriptions",
        items="Subscriptions[?contains(SubscriptionArn, ':')]",  # one that waits has no ARN
        native_id="{SubscriptionArn}",
        owner="Owner",
        name="SubscriptionArn",
        tags=None,
        secret_paths=("Subscriptions[].Endpoint",),
        relations=(Relation("topic", "TopicArn", "aws.sns.topic", "TopicArn"),),
    ),
)
