"""/v1/resources: the cloud objects that audits discovered."""

from __future__ import annotations

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.v1.schemas import estate as shapes
from cloudsealed.api.v1.schemas.findings import Finding
from cloudsealed.auth.model import Scope
from cloudsealed.findings.listing import LISTING as FINDINGS
from cloudsealed.resources.store import LISTING
from cloudsealed.storage.objects import EvidenceExpiredError

TABLE = Table(
    "Resources",
    "Cloud objects discovered in the tenant. Findings attach to resources.",
    getter=lambda call: call.services.resources.get(**call.one),
)


@TABLE.lists(
    "/v1/resources", Listed.of(LISTING), scope=Scope.RESOURCES_READ, answer=shapes.Resource
)
def list_resources(call: Call) -> Reply:
    """List resources."""
    resources = call.services.resources
    return resources.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.gets("/v1/resources/{id}", scope=Scope.RESOURCES_READ, answer=shapes.Resource)
def get_resource(call: Call) -> Reply:
    """Retrieve a resource with its newest snapshot."""
    return call.services.resources.get(**call.one, deadline=call.deadline)


@TABLE.lists(
    "/v1/resources/{id}/findings", Listed.of(FINDINGS, without=("resource",)),
    scope=Scope.FINDINGS_READ, answer=Finding, errors=(EvidenceExpiredError,),
)  # fmt: skip
def list_resource_findings(call: Call) -> Reply:
    """List the findings of a resource."""
    call.services.resources.get(**call.one)
    call.page["filters"] = {**call.page["filters"], "resource": (call.ident,)}
    findings = call.services.findings
    return findings.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.reads("/v1/resources/{id}/relations", scope=Scope.RESOURCES_READ, answer=shapes.Relations)
def get_resource_relations(call: Call) -> Reply:
    """Retrieve what a resource refers to."""
    return call.services.resources.relations(**call.one)
