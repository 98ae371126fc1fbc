"""S3: buckets, their access points, and the account's own block on public access.

`ListBuckets` names the buckets of all regions at once, so its row is global, as the account's is;
access points are listed in their regions. Objects are never listed or read.
"""

from __future__ import annotations

from collections.abc import Mapping

from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row

_REGION = "(LocationConstraint == 'EU' && 'eu-west-1') || LocationConstraint || 'us-east-1'"


def _of_bucket(
    operation: str, fills: Mapping[str, str], *absent: str, omits_empty: bool = False
) -> Enrich:
    return Enrich(
        operation=operation,
        params={"Bucket": "Name"},
        fills=fills,
        absent=frozenset(absent),
        gone=frozenset({"NoSuchBucket"}),
        omits_empty=omits_empty,
    )


ROWS: tuple[Row, ...] = (
    Row(
        type="aws.s3.bucket",
        service="s3",
        operation="ListBuckets",
        scope="global",
        constants={"MaxBuckets": 1000},
        items="Buckets",
        native_id="arn:{partition}:s3:::{Name}",
        located="BucketRegion || Region",
        name="Name",
        created="CreationDate",
        enrich=(
            _of_bucket("GetBucketLocation", {"Region": _REGION}),
            _of_bucket("GetBucketPolicy", {"Policy": "Policy"}, "NoSuchBucketPolicy"),
            _of_bucket("GetBucketAcl", {"Acl": "@"}),
            _of_bucket(
                "GetPublicAccessBlock",
                {"PublicAccessBlock": "PublicAccessBlockConfiguration"},
                "NoSuchPublicAccessBlockConfiguration",
            ),
            _of_bucket(
                "GetBucketEncryption",
                {"Encryption": "ServerSideEncryptionConfiguration"},
                "ServerSideEncryptionConfigurationNotFoundError",
            ),
            _of_bucket("GetBucketVersioning", {"Versioning": "@"}, omits_empty=True),
            _of_bucket("GetBucketLogging", {"Logging": "@"}, omits_empty=True),
            _of_bucket(
                "GetBucketLifecycleConfiguration",
                {"Lifecycle": "Rules"},
                "NoSuchLifecycleConfiguration",
            ),
            _of_bucket("GetBucketTagging", {"Tags": "TagSet"}, "NoSuchTagSet"),
            _of_bucket(
                "GetBucketOwnershipControls",
                {"OwnershipControls": "OwnershipControls"},
                "OwnershipControlsNotFoundError",
            ),
            _of_bucket(
                "GetObjectLockConfiguration",
                {"ObjectLock": "ObjectLockConfiguration"},
                "ObjectLockConfigurationNotFoundError",
            ),
            _of_bucket(
                "GetBucketReplication",
                {"Replication": "ReplicationConfiguration"},
                "ReplicationConfigurationNotFoundError",
            ),
        ),
        decode={"Policy": json_text},
        relations=(
            Relation("log_bucket", "Logging.LoggingEnabled.TargetBucket", "aws.s3.bucket", "Name"),
            Relation(
                "keys",
                "Encryption.Rules[].ApplyServerSideEncryptionByDefault.KMSMasterKeyID",
                "aws.kms.key",
                "Arn",
            ),
        ),
    ),
    Row(
        type="aws.s3.account",
        service="s3control",
        operation=None,
        scope="global",
        native_id="arn:{partition}:s3:::account/{account}",
        tags=None,
        enrich=(
            Enrich(
                operation="GetPublicAccessBlock",
                constants={"AccountId": "{account}"},
                fills={"PublicAccessBlock": "PublicAccessBlockConfiguration"},
                absent=frozenset({"NoSuchPublicAccessBlockConfiguration"}),
            ),
        ),
    ),
    Row(
        type="aws.s3.access_point",
        service="s3control",
        operation="ListAccessPoints",
        constants={"AccountId": "{account}"},
        items="AccessPointList",
        native_id="{AccessPointArn}",
        name="Name",
        tags=None,
        enrich=(
            Enrich(
                operation="GetAccessPoint",
                params={"Name": "Name"},
                constants={"AccountId": "{account}"},
                fills={
                    "PublicAccessBlock": "PublicAccessBlockConfiguration",
                    "CreationDate": "CreationDate",
                },
                gone=frozenset({"NoSuchAccessPoint"}),
            ),
        ),
        relations=(Relation("bucket", "Bucket", "aws.s3.bucket", "Name"),),
    ),
)
