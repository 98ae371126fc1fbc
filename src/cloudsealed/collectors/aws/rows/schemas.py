"""EventBridge schemas: registries of the account's own, and who may use them."""

from __future__ import annotations

from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.schemas.registry",
        service="schemas",
        operation="ListRegistries",
        constants={"Scope": "LOCAL"},
        items="Registries",
        native_id="{RegistryArn}",
        name="RegistryName",
        enrich=(
            Enrich(
                operation="GetResourcePolicy",
                params={"RegistryName": "RegistryName"},
                fills={"Policy": "Policy"},
                absent=frozenset({"NotFoundException"}),
            ),
        ),
        decode={"Policy": json_text},
    ),
)
