"""/v1/resources: the cloud objects that audits discovered."""

from __future__ import annotations

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.v1.findings import EXPANSIONS
from cloudsealed.api.v1.schemas import estate as shapes
from cloudsealed.api.v1.schemas.findings import Finding
from cloudsealed.auth.model import Scope
from cloudsealed.findings.listing import LISTING as FINDINGS
from cloudsealed.resources.store import LISTING
from cloudsealed.storage import schema
from cloudsealed.storage.database import ReadDeadlineError
from cloudsealed.storage.objects import EvidenceExpiredError

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


@TABLE.reads("/v1/resources/{id}/relations", scope=Scope.RESOURCES_READ, answer=shapes.RelationList)
def get_resource_relations(call: Call) -> Reply:
    """Retrieve what a resource refers to.

    Each relation names the id that stands in the resource's document, and the resource that it
    means, by its own id; null where no audit of the tenant saw that.
    """
    return call.services.resources.relations(**call.one)
