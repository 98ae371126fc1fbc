from __future__ import annotations

import io
from typing import Any

import orjson
import pytest

from cloudsealed import working
from cloudsealed.audits.shard_store import Shards
from cloudsealed.reports.model import Report, ReportFormat, ReportRequest
from cloudsealed.reports.store import ReportStore
from cloudsealed.vocabulary import CallOutcome, ReportKind, ReportStatus

MOMENT = "2026-01-01T00:00:00.000Z"
FINDING_KEYS = [
    "audit_id",
    "base_severity",
    "classified_by",
    "console",
    "controls",
    "description",
    "dimension",
    "evidence",
    "first_seen_at",
    "id",
    "last_observation",
    "last_seen_at",
    "monthly_savings",
    "object",
    "policy",
    "remediation",
    "resolution",
    "resolved_at",
    "resource",
    "severity",
    "status",
    "title",
    "triage",
    "yields_to",
]


def test_findings_are_the_atomic_unit_with_every_key_there(tenant: Any) -> None:
    ident = tenant.add_findings(1)[0]
    finding = tenant.http.get(f"/v1/findings/{ident}").json()
    assert sorted(finding) == FINDING_KEYS
    assert finding["policy"]["key"] == "groups-are-closed"
    listed = {**finding, "console": None}  # of one that is shown alone
    assert tenant.http.get("/v1/findings").json()["data"] == [listed]
    triage = {"triage": {"state": "accepted_risk", "note": "a bastion"}}
    changed = tenant.http.patch(f"/v1/findings/{ident}", json=triage).json()
    assert changed["triage"]["state"] == "accepted_risk"
    assert changed["triage"]["updated_by"] == tenant.user_id
    assert changed["status"] == finding["status"]
    summary = tenant.http.get("/v1/findings/summary", params={"group_by": "severity"}).json()
    assert summary["total"] == 1
    assert tenant.http.get(f"/v1/findings/{ident}/history").json()["data"][0]["sequence"] == 1


def test_findings_attach_to_resources(tenant: Any, add_resource: Any) -> None:
    ident = add_resource(tenant)
    mine = tenant.add_findings(2, resource_id=ident)
    tenant.add_findings(2)
    listed = tenant.http.get(f"/v1/resources/{ident}/findings").json()["data"]
    assert [item["id"] for item in listed] == mine
    assert tenant.http.get("/v1/resources/res_x/findings").status_code == 404
    assert tenant.http.get(f"/v1/resources/{ident}").json()["type"] == "aws.ec2.security_group"
    for path in ("relations", "referrers"):
        assert tenant.http.get(f"/v1/resources/{ident}/{path}").json()["resource_id"] == ident
    never = "aud_01JD0000000000000000000000"
    unseen = tenant.http.get(f"/v1/resources/{ident}/comparison?from={never}&to={never}")
    assert (unseen.status_code, unseen.json()["error"]["code"]) == (404, "resource_not_seen")


def test_audits_are_listed_retrieved_and_reanalyzed_on_demand(tenant: Any, completed: Any) -> None:
    ident = completed(tenant)
    assert [a["id"] for a in tenant.http.get("/v1/audits").json()["data"]] == [ident]
    assert tenant.http.get(f"/v1/audits/{ident}").json()["status"] == "completed"
    again = tenant.http.post(f"/v1/audits/{ident}/reanalyze", json={})
    assert again.status_code == 202
    new = again.json()
    assert again.headers["location"] == f"{tenant.url}/v1/audits/{new['id']}"
    assert (new["kind"], new["parent_id"], new["status"]) == ("reanalysis", ident, "queued")
    running = tenant.http.post(f"/v1/audits/{new['id']}/reanalyze")
    assert running.json()["error"]["code"] == "audit_not_finished"
    canceled = tenant.http.post(f"/v1/audits/{new['id']}/cancel")
    assert (canceled.status_code, canceled.json()["status"]) == (200, "canceled")
    for ended in (new["id"], ident):
        refused = tenant.http.post(f"/v1/audits/{ended}/cancel")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "audit_ended")
    assert tenant.http.get(f"/v1/audits/{new['id']}").json() == canceled.json()
    assert tenant.http.get(f"/v1/audits/{ident}/calls").json()["data"] == []


