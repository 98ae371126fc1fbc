"""/v1/resource_types: what a policy can read of each type of resource."""

from __future__ import annotations

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.v1.schemas import estate as shapes
from cloudsealed.auth.model import Scope
from cloudsealed.collectors.described import described, summary
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.resources.model import ResourceTypeNotFoundError
from cloudsealed.storage.keyset import ordered

TABLE = Table("Resource types", "The types of resources that audits collect.")


@TABLE.lists("/v1/resource_types", Listed(), scope=Scope.POLICIES_READ, answer=shapes.CollectedType)
def list_resource_types(call: Call) -> Reply:
    """List the types of resources, by name.

    What policies can be written for.
    """
    items = {name: summary(name) for name in RESOURCE_TYPES}
    return ordered(items, after=call.page["after"], limit=call.page["limit"])


@TABLE.reads(
    "/v1/resource_types/{id}",
    scope=Scope.POLICIES_READ,
    answer=shapes.DescribedType,
    tagged=True,
    errors=(ResourceTypeNotFoundError,),
)
def get_resource_type(call: Call) -> Reply:
    """Retrieve a type of resource, and what a policy can read of one.

    Its attributes with their kinds, the call that fills each, and a document as an example.
    """
    if call.ident not in RESOURCE_TYPES:
        raise ResourceTypeNotFoundError(call.ident)
    return described(call.ident)
