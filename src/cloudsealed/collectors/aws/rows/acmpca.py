"""AWS Private CA: certificate authorities of the account. Certificates and keys are never read."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.acmpca.authority",
        service="acm-pca",
        operation="ListCertificateAuthorities",
        items="CertificateAuthorities[?Status != 'DELETED']",
        native_id="{Arn}",
        owner="OwnerAccount",
        name="CertificateAuthorityConfiguration.Subject.CommonName || Arn",
        created="CreatedAt",
        enrich=(
            Enrich(
                operation="ListTags",
                params={"CertificateAuthorityArn": "Arn"},
                fills={"Tags": "Tags"},
                gone=frozenset({"ResourceNotFoundException"}),
            ),
        ),
        together=(tags("acm-pca", "Arn"),),
        relations=(
            Relation(
                "crl_bucket",
                "RevocationConfiguration.CrlConfiguration.S3BucketName",
                "aws.s3.bucket",
                "Name",
            ),
        ),
    ),
)
