"""CloudFront: distributions. What a distribution tells its origins in headers of its own is
redacted: often it is the secret by which an origin knows it."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"NoSuchDistribution", "NoSuchResource"})
_HEADERS = "Origins.Items[].CustomHeaders.Items[].HeaderValue"

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.cloudfront.distribution",
        service="cloudfront",
        operation="ListDistributions",
        scope="global",
        items="DistributionList.Items",
        native_id="{ARN}",
        name="Id",
        secret_paths=(f"DistributionList.Items[].{_HEADERS}",),
        enrich=(
            Enrich(
                operation="GetDistributionConfig",
                params={"Id": "Id"},
                fills={
                    "Logging": "DistributionConfig.Logging",
                    "DefaultRootObject": "DistributionConfig.DefaultRootObject",
                },
                gone=_GONE,
                secret_paths=(f"DistributionConfig.{_HEADERS}",),
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"Resource": "ARN"},
                fills={"Tags": "Tags.Items"},
                gone=_GONE,
            ),
        ),
        together=(tags("cloudfront:distribution", "ARN"),),
        relations=(
            Relation("web_acl", "WebACLId", "aws.wafv2.cloudfront_web_acl", "ARN"),
            Relation(
                "certificate",
                "ViewerCertificate.ACMCertificateArn",
                "aws.acm.certificate",
                "CertificateArn",
            ),
        ),
    ),
)