def _stopped(tenant: Any, code: str) -> str:
    """Return an audit whose worker ended it with an error of that code."""
    body = {"provider": "aws", "name": code, "role_arn": "arn:aws:iam::123456789012:role/a"}
    connection = tenant.http.post("/v1/connections", json=body).json()["id"]
    ident = tenant.http.post("/v1/audits", json={"connection_ids": [connection]}).json()["id"]
    store = Shards(tenant.services.database, tenant.services.clock)
    lease = store.take(tenant=tenant.id, ident=ident, owner="worker")
    assert lease is not None
    lease.set(status="failed", error={"code": code, "message": "m"}, finished_at=MOMENT)
    return str(ident)


def test_an_audit_whose_session_ended_is_resumed_once(tenant: Any) -> None:
    path = f"/v1/audits/{_stopped(tenant, 'cloud_session_expired')}"
    assert tenant.http.get(path).json()["error"]["code"] == "cloud_session_expired"
    resumed = tenant.http.post(f"{path}/resume")
    assert (resumed.status_code, resumed.headers["location"]) == (202, tenant.url + path)
    body = resumed.json()
    assert (body["status"], body["error"], body["finished_at"]) == ("collecting", None, None)
    again = tenant.http.post(f"{path}/resume")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "audit_not_resumable")


def test_an_audit_that_failed_by_itself_is_not_resumed(tenant: Any) -> None:
    path = f"/v1/audits/{_stopped(tenant, 'internal_error')}"
    refused = tenant.http.post(f"{path}/resume")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "audit_not_resumable")
    assert tenant.http.get(path).json()["status"] == "failed"


def test_an_audit_counts_its_calls_by_every_outcome_that_there_is(tenant: Any) -> None:
    document = tenant.http.get("/openapi.json").json()
    counts = document["components"]["schemas"]["CallCounts"]
    assert set(counts["properties"]) == set(counts["required"]) == set(CallOutcome)


def test_policies_are_custom_rules_that_answer_to_their_key(tenant: Any) -> None:
    body = {
        "key": "owners",
        "title": "Buckets have owners",
        "dimension": "compliance",
        "severity": "medium",
        "resource_types": ["aws.s3.bucket"],
        "fail_when": "tag(resource, 'owner') == null",
    }
    made = tenant.http.post("/v1/policies", json=body)
    assert made.status_code == 201, made.text
    assert tenant.http.get("/v1/policies/owners").json() == made.json()
    assert tenant.http.post("/v1/policies", json=body).status_code == 409
    changed = tenant.http.patch("/v1/policies/owners", json={"severity": "critical"}).json()
    assert (changed["severity"], changed["version"]) == ("critical", 2)
    assert len(tenant.http.get("/v1/policies/owners/versions").json()["data"]) == 2
    broken = {**body, "key": "broken", "fail_when": "resource.Nmae ==="}
    assert tenant.http.post("/v1/policies/validate", json=broken).json()["valid"] is False
    refused = tenant.http.post("/v1/policies", json=broken).json()["error"]
    assert refused["code"] == "invalid_policy_expression"
    assert {"line", "column"} <= refused["details"][0].keys()
    assert tenant.http.delete("/v1/policies/owners").status_code == 204
    assert tenant.http.get("/v1/policies/owners").status_code == 404


def test_policies_may_say_when_they_are_severe_and_what_they_yield_to(tenant: Any) -> None:
    tenant.services.policies.synchronize(tenant=tenant.id)
    body = {
        "key": "mine",
        "title": "Mine",
        "dimension": "security",
        "severity": "low",
        "resource_types": ["aws.s3.bucket"],
        "fail_when": "true",
        "severity_when": [{"when": "tag(resource, 'env') == 'prod'", "severity": "critical"}],
        "yields_to": ["aws-s3-bucket-public-read"],
    }
    made = tenant.http.post("/v1/policies", json=body).json()
    assert {name: made[name] for name in body} == body
    wrong = {
        "severity_when[0].when": {"severity_when": [{"when": "resource.Nmae", "severity": "low"}]},
        "yields_to[0]": {"yields_to": ["aws-s3-bucket-public-raed"]},
    }
    for field, change in wrong.items():
        refused = tenant.http.patch("/v1/policies/mine", json=change)
        assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (422, field)
    tenant.http.delete("/v1/policies/mine")


