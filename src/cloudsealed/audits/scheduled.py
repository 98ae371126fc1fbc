"""What a schedule needs of audits: to read a request for one, and to start it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from cloudsealed.audits.bodies import AUDIT
from cloudsealed.audits.model import AuditNotFinishedError, AuditNotFoundError
from cloudsealed.audits.service import AuditService
from cloudsealed.connections.schedules.model import Started
from cloudsealed.jobs import Admit
from cloudsealed.storage.database import Connection


class ScheduledAudits:
    """Audits as the work of schedules; a request is a body of POST /v1/audits."""

    form = AUDIT
    unsaid: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, audits: AuditService) -> None:
        self._audits = audits

    def read(self, *, tenant: str, body: Any) -> dict[str, Any]:
        """Return a request in full; raises a 422."""
        audit = self._audits.prepare(tenant=tenant, body=body, path="audit")
        return {
            "connection_ids": audit.connection_ids,
            "scope": audit.scope.as_dict(),
            "policies": audit.policies,
        }

    def start(
        self,
        connection: Connection,
        *,
        tenant: str,
        request: Mapping[str, Any],
        last: str | None,
        admit: Admit,
    ) -> Started:
        """Add an audit of the policies as they stand; raises AuditNotFinishedError or a 422."""
        if last is not None:
            self._refuse_open(tenant, last)
        audit = self._audits.prepare(tenant=tenant, body=dict(request), path="audit")
        admit()
        return Started(audit.id, self._audits.add(connection, tenant=tenant, audit=audit))

    def _refuse_open(self, tenant: str, last: str) -> None:
        try:
            status = self._audits.find(tenant=tenant, ident=last).status
        except AuditNotFoundError:
            return
        if not status.is_final:
            raise AuditNotFinishedError(f"The last audit, {last}, has not ended: it is {status}")
