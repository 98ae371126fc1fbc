"""AWS Account Management: whom AWS writes to beside the owner.

Names, addresses and numbers are redacted; whether two are the same is all that is kept of them.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Row


def _contact(kind: str) -> Enrich:
    return Enrich(
        operation="GetAlternateContact",
        constants={"AlternateContactType": kind.upper()},
        fills={f"{kind}Contact": "AlternateContact"},
        absent=frozenset({"ResourceNotFoundException"}),
        secret_paths=(
            "AlternateContact.Name",
            "AlternateContact.EmailAddress",
            "AlternateContact.PhoneNumber",
        ),
    )


ROWS: tuple[Row, ...] = (
    Row(
        type="aws.account.contacts",
        service="account",
        operation=None,
        scope="global",
        native_id="arn:{partition}:account::{account}:contacts",
        tags=None,
        enrich=tuple(_contact(kind) for kind in ("Security", "Billing", "Operations")),
    ),
)
