"""The round by a client of OpenAPI Generator's `python`. Arguments: URL, token, name, audit.

Prints what it got.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import generated
from generated.exceptions import ApiException


def main(url: str, token: str, name: str, audit: str) -> None:
    """Go through the round."""
    # Else urllib3 waits by itself for as long as `Retry-After` says.
    client = generated.ApiClient(
        generated.Configuration(host=url, access_token=token, retries=False)
    )
    policies, reports = generated.PoliciesApi(client), generated.ReportsApi(client)
    audits, account = generated.AuditsApi(client), generated.AccountApi(client)
    listed = generated.FindingsApi(client)
    found: list[generated.Finding] = []
    pages, cursor = 0, None
    while pages == 0 or cursor is not None:
        page = listed.list_findings(limit=50, cursor=cursor)
        found += page.data
        pages, cursor = pages + 1, page.next_cursor
    one = listed.get_finding(found[0].id)
    check = generated.CheckBody(
        kind="check",
        key=f"{name}-check",
        title="Buckets have owners",
        dimension=generated.Dimension.COMPLIANCE,
        severity=generated.Severity.LOW,
        resource_types=["aws.s3.bucket"],
        fail_when="tag(resource, 'owner') == null",
    )
    classification = generated.ClassificationBody(
        kind="classification",
        key=f"{name}-class",
        title="None",
        when="false",
        reason="A try",
        set=generated.ClassificationEffect(severity=generated.Severity.INFO),
    )
    made = [
        policies.create_policy(generated.PolicyBody(body)).key for body in (check, classification)
    ]
    connection = generated.ConnectionsApi(client).list_connections().data[0]
    started = audits.create_audit(
        generated.AuditBody(
            connection_ids=[connection.id], scope=generated.AuditScopeBody(services=["sqs"])
        )
    )
    while started.finished_at is None:
        time.sleep(0.5)
        started = audits.get_audit(started.id)
    report = reports.create_report(
        generated.ReportBody(kind=generated.ReportKind.EXECUTIVE_SUMMARY, audit_id=audit)
    )
    while report.finished_at is None:
        time.sleep(0.5)
        report = reports.get_report(report.id)
    forms = generated.DownloadReportFormat
    pdf = reports.download_report(report.id, format=forms.PDF)
    text = reports.download_report(report.id, format=forms.JSON).decode()
    document = generated.ReportDocument.from_json(text)
    assert document is not None
    assert document.actual_instance is not None
    bundle = audits.get_audit_bundle(audit)
    broken = generated.PolicyBody(
        check.model_copy(update={"key": f"{name}-broken", "fail_when": "("})
    )
    refused = error(lambda: policies.create_policy(broken))
    limited = None
    while limited is None:
        limited = error(account.get_me)
    print(
        json.dumps(
            {
                "findings": len({finding.id for finding in found}),
                "pages": pages > 1,
                "one": one.title == found[0].title,
                "policies": made,
                "pdf": bytes(pdf[:5]).decode(),
                "json": document.actual_instance.kind,
                "bundle": bytes(bundle[:2]).decode(),
                "refused": [refused.status, *told(refused)[:2]] if refused else None,
                "limited": [limited.status, told(limited)[0]],
                "retry": int((limited.headers or {})["Retry-After"]) > 0,
            }
        )
    )


def error(ask: Callable[[], object]) -> ApiException | None:
    """Return what a request is refused with, None if it is not."""
    try:
        ask()
    except ApiException as refused:
        return refused
    return None


def told(refused: ApiException) -> list[str]:
    """Return the code of an error, and the fields that it is about."""
    assert isinstance(refused.data, generated.ErrorEnvelope)
    body = refused.data.error
    return [body.code, *(detail.var_field for detail in body.details or ())]


main(*sys.argv[1:])