def test_policies_define_what_counts_as_critical(tenant: Any) -> None:
    body = {
        "kind": "classification",
        "key": "prod-is-critical",
        "title": "Production",
        "when": "tag(resource, 'env') == 'prod'",
        "set": {"severity": "critical"},
        "reason": "Production is what matters",
    }
    made = tenant.http.post("/v1/policies", json=body)
    assert made.status_code == 201, made.text
    listed = tenant.http.get("/v1/policies", params={"kind": "classification"}).json()["data"]
    assert [item["key"] for item in listed] == ["prod-is-critical"]


def test_a_built_in_policy_cannot_be_deleted(tenant: Any) -> None:
    tenant.services.policies.synchronize(tenant=tenant.id)
    builtin = tenant.http.get("/v1/policies", params={"source": "builtin"}).json()["data"][0]
    answer = tenant.http.delete(f"/v1/policies/{builtin['key']}")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "builtin_policy_immutable"
    off = tenant.http.patch(f"/v1/policies/{builtin['id']}", json={"enabled": False})
    assert off.json()["enabled"] is False


def test_reports_are_generated_deliverables_that_are_not_ready_at_once(
    tenant: Any, completed: Any
) -> None:
    body = {"kind": "remediation_plan", "audit_id": completed(tenant)}
    made = tenant.http.post("/v1/reports", json=body)
    assert made.status_code == 202
    assert made.json()["status"] == "queued"
    early = tenant.http.get(f"{made.headers['location']}/download?format=pdf")
    assert early.status_code == 409
    assert early.json()["error"]["code"] == "report_not_ready"
    assert tenant.http.delete(made.headers["location"]).status_code == 204


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ("?format=pdf", "*/*", "application/pdf"),
        ("?format=json", "*/*", "application/json"),
        ("", "application/json", "application/json"),
        ("", "application/pdf;q=0.9, application/json;q=0.1", "application/pdf"),
        ("", "*/*", "application/pdf"),
        ("?format=csv", "*/*", "text/csv; charset=utf-8; header=present"),
        ("", "text/csv", "text/csv; charset=utf-8; header=present"),
        ("", "text/*, application/json;q=0.5", "text/csv"),
    ],
)
def test_reports_are_downloadable_as_pdf_json_or_csv(
    tenant: Any, query: str, accept: str, kind: str
) -> None:
    files = {
        "pdf": b"%PDF-1.7 " + bytes(200_000),
        "json": b'{"object": "report"}',
        "csv": b"step,policy\r\n",
    }
    formats = tuple(ReportFormat(name, len(files[name]), "0" * 64) for name in files)
    report = Report(
        "rep_01JD0000000000000000000000",
        ReportStatus.READY,
        ReportRequest(ReportKind.REMEDIATION_PLAN, "aud_x"),
        "2026-01-31T09:30:00.000Z",
        expires_at="2999-01-01T00:00:00.000Z",
        formats=formats,
    )
    ReportStore(tenant.services.database).add(tenant=tenant.id, report=report)
    for item in formats:
        tenant.services.blobs.put(item.blob(report.id), io.BytesIO(files[item.format]).getvalue())
    path = f"/v1/reports/{report.id}/download{query}"
    answer = tenant.http.get(path, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(kind)
    assert answer.content == next(files[name] for name in files if name in kind)
    assert "attachment" in answer.headers["content-disposition"]
    assert "content-encoding" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.content)
    part = tenant.http.get(path, headers={"Accept": accept, "Range": "bytes=3-7"})
    assert (part.status_code, part.content) == (206, answer.content[3:8])
    past = tenant.http.get(path, headers={"Accept": accept, "Range": "bytes=999999-"})
    assert past.json()["error"]["code"] == "range_not_satisfiable"
    assert past.headers["content-range"] == f"bytes */{len(answer.content)}"
    known = {"Accept": accept, "If-None-Match": answer.headers["etag"]}
    assert tenant.http.get(path, headers=known).status_code == 304
    head = tenant.http.head(path, headers={"Accept": accept})
    assert head.headers["content-length"] == answer.headers["content-length"]
    assert tenant.http.get(path, headers={"Accept": "text/html"}).status_code == 406


