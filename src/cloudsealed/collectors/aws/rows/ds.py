"""Directory Service: directories. The secret that they share with RADIUS servers is redacted."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Row

_GONE = frozenset({"EntityDoesNotExistException"})
_NO_DIRECTORY = frozenset({"DirectoryDoesNotExistException"})
_MICROSOFT = "Type == 'MicrosoftAD'"

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.ds.directory",
        service="ds",
        operation="DescribeDirectories",
        items="DirectoryDescriptions",
        native_id="arn:{partition}:ds:{region}:{account}:directory/{DirectoryId}",
        owner="OwnerDirectoryDescription.AccountId",
        name="Name",
        created="LaunchTime",
        secret_paths=(
            "DirectoryDescriptions[].RadiusSettings.SharedSecret",
            "DirectoryDescriptions[].OwnerDirectoryDescription.RadiusSettings.SharedSecret",
        ),
        enrich=(
            Enrich(
                operation="ListLogSubscriptions",
                params={"DirectoryId": "DirectoryId"},
                fills={"LogSubscriptions": "LogSubscriptions"},
                when=_MICROSOFT,
                gone=_GONE,
            ),
            Enrich(
                operation="DescribeEventTopics",
                params={"DirectoryId": "DirectoryId"},
                fills={"EventTopics": "EventTopics"},
                gone=_GONE,
            ),
            Enrich(
                operation="GetSnapshotLimits",
                params={"DirectoryId": "DirectoryId"},
                fills={"SnapshotLimits": "SnapshotLimits"},
                when="contains(['MicrosoftAD', 'SimpleAD'], Type)",
                gone=_GONE,
            ),
            Enrich(
                operation="ListCertificates",
                params={"DirectoryId": "DirectoryId"},
                fills={"Certificates": "CertificatesInfo"},
                when="contains(['MicrosoftAD', 'ADConnector'], Type)",
                gone=_NO_DIRECTORY,
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"ResourceId": "DirectoryId"},
                fills={"Tags": "Tags"},
                gone=_GONE,
            ),
        ),
        together=(tags("ds:directory", "Arn"),),
    ),
)
