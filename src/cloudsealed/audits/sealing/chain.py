"""Rows of seals: each tenant's chain, without gap or fork. The only SQL of seals."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from cloudsealed.audits.model import AuditNotFinishedError
from cloudsealed.kit.canonical import sha256
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.schema import seals

_LAST = (
    select(seals.c.sequence, seals.c.digest)
    .where(seals.c.tenant_id == bindparam("tenant"))
    .order_by(seals.c.sequence.desc())
    .limit(1)
)
_OF_AUDIT = select(seals.c.envelope).where(
    seals.c.tenant_id == bindparam("tenant"), seals.c.audit_id == bindparam("audit")
)
_INSERT = seals.insert()


def next_link(connection: Connection, *, tenant: str) -> tuple[int, str | None]:
    """Return the sequence of the tenant's next seal, and the digest of the one before it."""
    last = connection.first(_LAST, {"tenant": tenant})
    return (last[0] + 1, last[1]) if last else (1, None)


def append(
    connection: Connection, *, tenant: str, sequence: int, audit_id: str, envelope: bytes
) -> None:
    """Add an envelope to the chain; the unique sequence refuses a second one of its place."""
    row = {
        "tenant_id": tenant,
        "sequence": sequence,
        "audit_id": audit_id,
        "digest": sha256(envelope),
        "envelope": envelope,
    }
    connection.run(_INSERT, row)


def envelope_of(database: Database, *, tenant: str, audit_id: str) -> bytes:
    """Return an audit's envelope; raises AuditNotFinishedError when it has none."""
    with database.read() as connection:
        row = connection.first(_OF_AUDIT, {"tenant": tenant, "audit": audit_id})
    if row is None:
        raise AuditNotFinishedError("Only a completed audit has a seal")
    return bytes(row[0])
