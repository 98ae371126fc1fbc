"""/v1/findings: the issues that audits found."""

from __future__ import annotations

import orjson

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.query import Parameter
from cloudsealed.api.v1.schemas import evidence
from cloudsealed.api.v1.schemas import findings as shapes
from cloudsealed.audits.explanation import NotExplainableError
from cloudsealed.audits.model import AuditNotFinishedError, AuditNotFoundError
from cloudsealed.auth.model import Scope
from cloudsealed.findings.listing import LISTING
from cloudsealed.findings.service import GROUPS
from cloudsealed.storage.objects import EvidenceExpiredError

GROUP_BY = Parameter(
    "group_by", "What to count by", GROUPS, multiple=True, default="dimension,severity"
)
FILTERS = {item.name: item for item in LISTING.filters}

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
    """List findings.

    For a work list or a copy of your own: follow `next_cursor` until it is null. With `audit`
    the list is pinned to what failed in that audit.
    """
    findings = call.services.findings
    return findings.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.reads(
    "/v1/findings/summary", scope=Scope.FINDINGS_READ, answer=shapes.FindingSummary,
    parameters={"group_by": GROUP_BY, **FILTERS},
)  # fmt: skip
def summarize_findings(call: Call) -> Reply:
    """Count findings, the open ones unless a status is given.

    Where the bound of a page's reading ended the count, `complete` is false.
    """
    filters = {name: values for name, values in call.query.items() if name in FILTERS}
    group_by = call.query["group_by"]
    return call.services.findings.summary(tenant=call.tenant, group_by=group_by, filters=filters)


@TABLE.gets("/v1/findings/{id}", scope=Scope.FINDINGS_READ, answer=shapes.Finding)
def get_finding(call: Call) -> Reply:
    """Retrieve a finding.

    Everything that is known of one finding, from the evidence to what people decided.
    """
    return call.services.findings.get(**call.one, deadline=call.deadline)


@TABLE.changes(
    "/v1/findings/{id}", scope=Scope.FINDINGS_WRITE, answer=shapes.Finding, body=shapes.FindingPatch
)
def triage_finding(call: Call) -> Reply:
    """Triage a finding.

    Sets what people decided, or clears it with null. The status stays what the audits say.
    """
    return call.services.findings.triage(**call.one, body=call.body, user_id=call.caller.user_id)


@TABLE.reads("/v1/findings/{id}/history", scope=Scope.FINDINGS_READ, answer=shapes.Episode)
def list_finding_history(call: Call) -> Reply:
    """List a finding's episodes, oldest first.

    An episode begins when an audit first says something else, so the list is short however many
    audits there were.
    """
    return call.services.findings.history(**call.one)


@TABLE.reads(
    "/v1/findings/{id}/evidence", scope=Scope.EVIDENCE_READ, answer=evidence.Evidence,
    errors=(EvidenceExpiredError,),
)  # fmt: skip
def get_finding_evidence(call: Call) -> Reply:
    """Retrieve what a finding rests on.

    The observation of the newest audit that decided, and the snapshot that it judged, for
    whoever has to believe the verdict.
    """
    finding = orjson.loads(call.services.findings.get(**call.one))
    return call.services.audits.evidence(tenant=call.tenant, finding=finding)


@TABLE.reads(
    "/v1/findings/{id}/proof", scope=Scope.EVIDENCE_READ, answer=evidence.Proof,
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
    "/v1/findings/{id}/explanation", scope=Scope.EVIDENCE_READ, answer=evidence.Explanation,
    errors=(NotExplainableError, EvidenceExpiredError),
)  # fmt: skip
def get_finding_explanation(call: Call) -> Reply:
    """Retrieve why a finding fails: the parts of its policy's expressions with their values.

    The policy's expressions are evaluated once more on the snapshot of that audit. It takes
    CPU: ask for one finding, not for every row of a list.
    """
    finding = orjson.loads(call.services.findings.get(**call.one))
    return call.services.audits.explanation(tenant=call.tenant, finding=finding)