@pytest.mark.parametrize(
    ("query", "accept", "refused"),
    [
        ("?format=csv", "*/*", (422, "invalid_format_filter", "format must be one of: pdf, json")),
        ("?format=csv", "text/csv", (422, "invalid_format_filter", None)),
        ("", "text/csv", (406, "not_acceptable", None)),
        ("", "text/csv, application/json;q=0.1", (409, "report_not_ready", None)),
    ],
)
def test_a_format_that_a_kind_of_report_has_not_is_named(
    tenant: Any, completed: Any, query: str, accept: str, refused: tuple[int, str, str | None]
) -> None:
    body = {"kind": "executive_summary", "audit_id": completed(tenant)}
    path = tenant.http.post("/v1/reports", json=body).headers["location"]
    answer = tenant.http.get(f"{path}/download{query}", headers={"Accept": accept})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], refused[2] or error["message"]) == (
        *refused[:2],
        error["message"],
    )


def test_a_file_is_sent_to_who_takes_json_for_its_errors(tenant: Any, completed: Any) -> None:
    path = f"/v1/audits/{completed(tenant)}/bundle"
    for accept, status in (("application/json", 409), ("*/*", 409), ("text/html", 406)):
        answer = tenant.http.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")


@pytest.mark.parametrize(
    ("name", "kind", "suffix"),
    [
        ("oscal", "application/oscal+json", '.oscal.json"'),
        ("ocsf", "application/jsonl", '.ocsf.jsonl"'),
    ],
)
def test_compliance_evidence_is_downloadable_as_oscal_and_ocsf_and_no_other_kind_is(
    tenant: Any, name: str, kind: str, suffix: str
) -> None:
    content = b'{"one": 1}\n'
    for ident, report_kind, formats in (
        ("rep_01JD0000000000000000000001", ReportKind.COMPLIANCE_EVIDENCE, (name,)),
        ("rep_01JD0000000000000000000002", ReportKind.EXECUTIVE_SUMMARY, ()),
    ):
        files = tuple(ReportFormat(each, len(content), "0" * 64) for each in formats)
        report = Report(
            ident,
            ReportStatus.READY,
            ReportRequest(report_kind, "aud_x", "cis-aws-5.0"),
            "2026-01-31T09:30:00.000Z",
            expires_at="2999-01-01T00:00:00.000Z",
            formats=files,
        )
        ReportStore(tenant.services.database).add(tenant=tenant.id, report=report)
        for item in files:
            tenant.services.blobs.put(item.blob(ident), content)
    evidence, summary = (f"/v1/reports/rep_01JD000000000000000000000{n}/download" for n in (1, 2))
    for path, headers in (
        (f"{evidence}?format={name}", {}),
        (evidence, {"Accept": f"{kind}, application/pdf;q=0.5"}),
    ):
        answer = tenant.http.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["content-disposition"].endswith(suffix)
        assert answer.content == content
    refused = tenant.http.get(f"{summary}?format={name}")
    assert refused.status_code == 422
    assert "must be one of: pdf" in refused.json()["error"]["message"]


def test_a_path_with_a_name_of_its_own_is_no_objects(tenant: Any) -> None:
    for path, allow in (
        ("findings/summary", "GET, HEAD, OPTIONS"),
        ("resources/summary", "GET, HEAD, OPTIONS"),
        ("policies/validate", "OPTIONS, POST"),
    ):
        answer = tenant.http.patch(f"/v1/{path}", json={})
        assert answer.status_code == 405, path
        assert answer.headers["allow"] == allow


