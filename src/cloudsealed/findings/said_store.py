"""What was said last of the findings of a cell, by digest: enough to see what is known already.

A row's `said` is the digest of the words that made it what it is; null where nobody vouches for it,
as after every other write. So whoever hears the same words again need not read the finding. Only
SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from sqlalchemy import and_, bindparam, select

from cloudsealed.findings.cell_store import Cell
from cloudsealed.findings.model import Follows
from cloudsealed.storage.database import Connection
from cloudsealed.storage.schema import findings

_TENANT = findings.c.tenant_id == bindparam("tenant")
_MOMENTS = ("observed_at", "looked_at", "last_seen_at")
_IS_PAST = and_(*(findings.c[name] < bindparam("moment") for name in _MOMENTS))
_STORED = (
    *("id", "fingerprint", "said", "follows", "status", "resource_id", "resource_type"),
    *("last_observation", "severity", "base_severity"),
)
_CELL = select(*(findings.c[name] for name in _STORED), _IS_PAST).where(
    _TENANT,
    findings.c.policy_id == bindparam("policy"),
    findings.c.account == bindparam("account"),
    findings.c.region == bindparam("region"),
)
_REMEMBER = (
    findings.update()
    .where(_TENANT, findings.c.id == bindparam("ident"), findings.c.follows == int(Follows.SEEN))
    .values(said=bindparam("words"))
)


Stored: TypeAlias = tuple[str, str, bytes | None, int, str, str, str, str, int, int, bool]
"""Id, fingerprint, digest of what was said, how it follows, status, resource's id and type, last
observation, severity and base severity, and whether all moments of its row are before the one that
was asked about."""


def load_cell(connection: Connection, *, tenant: str, cell: Cell, at: str) -> list[Stored]:
    """Return what there is of every finding of a cell, as of the time `at`."""
    place = {"policy": cell.policy_id, "account": cell.account, "region": cell.region}
    return connection.all(_CELL, {"tenant": tenant, **place, "moment": at})


def remember(connection: Connection, *, tenant: str, said: Mapping[str, bytes]) -> None:
    """Note, by id, what was said of findings that follow their cell and are not changed by it."""
    rows: list[Mapping[str, Any]] = [
        {"tenant": tenant, "ident": ident, "words": words} for ident, words in said.items()
    ]
    connection.many(_REMEMBER, rows)
