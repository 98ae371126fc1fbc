"""The round by httpx with the models of datamodel-code-generator. Arguments: URL, token, name,
audit.

Prints what it got.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import generated
import httpx


def main(url: str, token: str, name: str, audit: str) -> None:
    """Go through the round."""
    http = httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60
    )
    found: list[generated.Finding] = []
    pages, cursor = 0, None
    while pages == 0 or cursor is not None:
        asked = {"limit": "50", **({"cursor": cursor} if cursor else {})}
        page = generated.FindingPage.model_validate(http.get("/v1/findings", params=asked).json())
        found += page.data
        pages, cursor = pages + 1, page.next_cursor
    ident = found[0].id.root
    one = generated.Finding.model_validate(http.get(f"/v1/findings/{ident}").json())
    check = {
        "kind": "check",
        "key": f"{name}-check",
        "title": "Buckets have owners",
        "dimension": "compliance",
        "severity": "low",
        "resource_types": ["aws.s3.bucket"],
        "fail_when": "tag(resource, 'owner') == null",
    }
    classification = {
        "kind": "classification",
        "key": f"{name}-class",
        "title": "None",
        "when": "false",
        "reason": "A try",
        "set": {"severity": "info"},
    }
    made = [
        generated.Policy.model_validate(
            post(http, "/v1/policies", generated.PolicyBody.model_validate(body)).json()
        ).key.root
        for body in (check, classification)
    ]
    connections = generated.ConnectionPage.model_validate(http.get("/v1/connections").json())
    wanted = {"connection_ids": [connections.data[0].id.root], "scope": {"services": ["sqs"]}}
    answer = post(http, "/v1/audits", generated.AuditBody.model_validate(wanted))
    started = generated.Audit.model_validate(answer.json())
    while started.finished_at is None:
        time.sleep(0.5)
        started = generated.Audit.model_validate(http.get(f"/v1/audits/{started.id.root}").json())
    body = {"kind": "executive_summary", "audit_id": audit}
    answer = post(http, "/v1/reports", generated.ReportBody.model_validate(body))
    report = generated.Report.model_validate(answer.json())
    while report.finished_at is None:
        time.sleep(0.5)
        report = generated.Report.model_validate(http.get(f"/v1/reports/{report.id.root}").json())
    download = f"/v1/reports/{report.id.root}/download"
    pdf = http.get(download, params={"format": "pdf"}).content
    document = generated.ReportDocument.model_validate(
        http.get(download, params={"format": "json"}).json()
    )
    bundle = http.get(f"/v1/audits/{audit}/bundle").content
    broken = {**check, "key": f"{name}-broken", "fail_when": "("}
    refused = post(http, "/v1/policies", generated.PolicyBody.model_validate(broken))
    told = generated.ErrorEnvelope.model_validate(refused.json()).error
    assert told.details is not None
    limited = http.get("/v1/me")
    while limited.status_code == 200:
        generated.Me.model_validate(limited.json())
        limited = http.get("/v1/me")
    print(
        json.dumps(
            {
                "findings": len({finding.id.root for finding in found}),
                "pages": pages > 1,
                "one": one.title == found[0].title,
                "policies": made,
                "pdf": pdf[:5].decode(),
                "json": document.root.kind,
                "bundle": bundle[:2].decode(),
                "refused": [refused.status_code, told.code, told.details[0].field],
                "limited": [
                    limited.status_code,
                    generated.ErrorEnvelope.model_validate(limited.json()).error.code,
                ],
                "retry": int(limited.headers["Retry-After"]) > 0,
            }
        )
    )


def post(http: httpx.Client, path: str, body: Any) -> httpx.Response:
    """Post a model."""
    return http.post(path, json=body.model_dump(mode="json", by_alias=True, exclude_unset=True))


main(*sys.argv[1:])
