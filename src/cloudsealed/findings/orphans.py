"""Resolves findings whose connection is gone: nobody will look at their resources again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cloudsealed.findings.model import Finding, Moment
from cloudsealed.findings.store import overwrite
from cloudsealed.findings.yielding import below, settled
from cloudsealed.policies.yielding import Yields
from cloudsealed.storage.database import Connection
from cloudsealed.vocabulary import FindingStatus, Resolution


def resolve(
    connection: Connection, yields: Yields, found: Sequence[Finding], *, tenant: str, moment: Moment
) -> None:
    """Resolve some findings, and let what yielded to them ask for attention; call it in the
    tenant's turn."""
    if not found:
        return
    over = [_orphaned(finding, moment) for finding in found]
    overwrite(connection, tenant=tenant, changed=over)
    waiting = below(connection, yields, over, tenant=tenant)
    changed = settled(connection, yields, waiting, tenant=tenant)
    overwrite(connection, tenant=tenant, changed=changed)


def _orphaned(finding: Finding, moment: Moment) -> Finding:
    return replace(
        finding,
        status=FindingStatus.RESOLVED,
        yields_to=None,
        resolution=Resolution.CONNECTION_REMOVED,
        resolved=moment,
        decided=max(finding.decided, moment),
    )
