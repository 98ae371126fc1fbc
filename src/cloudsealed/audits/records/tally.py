"""How the calls of an audit's ledger ended, counted, and the outcomes that are named anew once all
are made. Only SQL, beside the ledger's own."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.schema import calls
from cloudsealed.vocabulary import CallOutcome

_THIS_AUDIT = (calls.c.tenant_id == bindparam("tenant"), calls.c.audit_id == bindparam("audit"))
_COUNTED = tuple(
    calls.c[name]
    for name in ("provider", "account", "region", "service", "operation", "outcome", "error_code")
)
_TALLY = (
    select(*_COUNTED, func.min(calls.c.error_message), func.count())
    .where(*_THIS_AUDIT)
    .group_by(*_COUNTED)
    .order_by(*_COUNTED)
)
_RENAME = (
    calls.update()
    .where(
        *_THIS_AUDIT,
        calls.c.account == bindparam("acct"),
        calls.c.region == bindparam("place"),
        calls.c.outcome == bindparam("was"),
        calls.c.error_code == bindparam("said"),
    )
    .values(outcome=bindparam("becomes"))
)
_RENAME_OF = _RENAME.where(calls.c.service == bindparam("of"))
_TALLY_OF = _TALLY.where(calls.c.account == bindparam("acct"))


@dataclass(frozen=True, slots=True)
class Tallied:
    """How many calls of one operation in one place ended in one way, with one of their messages."""

    provider: str
    account: str
    region: str
    service: str
    operation: str
    outcome: CallOutcome
    error_code: str | None
    error_message: str | None
    count: int


def tally(
    database: Database, *, tenant: str, audit_id: str, account: str | None = None
) -> list[Tallied]:
    """Return how an audit's calls, or those of one account, ended, in the order of provider,
    account, region and operation."""
    named = {"tenant": tenant, "audit": audit_id}
    with database.read() as connection:
        if account is None:
            rows = connection.all(_TALLY, named)
        else:
            rows = connection.all(_TALLY_OF, {**named, "acct": account})
    return [
        Tallied(cloud, acct, region, service, operation, CallOutcome(ended), code, message, count)
        for cloud, acct, region, service, operation, ended, code, message, count in rows
    ]


def rename(
    connection: Connection,
    *,
    tenant: str,
    audit_id: str,
    place: tuple[str, str],
    was: tuple[CallOutcome, str],
    becomes: CallOutcome,
    service: str | None = None,
) -> None:
    """Give another outcome to the calls of an account and region, or to those of one service there,
    that had one outcome and code."""
    bound = {
        "tenant": tenant,
        "audit": audit_id,
        "acct": place[0],
        "place": place[1],
        "was": was[0].value,
        "said": was[1],
        "becomes": becomes.value,
    }
    if service is None:
        connection.run(_RENAME, bound)
    else:
        connection.run(_RENAME_OF, {**bound, "of": service})
