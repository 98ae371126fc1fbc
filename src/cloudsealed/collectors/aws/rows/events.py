"""EventBridge: buses with who may use them, rules with their targets, and global endpoints.

What a target is told instead of the event is redacted.
"""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"ResourceNotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.events.event_bus",
        service="events",
        operation="ListEventBuses",
        items="EventBuses",
        native_id="{Arn}",
        given="Name == 'default' && Policy == `null`",
        name="Name",
        enrich=(
            Enrich(
                operation="ListTagsForResource",
                params={"ResourceARN": "Arn"},
                fills={"Tags": "Tags"},
                gone=_GONE,
            ),
        ),
        together=(tags("events:event-bus", "Arn"),),
        decode={"Policy": json_text},
    ),
    Row(
        type="aws.events.rule",
        service="events",
        operation="ListRules",
        parent="aws.events.event_bus",
        inherit={"BusName": "Name"},
        params={"EventBusName": "BusName"},
        gone=_GONE,
        items="Rules",
        native_id="{Arn}",
        given="ManagedBy != `null`",
        name="Name",
        enrich=(
            Enrich(
                operation="ListTargetsByRule",
                params={"Rule": "Name", "EventBusName": "BusName"},
                fills={"Targets": "Targets"},
                omits_empty=True,
                gone=_GONE,
                secret_paths=(
                    "Targets[].Input",
                    "Targets[].InputTransformer.InputTemplate",
                    "Targets[].HttpParameters.HeaderParameters",
                    "Targets[].HttpParameters.QueryStringParameters",
                ),
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"ResourceARN": "Arn"},
                fills={"Tags": "Tags"},
                gone=_GONE,
            ),
        ),
        together=(tags("events:rule", "Arn"),),
    ),
    Row(
        type="aws.events.endpoint",
        service="events",
        operation="ListEndpoints",
        items="Endpoints",
        native_id="{Arn}",
        name="Name",
        tags=None,
        created="CreationTime",
        relations=(Relation("buses", "EventBuses[].EventBusArn", "aws.events.event_bus", "Arn"),),
    ),
)
