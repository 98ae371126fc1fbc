"""CloudTrail: trails where they are at home, and those that record all regions of the account,
wherever they are at home and whoever owns them. Events are never read.

Every region names the trails that record it (`includeShadowTrails`), an organisation's too, but
only the home region says what their selectors are, and only to the owner (AWS answers others
TrailNotFoundException or CloudTrailARNInvalidException). `HasCustomEventSelectors` says whether
there are any.
"""

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
    Row(
        type="aws.cloudtrail.multi_region_trail",
        service="cloudtrail",
        operation="DescribeTrails",
        scope="global",
        constants={"includeShadowTrails": True},
        items="trailList[?IsMultiRegionTrail]",
        native_id="{TrailARN}/all-regions",
        name="Name",
        tags=None,
        enrich=(
            Enrich(
                operation="GetTrailStatus",
                params={"Name": "TrailARN"},
                region="HomeRegion",
                fills={"Status": "@"},
            ),
            Enrich(
                operation="GetEventSelectors",
                params={"TrailName": "TrailARN"},
                region="HomeRegion",
                when="!IsOrganizationTrail || HasCustomEventSelectors",
                fills={
                    "EventSelectors": "EventSelectors || `[]`",
                    "AdvancedEventSelectors": "AdvancedEventSelectors",
                },
            ),
        ),
    ),
)
