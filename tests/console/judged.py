"""Completed audits with verdicts, as the pages of frameworks and reports tell of them."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from tests.auth.oauth.party import Site
from tests.contract.conftest import CONNECTION, MOMENT

from cloudsealed.audits.model import Target
from cloudsealed.audits.records.blocks import OBSERVATIONS
from cloudsealed.audits.store import AuditStore
from cloudsealed.kit.canonical import sha256
from cloudsealed.kit.ids import new_id
from cloudsealed.reports.model import Report, ReportFormat, ReportRequest
from cloudsealed.reports.store import ReportStore
from cloudsealed.storage.schema import audit_blocks
from cloudsealed.testing.factories import make_audit
from cloudsealed.vocabulary import AuditStatus, ReportKind, ReportStatus

ACCOUNT, REGION = "123456789012", "eu-west-1"
VERDICTS = {
    "aws-iam-root-access-key": {"pass": 2},
    "aws-iam-root-mfa-off": {"fail": 1, "pass": 1},
    "aws-iam-root-used": {"unknown": 1, "pass": 1},
}
"""Of the controls 1.3, 1.4 and 1.6 of the CIS benchmark: one passes, one fails, one is unknown."""


def add_audit(site: Site, verdicts: Mapping[str, Mapping[str, int]] = VERDICTS) -> str:
    """Add a completed audit that gave these verdicts, by the keys of policies; return its id."""
    ident = new_id("aud")
    audit = make_audit(
        id=ident,
        status=AuditStatus.COMPLETED,
        connection_ids=(CONNECTION,),
        targets=(Target(CONNECTION, ACCOUNT, "aws", (REGION,)),),
        clock=MOMENT,
        created_at=MOMENT,
        started_at=MOMENT,
        finished_at=MOMENT,
        verdict_digest="0" * 64,
    )
    rows = [
        {
            "tenant_id": site.tenant_id,
            "audit_id": ident,
            "kind": OBSERVATIONS,
            "account": ACCOUNT,
            "region": REGION,
            "key": key,
            "digest": "",
            "lines": 0,
            "header": orjson.dumps({"complete": {"t": True}, "counts": counts}).decode(),
        }
        for key, counts in verdicts.items()
    ]
    with site.services.database.write() as connection:
        AuditStore(site.services.database, site.services.clock).insert(
            connection, tenant=site.tenant_id, audit=audit
        )
        for row in rows:
            connection.run(audit_blocks.insert(), row)
    return ident


def add_report(site: Site, audit: str, files: Mapping[str, bytes]) -> str:
    """Add an executive summary that is ready; return its id."""
    formats = tuple(ReportFormat(name, len(held), sha256(held)) for name, held in files.items())
    report = Report(
        new_id("rep"),
        ReportStatus.READY,
        ReportRequest(ReportKind.EXECUTIVE_SUMMARY, audit),
        MOMENT,
        finished_at=MOMENT,
        expires_at="2999-01-01T00:00:00.000Z",
        formats=formats,
    )
    ReportStore(site.services.database).add(tenant=site.tenant_id, report=report)
    for each in formats:
        site.services.blobs.put(each.blob(report.id), files[each.format])
    return report.id
