"""How many findings of each kind failed in one audit, kept as they were when it ended.

A kind is that of `count_store`. The counts of an audit are one immutable object, so that a trend
reads no finding; an audit from before they were kept has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import orjson
from sqlalchemy import bindparam, select

from cloudsealed.findings import count_store as counts
from cloudsealed.findings.listing import LISTING
from cloudsealed.kit.batches import batches
from cloudsealed.storage import objects
from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.filters import NOT
from cloudsealed.storage.keyset import refuse_strangers
from cloudsealed.storage.schema import audit_blocks

_KIND, _ALL = "finding_counts", ""
_INSERT = audit_blocks.insert()
_KEPT = select(audit_blocks.c.digest).where(
    audit_blocks.c.tenant_id == bindparam("tenant"),
    audit_blocks.c.audit_id == bindparam("audit"),
    audit_blocks.c.kind == _KIND,
)
_BATCH = 1_000


def keep(
    connection: Connection, *, tenant: str, audit: str, idents: Sequence[str], month: str
) -> None:
    """Count the findings that failed in an audit, as they are now; in the tenant's turn."""
    tally: Counter[Row] = Counter()
    for some in batches(idents, _BATCH):
        tally.update(counts.kinds(connection, tenant=tenant, idents=some).values())
    lines = [[*kind, count] for kind, count in sorted(tally.items())]
    row = {
        "tenant_id": tenant,
        "audit_id": audit,
        "kind": _KIND,
        "account": _ALL,
        "region": _ALL,
        "key": _ALL,
        "digest": objects.put(connection, tenant, orjson.dumps(lines), month),
        "lines": len(lines),
        "header": _ALL,
    }
    connection.run(_INSERT, row)


def count(
    connection: Connection,
    *,
    tenant: str,
    audit: str,
    filters: Mapping[str, tuple[str, ...]],
    columns: tuple[str, ...],
) -> list[Row] | None:
    """Return (column values …, count), sorted, of what failed in an audit; None where it kept no
    counts. `filters` are those that `count_store` answers."""
    row = connection.first(_KEPT, {"tenant": tenant, "audit": audit})
    if row is None:
        return None
    refuse_strangers(connection, LISTING, tenant=tenant, filters=filters)
    places = [counts.KEY.index(name) for name in columns]
    tally: Counter[Row] = Counter()
    for *kind, number in orjson.loads(objects.get(connection, tenant, row[0])):
        named = dict(zip(counts.KEY, kind, strict=True))
        if all(_passes(named, name, values) for name, values in filters.items()):
            tally[tuple(kind[place] for place in places)] += number
    return [(*values, number) for values, number in sorted(tally.items())]


def _passes(kind: Mapping[str, str | int], name: str, values: tuple[str, ...]) -> bool:
    item = LISTING.filter(name)
    held = kind[item.column]
    if name.removesuffix(NOT) == "service":
        held = str(held).split(".")[1]
    return (held in map(item.convert, values)) is not item.is_negated
