"""/v1/findings: the issues that audits found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from cloudsealed.api import accept
from cloudsealed.api.errors import filter_error
from cloudsealed.api.listing import LARGEST_LIMIT, Listed
from cloudsealed.api.operation import Call, Costs, Reply, Stream, Table
from cloudsealed.api.query import Parameter
from cloudsealed.api.shown import Expansion, whole
from cloudsealed.api.v1.narrowing import Narrowing
from cloudsealed.api.v1.schemas import evidence
from cloudsealed.api.v1.schemas import findings as shapes
from cloudsealed.api.v1.schemas.estate import Resource
from cloudsealed.api.v1.schemas.policies import Policy
from cloudsealed.audits.judging.explanation import NotExplainableError
from cloudsealed.audits.model import AuditNotFinishedError, AuditNotFoundError
from cloudsealed.auth.model import Scope
from cloudsealed.findings import bodies
from cloudsealed.findings.bulk import CountMismatchError
from cloudsealed.findings.decisions import decisions
from cloudsealed.findings.export import FORMATS
from cloudsealed.findings.listing import LISTING
from cloudsealed.findings.remedy import remedy_of
from cloudsealed.findings.summary import GROUPS
from cloudsealed.storage import schema
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.vocabulary import EventType

GROUP_BY = Parameter(
    "group_by", "What to count by", GROUPS, is_multiple=True, default="dimension,severity"
)
TOP = Parameter(
    "top",
    "How many values of the first of `group_by` are told at most: the worst; else all",
    most=LARGEST_LIMIT,
    example="20",
)
OVER = Parameter("over", "A row for each of the newest audits: what failed in it", ("audits",))
FILTERS = {item.name: item for item in Listed.of(LISTING).filters}
_MOST_NAMED = LARGEST_LIMIT
_BULK = bodies.bulk(Narrowing(FILTERS))
JSONL = FORMATS["jsonl"]
# A media type as clients name it, without what it says of the file.
_MEDIA = {media.partition(";")[0]: name for name, media in FORMATS.items()}
FORMAT = Parameter("format", "Format of the file; else `Accept` decides", tuple(FORMATS))

TABLE = Table(
    "Findings",
    "Individual security, cost, architectural or compliance issues.",
    getter=lambda call: call.services.findings.get(**call.one),
    rows=schema.findings,
    untagged=("audit_id", "last_observation", "last_seen_at"),  # every audit may move them
)


def _resources(call: Call, idents: Sequence[str], single: bool) -> Mapping[str, Any]:
    resources = call.services.resources
    if single:
        return {
            ident: orjson.loads(resources.get(tenant=call.tenant, ident=ident)) for ident in idents
        }
    return resources.many(tenant=call.tenant, idents=idents)


def _policies(call: Call, idents: Sequence[str], _single: bool) -> Mapping[str, Any]:
    return call.services.policies.many(tenant=call.tenant, idents=idents)


def _remedies(
    _call: Call, findings: Sequence[Mapping[str, Any]], _single: bool
) -> Sequence[dict[str, Any] | None]:
    return [remedy_of(finding) for finding in findings]


EXPANSIONS = (
    Expansion("resource", Resource, Scope.RESOURCES_READ, whole("resource", _resources)),
    Expansion("policy", Policy, Scope.POLICIES_READ, whole("policy", _policies)),
    Expansion("remediation", shapes.Remediation, Scope.FINDINGS_READ, _remedies),
)
"""What a finding shows of other nouns, where a policy that was deleted has its summary alone; and
how the resource itself is cured, which a list is spared."""


@TABLE.lists(
    "/v1/findings",
    Listed.of(LISTING),
    scope=Scope.FINDINGS_READ,
    answer=shapes.Finding,
    expansions=EXPANSIONS,
    errors=(EvidenceExpiredError,),
)
def list_findings(call: Call) -> Reply:
    """List findings.

    For a work list or a copy of your own: follow `next_cursor` until it is null. With `audit`
    the list is pinned to what failed in that audit. A remediation is as its policy says it, with
    `<PLACEHOLDER>`s; `expand=remediation` puts the resource's own names there.
    """
    findings = call.services.findings
    return findings.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.reads(
    "/v1/findings/summary",
    scope=Scope.FINDINGS_READ,
    answer=shapes.FindingSummary,
    parameters={"group_by": GROUP_BY, "over": OVER, "top": TOP, **FILTERS},
    errors=(EvidenceExpiredError,),
)
def summarize_findings(call: Call) -> Reply:
    """Count findings, the open ones unless a status is given.

    Where the bound of a page's reading ended the count, `complete` is false. With `over=audits`
    each of the newest audits that were asked for the same, up to `audit`, is counted: what failed
    in it, as it stood when the audit ended. A finding is in a group for each framework and control
    that its policy serves; a total counts it once. The worst are those with the most findings of
    the highest severity, where `group_by` has it, then those with the most.
    """
    filters = {name: values for name, values in call.query.items() if name in FILTERS}
    asked: dict[str, Any] = {"group_by": call.query["group_by"], "filters": filters}
    findings, top = call.services.findings, _top(call)
    if call.given("over") is not None:
        return {**findings.trend(tenant=call.tenant, **asked), "resources": None}
    found = findings.summary(tenant=call.tenant, **asked, top=top)
    return {**found, "resources": _named(call, found["groups"]) if top is not None else None}


def _top(call: Call) -> int | None:
    text = call.given("top")
    if text is not None and call.given("over") is not None:
        raise filter_error("top")("top", "top must be left out with over")
    return None if text is None else int(text)


def _named(call: Call, groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    """Return the resources of groups, the bounded number of which are by resource; else None."""
    idents = list(dict.fromkeys(group["resource"] for group in groups if "resource" in group))
    if not idents:
        return None
    found = call.services.resources.many(tenant=call.tenant, idents=idents[:_MOST_NAMED])
    names = shapes.ResourceReference.model_fields
    return [{name: each[name] for name in names} for each in found.values()]


@TABLE.reads(
    "/v1/findings/export",
    scope=Scope.FINDINGS_READ,
    produces=tuple(_MEDIA),
    heavy=("exports",),
    parameters={"format": FORMAT, **FILTERS},
    errors=(EvidenceExpiredError,),
    event=EventType.FINDINGS_EXPORTED,
)
def export_findings(call: Call) -> Reply:
    """Export findings.

    All that the filters of the list match, newest first, as JSON Lines or CSV, complete and as it
    is at one moment: when the first was read. `format` or `Accept` decides which; else JSON Lines.
    A cell that a spreadsheet could take for a formula begins with an apostrophe.
    """
    wanted = call.given("format") or _MEDIA[accept.choose(call.accept, tuple(_MEDIA)) or JSONL]
    filters = {name: values for name, values in call.query.items() if name in FILTERS}
    folder = call.services.settings.data_dir
    call.admit()
    pieces = call.services.findings.export(
        tenant=call.tenant, filters=filters, wanted=wanted, folder=folder
    )
    return Stream(pieces, FORMATS[wanted], f"cloudsealed-findings.{wanted}")


@TABLE.acts(
    "/v1/findings/bulk",
    scope=Scope.FINDINGS_WRITE,
    answer=shapes.FindingBulk,
    body=_BULK,
    body_optional=False,
    errors=(CountMismatchError,),
    event=EventType.FINDING_TRIAGED,
)
def triage_findings(call: Call) -> Reply:
    """Triage many findings.

    At most 500 by `ids`, or up to 5,000 that match `filter`, which takes what the list takes, and
    `count`, which says how many that are: when it matches another number nothing is changed (409).
    All are changed in one transaction; the answer says of each id whether there is such a finding.
    """
    return call.services.findings.triage_many(
        tenant=call.tenant, body=call.body, user_id=call.caller.user_id, form=_BULK
    )


@TABLE.gets(
    "/v1/findings/{id}", scope=Scope.FINDINGS_READ, answer=shapes.Finding, expansions=EXPANSIONS
)
def get_finding(call: Call) -> Reply:
    """Retrieve a finding.

    Everything that is known of one finding, from the evidence to what people decided. Commands and
    Terraform have the resource's own names.
    """
    return call.services.findings.get(**call.one, deadline=call.deadline)


@TABLE.changes(
    "/v1/findings/{id}",
    scope=Scope.FINDINGS_WRITE,
    answer=shapes.Finding,
    body=bodies.PATCH,
    event=EventType.FINDING_TRIAGED,
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
    """List a finding's episodes, oldest first.

    An episode begins when an audit first says something else, so the list is short however many
    audits there were. What people decided meanwhile is `/v1/findings/{id}/triage_history`.
    """
    after, limit = call.page["after"], call.page["limit"]
    return call.services.findings.history(**call.one, after=after, limit=limit)


@TABLE.lists(
    "/v1/findings/{id}/triage_history", Listed(), scope=Scope.FINDINGS_READ, answer=shapes.Decision
)
def list_finding_decisions(call: Call) -> Reply:
    """List what people decided about a finding, newest first.

    Who accepted a risk, when, why and until when; and what was decided before, as long as the
    finding is known.
    """
    findings, events = call.services.findings, call.services.events
    after, limit = call.page["after"], call.page["limit"]
    return decisions(findings, events, **call.one, after=after, limit=limit)


@TABLE.reads(
    "/v1/findings/{id}/evidence",
    scope=Scope.EVIDENCE_READ,
    answer=evidence.Evidence,
    errors=(EvidenceExpiredError,),
    event=EventType.EVIDENCE_READ,
)
def get_finding_evidence(call: Call) -> Reply:
    """Retrieve what a finding rests on.

    The observation of the newest audit that decided, and the snapshot that it judged, for
    whoever has to believe the verdict.
    """
    finding = orjson.loads(call.services.findings.get(**call.one))
    return call.services.audits.evidence(tenant=call.tenant, finding=finding)


@TABLE.reads(
    "/v1/findings/{id}/proof",
    scope=Scope.EVIDENCE_READ,
    answer=evidence.Proof,
    parameters={"audit": Parameter("audit", "Audit that observed it; else the last")},
    errors=(AuditNotFinishedError, AuditNotFoundError, EvidenceExpiredError),
    event=EventType.EVIDENCE_READ,
)
def get_finding_proof(call: Call) -> Reply:
    """Retrieve the proof of a finding.

    It leads from the audit's observation to the root of its seal: `cloudsealed verify` checks it
    alone, with no server.
    """
    return call.services.evidence.proof(**call.one, audit_id=call.given("audit"))


@TABLE.reads(
    "/v1/findings/{id}/explanation",
    scope=Scope.EVIDENCE_READ,
    answer=evidence.Explanation,
    costs=Costs("explanations", most=4),
    errors=(NotExplainableError, EvidenceExpiredError),
    event=EventType.EVIDENCE_READ,
)
def get_finding_explanation(call: Call) -> Reply:
    """Retrieve why a finding fails: the parts of its policy's expressions with their values.

    The policy's expressions are evaluated once more on the snapshot of that audit. It takes
    CPU: ask for one finding, not for every row of a list.
    """
    finding = orjson.loads(call.services.findings.get(**call.one))
    return call.services.audits.explanation(tenant=call.tenant, finding=finding)
