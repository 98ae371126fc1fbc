"""ACM: certificates of every key type. Private keys are never exported."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Row

_GONE = frozenset({"ResourceNotFoundException"})

# Without this filter ACM lists RSA keys of 1024 and 2048 bits alone (ListCertificates, Includes).
_KEY_TYPES = [
    "RSA_1024",
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "EC_prime256v1",
    "EC_secp384r1",
    "EC_secp521r1",
]

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.acm.certificate",
        service="acm",
        operation="ListCertificates",
        constants={"Includes": {"keyTypes": _KEY_TYPES}},
        items="CertificateSummaryList",
        native_id="{CertificateArn}",
        name="DomainName",
        created="CreatedAt",
        enrich=(
            Enrich(
                operation="DescribeCertificate",
                params={"CertificateArn": "CertificateArn"},
                fills={"Certificate": "Certificate"},
                gone=_GONE,
            ),
            Enrich(
                operation="ListTagsForCertificate",
                params={"CertificateArn": "CertificateArn"},
                fills={"Tags": "Tags"},
                gone=_GONE,
            ),
        ),
        together=(tags("acm", "CertificateArn"),),
    ),
)
