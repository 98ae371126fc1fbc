"""/v1/resources: the cloud objects that audits discovered."""

from __future__ import annotations

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.v1.schemas import estate as shapes
from cloudsealed.api.v1.schemas.findings import Finding
from cloudsealed.auth.model import Scope
from cloudsealed.findings.listing import LISTING as FINDINGS
from cloudsealed.resources.store import LISTING

TABLE = Table(
    "Resources",
    "Cloud objects discovered in the tenant. Findings attach to resources.",
    getter=lambda call: call.services.resources.get(**call.one),
)


@TABLE.lists(
    "/v1/resources", Listed.of(LISTING), scope=Scope.RESOURCES_READ, answer=shapes.Resource
)
def list_resources(call: Call) -> Reply:
    """List resources.

    The inventory: what the newest audit that could tell still saw, or what is gone.
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
    "/v1/resources/{id}/findings", Listed.of(FINDINGS, without=("resource",)),
    scope=Scope.FINDINGS_READ, answer=Finding,
)  # fmt: skip
def list_resource_findings(call: Call) -> Reply:
    """List the findings of a resource.

    The same rows and filters as the list of all findings.
    """
    call.services.resources.get(**call.one)
    call.page["filters"] = {**call.page["filters"], "resource": (call.ident,)}
    findings = call.services.findings
    return findings.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.reads("/v1/resources/{id}/relations", scope=Scope.RESOURCES_READ, answer=shapes.RelationList)
def get_resource_relations(call: Call) -> Reply:
    """Retrieve what a resource refers to.

    Networks, roles, keys and what else it names, by their ids at the provider.
    """
    return call.services.resources.relations(**call.one)
