"""What a schedule needs of reports: to read a request for one, and to start it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from cloudsealed.audits.model import AuditNotFinishedError
from cloudsealed.audits.service import AuditService
from cloudsealed.connections.schedules.model import Started
from cloudsealed.connections.service import ConnectionService
from cloudsealed.jobs import Admit
from cloudsealed.kit.shapes import read_body
from cloudsealed.reports.bodies import SCHEDULED, request_of
from cloudsealed.reports.model import ReportRequest
from cloudsealed.reports.service import ReportService
from cloudsealed.storage.database import Connection

_AT = ("report",)


class ScheduledReports:
    """Reports as the work of schedules; a request is a body of POST /v1/reports that names
    connections instead of an audit: it is of the newest audit of those, or of any."""

    form = SCHEDULED
    unsaid: Mapping[str, Any] = MappingProxyType({"language": None})

    def __init__(
        self, *, reports: ReportService, audits: AuditService, connections: ConnectionService
    ) -> None:
        self._reports = reports
        self._audits = audits
        self._connections = connections

    def read(self, *, tenant: str, body: Any) -> dict[str, Any]:
        """Return a request in full; raises a 422."""
        request, connection_ids = self._read(tenant, body)
        return {
            "kind": request.kind,
            "framework": request.framework,
            "filters": request.filters,
            "language": request.language,
            "connection_ids": connection_ids,
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
        """Add a report of the newest completed audit; raises AuditNotFinishedError when there is
        none, ReportNotReadyError while the last one is being made, or a 422."""
        if last is not None:
            self._reports.refuse_open(tenant=tenant, ident=last)
        wanted, connection_ids = self._read(tenant, dict(request))
        audit_id = self._audits.newest(tenant=tenant, connection_ids=connection_ids or ())
        if audit_id is None:
            of = f" of {', '.join(connection_ids)}" if connection_ids else ""
            raise AuditNotFinishedError(f"No audit{of} has completed yet: a report needs one")
        report = self._reports.prepare(replace(wanted, audit_id=audit_id))
        admit()
        return Started(report.id, self._reports.add(connection, tenant=tenant, report=report))

    def _read(self, tenant: str, body: Any) -> tuple[ReportRequest, tuple[str, ...] | None]:
        asked = read_body(SCHEDULED, body, _AT)
        request, idents = request_of(asked, at=_AT), asked["connection_ids"]
        self._reports.refuse_unknown(tenant=tenant, request=request, field="report.framework")
        field = "report.connection_ids"
        self._connections.refuse_unknown(idents or (), tenant=tenant, field=field)
        return request, idents
