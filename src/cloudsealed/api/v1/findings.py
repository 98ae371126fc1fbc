"""/v1/findings: the issues that audits found."""

from __future__ import annotations

import orjson

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.query import Parameter
from cloudsealed.api.v1.schemas import findings as shapes
from cloudsealed.audits.explanation import NotExplainableError
from cloudsealed.audits.model import AuditNotFinishedError, AuditNotFoundError
from cloudsealed.auth.model import Scope
from cloudsealed.findings.listing import LISTING
from cloudsealed.findings.summary import GROUPS
from cloudsealed.storage.objects import EvidenceExpiredError

GROUP_BY = Parameter(
    "group_by", "What to count by", GROUPS, is_multiple=True, default="dimension,severity"
)
OVER = Parameter("over", "A row for each of the newest audits: what failed in it", ("audits",))
FILTERS = {item.name: item for item in Listed.of(LISTING).filters}

TABLE = Table(
    "Findings",
    "Individual security, cost, architectural or compliance issues.",
    getter=lambda call: call.services.findings.get(**call.one),
)


@TABLE.lists(
    "/v1/findings", Listed.of(LISTING), scope=Scope.FINDINGS_READ, answer=shapes.Finding,
    errors=(EvidenceExpiredError,),
)  # fmt: skip
def list_findings(call: Call) -> Reply:
    """List findings."""
    findings = call.services.findings
    return findings.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.reads(
    "/v1/findings/summary", scope=Scope.FINDINGS_READ, answer=shapes.FindingSummary,
    parameters={"group_by": GROUP_BY, "over": OVER, **FILTERS}, errors=(EvidenceExpiredError,),
)  # fmt: skip
def summarize_findings(call: Call) -> Reply:
    """Count findings, the open ones unless a status is given.

    Where the bound of a page's reading ended the count, `complete` is false. With `over=audits`
    each of the newest audits that were asked for the same, up to `audit`, is counted: what failed
    in it, as it stood when the audit ended. A finding is in a group for each framework and control
    that its policy serves; a total counts it once.
    """
    filters = {name: values for name, values in call.query.items() if name in FILTERS}
    findings = call.services.findings
    count = findings.summary if call.given("over") is None else findings.trend
    return count(tenant=call.tenant, group_by=call.query["group_by"], filters=filters)


@TABLE.gets("/v1/findings/{id}", scope=Scope.FINDINGS_READ, answer=shapes.Finding)
def get_finding(call: Call) -> Reply:
    """Retrieve a finding."""
    return call.services.findings.get(**call.one, deadline=call.deadline)


@TABLE.changes(
    "/v1/findings/{id}", scope=Scope.FINDINGS_WRITE, answer=shapes.Finding, body=shapes.FindingPatch
)
def triage_finding(call: Call) -> Reply:
    """Triage a finding.

    Sets what people decided, or clears it with null. The status stays what the audits say.
    """
    return call.services.findings.triage(**call.one, body=call.body, user_id=call.caller.user_id)


@TABLE.lists(
    "/v1/findings/{id}/history", Listed(), scope=Scope.FINDINGS_READ, answer=shapes.Episode
)
def list_finding_history(call: Call) -> Reply:
    """List a finding's episodes, oldest first."""
    after, limit = call.page["after"], call.page["limit"]
    return call.services.findings.history(**call.one, after=after, limit=limit)


@TABLE.reads(
    "/v1/findings/{id}/evidence", scope=Scope.EVIDENCE_READ, answer=shapes.Evidence,
    errors=(EvidenceExpiredError,),
)  # fmt: skip
def get_finding_evidence(call: Call) -> Reply:
    """Retrieve what a finding rests on."""
    finding = orjson.loads(call.services.findings.get(**call.one))
    return call.services.audits.evidence(tenant=call.tenant, finding=finding)


@TABLE.reads(
    "/v1/findings/{id}/proof", scope=Scope.EVIDENCE_READ, answer=shapes.Proof,
    parameters={"audit": Parameter("audit", "Audit that observed it; else the last")},
    errors=(AuditNotFinishedError, AuditNotFoundError, EvidenceExpiredError),
)  # fmt: skip
def get_finding_proof(call: Call) -> Reply:
    """Retrieve the proof of a finding.

    It leads from the audit's observation to the root of its seal: `cloudsealed verify` checks it
    alone, with no server.
    """
    return call.services.proof(**call.one, audit_id=call.given("audit"))


@TABLE.reads(
    "/v1/findings/{id}/explanation", scope=Scope.EVIDENCE_READ, answer=shapes.Explanation,
    errors=(NotExplainableError, EvidenceExpiredError),
)  # fmt: skip
def get_finding_explanation(call: Call) -> Reply:
    """Retrieve why a finding fails: the parts of its policy's expressions with their values."""
    finding = orjson.loads(call.services.findings.get(**call.one))
    return call.services.audits.explanation(tenant=call.tenant, finding=finding)
