"""/v1/resources: the cloud objects that audits discovered."""

from __future__ import annotations

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.query import Parameter
from cloudsealed.api.v1.findings import EXPANSIONS
from cloudsealed.api.v1.schemas import estate as shapes
from cloudsealed.api.v1.schemas.findings import Finding
from cloudsealed.auth.model import Scope
from cloudsealed.findings.listing import LISTING as FINDINGS
from cloudsealed.resources.model import NotSeenError
from cloudsealed.resources.store import LISTING
from cloudsealed.resources.summary import GROUPS
from cloudsealed.storage import schema
from cloudsealed.storage.database import ReadDeadlineError
from cloudsealed.storage.objects import EvidenceExpiredError

GROUP_BY = Parameter("group_by", "What to count by", GROUPS, is_multiple=True, default="type")
FILTERS = {item.name: item for item in Listed.of(LISTING).filters}
_AUDITS = {
    "from": Parameter("from", "Audit that is compared with; else the last of another snapshot"),
    "to": Parameter("to", "Audit that is compared; else the last that saw it"),
}

TABLE = Table(
    "Resources",
    "Cloud objects discovered in the tenant. Findings attach to resources.",
    getter=lambda call: call.services.resources.get(**call.one),
    rows=schema.resources,
)


@TABLE.lists(
    "/v1/resources",
    Listed.of(LISTING),
    scope=Scope.RESOURCES_READ,
    answer=shapes.Resource,
    errors=(EvidenceExpiredError,),
)
def list_resources(call: Call) -> Reply:
    """List resources.

    The inventory: what the newest audit that could tell still saw, or what is gone.
    With `audit`, all that this audit saw, as it saw it: names, tags and relations are those of
    then, and filters look at them. An audit that has not completed has no list; one whose evidence
    is older than evidence is kept has none left: 410.
    """
    resources = call.services.resources
    return resources.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.reads(
    "/v1/resources/summary",
    scope=Scope.RESOURCES_READ,
    answer=shapes.ResourceSummary,
    parameters={"group_by": GROUP_BY, **FILTERS},
    errors=(EvidenceExpiredError,),
)
def summarize_resources(call: Call) -> Reply:
    """Count resources.

    By any facets, with every filter of the list. Where the bound of a page's reading ended the
    count, `complete` is false. A resource is in a group for each of its tags, with `tag_key` for
    those of these keys alone; a total counts it once.
    """
    filters = {name: values for name, values in call.query.items() if name in FILTERS}
    resources = call.services.resources
    return resources.summary(tenant=call.tenant, group_by=call.query["group_by"], filters=filters)


@TABLE.gets("/v1/resources/{id}", scope=Scope.RESOURCES_READ, answer=shapes.Resource)
def get_resource(call: Call) -> Reply:
    """Retrieve a resource with its newest snapshot.

    The snapshot is what the provider said, secrets redacted. Lists leave it out.
    """
    return call.services.resources.get(**call.one, deadline=call.deadline)


@TABLE.lists(
    "/v1/resources/{id}/findings",
    Listed.of(FINDINGS, without=("resource",)),
    scope=Scope.FINDINGS_READ,
    answer=Finding,
    expansions=EXPANSIONS,
    errors=(EvidenceExpiredError,),
)
def list_resource_findings(call: Call) -> Reply:
    """List the findings of a resource.

    The same rows and filters as the list of all findings.
    """
    call.services.resources.get(**call.one)
    call.page["filters"] = {**call.page["filters"], "resource": (call.ident,)}
    findings = call.services.findings
    return findings.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.lists(
    "/v1/resources/{id}/history",
    Listed(),
    scope=Scope.RESOURCES_READ,
    answer=shapes.ResourceVersion,
)
def list_resource_history(call: Call) -> Reply:
    """List the versions of a resource.

    One for each snapshot that audits saw, newest first: which audits, when, and what changed since
    the version before, each change by a JSON Pointer into the snapshot. What an audit could not
    read is no change. Audits whose evidence is older than evidence is kept are left out.
    """
    if call.deadline is not None:
        raise ReadDeadlineError  # snapshots are read: that is nothing for the event loop
    after, limit = call.page["after"], call.page["limit"]
    return call.services.resources.history(**call.one, after=after, limit=limit)


@TABLE.reads(
    "/v1/resources/{id}/comparison",
    scope=Scope.RESOURCES_READ,
    answer=shapes.ResourceComparison,
    parameters=_AUDITS,
    errors=(NotSeenError,),
)
def compare_resource(call: Call) -> Reply:
    """Compare what two audits saw of a resource.

    Each difference by a JSON Pointer into the snapshot. What either audit could not read is no
    difference. `/v1/resources/{id}/history` names the audits; by default the newest version is
    compared with the one before it.
    """
    first, second = call.given("from"), call.given("to")
    return call.services.resources.comparison(**call.one, first=first, second=second)


@TABLE.reads("/v1/resources/{id}/referrers", scope=Scope.RESOURCES_READ, answer=shapes.ReferrerList)
def get_resource_referrers(call: Call) -> Reply:
    """Retrieve what refers to a resource.

    The other direction of its relations: resources of its account whose documents name it, those
    that are there.
    """
    return call.services.resources.referrers(**call.one)


@TABLE.reads("/v1/resources/{id}/relations", scope=Scope.RESOURCES_READ, answer=shapes.RelationList)
def get_resource_relations(call: Call) -> Reply:
    """Retrieve what a resource refers to.

    Each relation names the id that stands in the resource's document, and the resource that it
    means, by its own id; null where no audit of the tenant saw that.
    """
    return call.services.resources.relations(**call.one)
