"""The round by a client of openapi-python-client. Arguments: URL, token, name, audit.

Prints what it got.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TypeVar

from generated.api.account import get_me
from generated.api.audits import create_audit, get_audit, get_audit_bundle
from generated.api.connections import list_connections
from generated.api.findings import get_finding, list_findings
from generated.api.policies import create_policy
from generated.api.reports import create_report, download_report, get_report
from generated.client import AuthenticatedClient
from generated.models import (
    Audit,
    AuditBody,
    AuditScopeBody,
    CheckBody,
    ClassificationBody,
    ConnectionPage,
    Dimension,
    DownloadReportFormat,
    ErrorEnvelope,
    ExecutiveSummary,
    Finding,
    FindingPage,
    Policy,
    Report,
    ReportBody,
    ReportKind,
    Severity,
)
from generated.models.classification_effect import ClassificationEffect
from generated.types import UNSET, File, Unset

T = TypeVar("T")


def main(url: str, token: str, name: str, audit: str) -> None:
    """Go through the round."""
    client = AuthenticatedClient(base_url=url, token=token, httpx_args={"trust_env": False})
    found, pages = findings(client)
    one = the(Finding, get_finding.sync(found[0].id, client=client))
    check = CheckBody(
        key=f"{name}-check",
        title="Buckets have owners",
        dimension=Dimension.COMPLIANCE,
        severity=Severity.LOW,
        resource_types=["aws.s3.bucket"],
        kind="check",
        fail_when="tag(resource, 'owner') == null",
    )
    classification = ClassificationBody(
        kind="classification",
        key=f"{name}-class",
        title="None",
        when="false",
        reason="A try",
        set_=ClassificationEffect(severity=Severity.INFO),
    )
    made = [
        the(Policy, create_policy.sync(client=client, body=body)).key
        for body in (check, classification)
    ]
    connections = the(ConnectionPage, list_connections.sync(client=client)).data
    body = AuditBody(connection_ids=[connections[0].id], scope=AuditScopeBody(services=["sqs"]))
    started = the(Audit, create_audit.sync(client=client, body=body))
    while the(Audit, get_audit.sync(started.id, client=client)).finished_at is None:
        time.sleep(0.5)
    asked = ReportBody(kind=ReportKind.EXECUTIVE_SUMMARY, audit_id=audit)
    report = the(Report, create_report.sync(client=client, body=asked))
    while the(Report, get_report.sync(report.id, client=client)).finished_at is None:
        time.sleep(0.5)
    files = {
        form: the(File, download_report.sync(report.id, client=client, format_=form)).payload.read()
        for form in (DownloadReportFormat.PDF, DownloadReportFormat.JSON)
    }
    summary = ExecutiveSummary.from_dict(json.loads(files[DownloadReportFormat.JSON]))
    bundle = the(File, get_audit_bundle.sync(audit, client=client)).payload.read()
    check.fail_when, check.key = "(", f"{name}-broken"
    refused = create_policy.sync_detailed(client=client, body=check)
    told = the(ErrorEnvelope, refused.parsed).error
    assert not isinstance(told.details, Unset)
    limited = get_me.sync_detailed(client=client)
    while limited.status_code == 200:
        limited = get_me.sync_detailed(client=client)
    print(
        json.dumps(
            {
                "findings": len({finding.id for finding in found}),
                "pages": pages > 1,
                "one": one.title == found[0].title,
                "policies": made,
                "pdf": files[DownloadReportFormat.PDF][:5].decode(),
                "json": summary.kind,
                "bundle": bundle[:2].decode(),
                "refused": [int(refused.status_code), told.code, told.details[0].field],
                "limited": [
                    int(limited.status_code),
                    the(ErrorEnvelope, limited.parsed).error.code,
                ],
                "retry": int(limited.headers["Retry-After"]) > 0,
            }
        )
    )


def findings(client: AuthenticatedClient) -> tuple[list[Finding], int]:
    """Return every finding, and on how many pages they were."""
    found: list[Finding] = []
    pages = 0
    cursor: str | None = ""
    while cursor is not None:
        page = the(FindingPage, list_findings.sync(client=client, limit=50, cursor=cursor or UNSET))
        found += page.data
        pages, cursor = pages + 1, page.next_cursor
    return found, pages


def the(kind: type[T], value: object) -> T:
    """Return a value that must be of a kind."""
    assert isinstance(value, kind), value
    return value


main(*sys.argv[1:])