def test_connections_hold_no_key_and_their_external_id_is_ours(tenant: Any) -> None:
    body = {"provider": "aws", "name": "prod", "role_arn": "arn:aws:iam::123456789012:role/cs"}
    made = tenant.http.post("/v1/connections", json=body).json()
    assert made["method"] == "assume_role"
    assert len(made["external_id"]) >= 16
    renamed = tenant.http.patch(f"/v1/connections/{made['id']}", json={"name": "p"}).json()
    assert renamed == {**made, "name": "p"}
    assert tenant.http.post("/v1/connections", json={**body, "access_key": "x"}).status_code == 422
    assert tenant.http.delete(f"/v1/connections/{made['id']}").status_code == 204


def test_frameworks_say_each_controls_status(tenant: Any) -> None:
    listed = tenant.http.get("/v1/frameworks").json()["data"]
    assert "cis-aws-5.0" in [item["key"] for item in listed]
    one = tenant.http.get("/v1/frameworks/cis-aws-5.0").json()
    assert {c["status"] for c in one["controls"]} <= {"manual", "not_assessed"}
    assert tenant.http.get("/v1/frameworks/nope").json()["error"]["code"] == "framework_not_found"


def test_what_is_answered_is_what_the_document_says(tenant: Any, completed: Any) -> None:
    from jsonschema import Draft202012Validator

    document = tenant.http.get("/openapi.json").json()
    completed(tenant)
    ident = tenant.add_findings(1)[0]
    for path in (
        "/v1/findings",
        f"/v1/findings/{ident}",
        "/v1/findings/summary",
        "/v1/resources/summary",
        "/v1/audits",
        "/v1/policies",
        "/v1/tokens",
        "/v1/me",
        "/v1/rate_limit",
        "/v1/errors",
        "/v1/frameworks",
        f"/v1/findings/{ident}/history",
    ):
        template = path.replace(ident, "{id}")
        content = document["paths"][template]["get"]["responses"]["200"]["content"]
        named = {"frameworks": "key", "errors": "code", "history": "outcome"}
        field = named.get(path.rpartition("/")[2], "id")
        for query in ("", f"?fields={field}")[: len(content)]:
            answer = tenant.http.get(path + query)
            schema = content[answer.headers["content-type"]]["schema"]
            Draft202012Validator({**schema, "components": document["components"]}).validate(
                orjson.loads(answer.content)
            )


def test_what_an_audit_does_not_have_yet_is_refused_with_a_code(
    tenant: Any, completed: Any
) -> None:
    done = completed(tenant)
    queued = tenant.http.post(f"/v1/audits/{done}/reanalyze").json()["id"]
    for ident in (done, queued):
        for part in ("", "/calls", "/coverage", "/seal"):
            answer = tenant.http.get(f"/v1/audits/{ident}{part}")
            assert answer.status_code in (200, 404, 409), (part, answer.text)
    assert tenant.http.delete(f"/v1/audits/{queued}").status_code == 409
    assert tenant.http.delete(f"/v1/audits/{done}").status_code == 204
    assert tenant.http.get(f"/v1/audits/{done}").status_code == 404


def test_a_removed_connection_resolves_its_findings_also_after_a_crash_in_between(
    tenant: Any,
) -> None:
    def made(name: str) -> tuple[str, str]:
        body = {"provider": "aws", "name": name, "role_arn": "arn:aws:iam::123456789012:role/a"}
        connection = tenant.http.post("/v1/connections", json=body).json()["id"]
        return connection, tenant.add_findings(1, connection_id=connection)[0]

    def resolution(finding: str) -> str | None:
        found: str | None = tenant.http.get(f"/v1/findings/{finding}").json()["resolution"]
        return found

    (whole, first), (torn, second), (_kept, third) = made("whole"), made("torn"), made("kept")
    assert tenant.http.delete(f"/v1/connections/{whole}").status_code == 204
    assert resolution(first) == "connection_removed"
    tenant.services.connections.delete(tenant=tenant.id, ident=torn)  # and the process died
    assert resolution(second) is None
    working.expire_evidence(tenant.services)
    assert resolution(second) == "connection_removed"
    assert resolution(third) is None
