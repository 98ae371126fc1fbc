"""What a worker does for every tenant every few seconds."""

from __future__ import annotations

from typing import Any

from cloudsealed import working


def test_where_nothing_is_due_no_audit_is_read(
    tenant: Any, completed: Any, statements: list[str]
) -> None:
    completed(tenant)
    statements.clear()
    working.housekeep(tenant.services)
    assert statements
    assert not [each for each in statements if "FROM audits" in each]
