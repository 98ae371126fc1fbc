"""S3 Glacier: vaults of the service of its own, with who may reach them. No archive is read."""

from __future__ import annotations

from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Row

_NONE = frozenset({"ResourceNotFoundException"})  # no policy, or no vault

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.glacier.vault",
        service="glacier",
        operation="ListVaults",
        constants={"accountId": "-"},
        items="VaultList",
        native_id="{VaultARN}",
        name="VaultName",
        created="CreationDate",
        enrich=(
            Enrich(
                operation="GetVaultAccessPolicy",
                constants={"accountId": "-"},
                params={"vaultName": "VaultName"},
                fills={"Policy": "policy.Policy"},
                absent=_NONE,
                decided_by="ListTagsForVault",
            ),
            Enrich(
                operation="ListTagsForVault",
                constants={"accountId": "-"},
                params={"vaultName": "VaultName"},
                fills={"Tags": "Tags"},
                gone=_NONE,
            ),
        ),
        decode={"Policy": json_text},
    ),
)
