"""KMS: keys, their rotation and who may use them. Nothing is ever encrypted or decrypted."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Row

_GONE = frozenset({"NotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.kms.key",
        service="kms",
        operation="ListKeys",
        constants={"Limit": 1000},
        items="Keys",
        native_id="{KeyArn}",
        given="Metadata.KeyManager == 'AWS'",
        name="KeyId",
        created="Metadata.CreationDate",
        enrich=(
            Enrich(
                operation="DescribeKey",
                params={"KeyId": "KeyId"},
                fills={"Metadata": "KeyMetadata"},
                gone=_GONE,
            ),
            Enrich(
                operation="GetKeyRotationStatus",
                params={"KeyId": "KeyId"},
                fills={
                    "RotationEnabled": "KeyRotationEnabled",
                    "RotationPeriodInDays": "RotationPeriodInDays",
                },
                when="Metadata.KeyManager == 'CUSTOMER' && Metadata.KeySpec == 'SYMMETRIC_DEFAULT'",
                absent=frozenset({"UnsupportedOperationException", "KMSInvalidStateException"}),
                gone=_GONE,
            ),
            Enrich(
                operation="GetKeyPolicy",
                params={"KeyId": "KeyId"},
                constants={"PolicyName": "default"},
                fills={"Policy": "Policy"},
                gone=_GONE,
            ),
            Enrich(
                operation="ListResourceTags",
                params={"KeyId": "KeyId"},
                fills={"Tags": "Tags[].{Key: TagKey, Value: TagValue}"},
                when="Metadata.KeyManager == 'CUSTOMER'",
                gone=_GONE,
            ),
        ),
        together=(tags("kms", "KeyArn"),),
        decode={"Policy": json_text},
    ),
)
