"""CloudTrail: trails where they are at home, and whether they log. Events are never read."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"TrailNotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.cloudtrail.trail",
        service="cloudtrail",
        operation="DescribeTrails",
        constants={"includeShadowTrails": False},
        items="trailList",
        native_id="{TrailARN}",
        given="`true`",
        name="Name",
        enrich=(
            Enrich(
                operation="GetTrailStatus",
                params={"Name": "TrailARN"},
                fills={"Status": "@"},
                gone=_GONE,
            ),
            Enrich(
                operation="GetEventSelectors",
                params={"TrailName": "TrailARN"},
                fills={
                    "EventSelectors": "EventSelectors || `[]`",
                    "AdvancedEventSelectors": "AdvancedEventSelectors",
                },
                gone=_GONE,
            ),
            Enrich(
                operation="ListTags",
                params={"ResourceIdList": "[TrailARN]"},
                fills={"Tags": "ResourceTagList[].TagsList[]"},
                gone=frozenset({"ResourceNotFoundException"}),
            ),
        ),
        together=(tags("cloudtrail", "TrailARN"),),
        relations=(
            Relation("bucket", "S3BucketName", "aws.s3.bucket", "Name"),
            Relation("key", "KmsKeyId", "aws.kms.key", "Arn"),
        ),
    ),
)
