"""A check tried on one resource, before or after it is stored."""

from __future__ import annotations

from typing import Any

from cloudsealed.audits.bodies import TRIAL
from cloudsealed.audits.service import AuditService
from cloudsealed.kit.errors import InvalidFieldError
from cloudsealed.kit.shapes import read_body
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.policies.service import PolicyService
from cloudsealed.resources.model import ResourceNotFoundError
from cloudsealed.resources.service import ResourceService
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.vocabulary import PolicyKind


def explain_on_resource(
    audits: AuditService,
    policies: PolicyService,
    resources: ResourceService,
    *,
    tenant: str,
    body: Any,
) -> dict[str, Any]:
    """Return what the policy of {policy, resource_id} says of a resource as it was seen last.

    Raises a 422 that names the bad field, PolicyNotFoundError, EvidenceExpiredError and
    NotExplainableError.
    """
    asked = read_body(TRIAL, body)
    version = _check(policies.draft(tenant=tenant, value=asked["policy"]))
    try:
        resource, snapshot = resources.seen(tenant=tenant, ident=asked["resource_id"])
    except ResourceNotFoundError as error:
        raise InvalidFieldError("resource_id", error.message) from error
    if resource["type"] not in version.spec["resource_types"]:
        message = f"resource_id must be of a type that the policy judges, not {resource['type']}"
        raise InvalidFieldError("resource_id", message)
    if snapshot is None:
        raise EvidenceExpiredError(resource["audit_id"])
    told = audits.explained(
        tenant=tenant, ident=resource["audit_id"], version=version, snapshot=snapshot
    )
    return {"object": "policy_explanation", "resource_id": resource["id"], **told}


def _check(version: PolicyVersion) -> PolicyVersion:
    if version.kind is not PolicyKind.CHECK:
        raise InvalidFieldError("policy", "policy must be a check")
    return version
