"""Which audits have spoken for a cell, and of when. Only SQL.

A cell is policy x account x region; of a listing, the resource type stands for the policy.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert as insert_ignoring

from cloudsealed.findings.model import Moment
from cloudsealed.storage.database import Connection
from cloudsealed.storage.schema import cells

_MARK = insert_ignoring(cells).on_conflict_do_nothing()
_SPOKEN = select(cells.c.audit_id, cells.c.observed_at).where(
    cells.c.tenant_id == bindparam("tenant"),
    cells.c.policy_id == bindparam("policy"),
    cells.c.account == bindparam("acct"),
    cells.c.region == bindparam("place"),
)


def mark(
    connection: Connection,
    *,
    tenant: str,
    policy_id: str,
    account: str,
    region: str,
    moment: Moment,
) -> None:
    """Record, in the transaction that reconciles a cell, that an audit speaks for it."""
    row = {
        "tenant_id": tenant,
        "policy_id": policy_id,
        "account": account,
        "region": region,
        "audit_id": moment.audit_id,
        "observed_at": moment.at,
    }
    connection.run(_MARK, row)


def later_than(
    connection: Connection,
    *,
    tenant: str,
    policy_id: str,
    account: str,
    region: str,
    moment: Moment,
    horizon: str,
) -> list[Moment]:
    """Return the moments at which audits spoke for a cell after `moment`, oldest first; what is
    dated after `horizon` is none."""
    place = {"tenant": tenant, "policy": policy_id, "acct": account, "place": region}
    spoken = (Moment(at, audit) for audit, at in connection.all(_SPOKEN, place))
    return sorted(found for found in spoken if found > moment and found.at <= horizon)
