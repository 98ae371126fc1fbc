"""/v1/policies: built-in rules and the tenant's own."""

from __future__ import annotations

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Costs, Reply, Table
from cloudsealed.api.query import Parameter
from cloudsealed.api.v1.schemas import policies as shapes
from cloudsealed.audits.bodies import TRIAL
from cloudsealed.audits.judging.explanation import NotExplainableError
from cloudsealed.audits.tried import explain_on_resource
from cloudsealed.auth.model import Scope
from cloudsealed.policies import body as bodies
from cloudsealed.policies.model import (
    BuiltinPolicyImmutableError,
    InvalidPolicyExampleError,
    InvalidPolicyExpressionError,
    NameAlreadyExistsError,
    PolicyNotFoundError,
    QuotaExceededError,
)
from cloudsealed.policies.store import LISTING
from cloudsealed.policies.summary import GROUPS
from cloudsealed.storage import schema
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.vocabulary import EventType

FILTERS = {item.name: item for item in Listed.of(LISTING).filters}
GROUP_BY = Parameter(
    "group_by", "What to count by", GROUPS, is_multiple=True, default="dimension,severity"
)
_JUDGED = Costs(
    "explanations", most=4, when=lambda body: isinstance(body, dict) and "examples" in body
)
"""What it costs to judge the examples of a policy, if it has some."""

TABLE = Table(
    "Policies",
    "Checks and classifications. A policy answers to its id and to its key.",
    getter=lambda call: call.services.policies.get(**call.one),
    rows=schema.policies,
)


@TABLE.lists("/v1/policies", Listed.of(LISTING), scope=Scope.POLICIES_READ, answer=shapes.Policy)
def list_policies(call: Call) -> Reply:
    """List policies.

    Built-in ones and the tenant's own, enabled or not.
    """
    return call.services.policies.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.reads(
    "/v1/policies/summary",
    scope=Scope.POLICIES_READ,
    answer=shapes.PolicySummary,
    parameters={"group_by": GROUP_BY, **FILTERS},
)
def summarize_policies(call: Call) -> Reply:
    """Count policies.

    A policy is in a group for each type that it judges and each framework that it serves; a total
    counts it once.
    """
    filters = {name: values for name, values in call.query.items() if name in FILTERS}
    catalogue, by = call.services.catalogue, call.query["group_by"]
    return catalogue.summary(tenant=call.tenant, group_by=by, filters=filters)


@TABLE.makes(
    "/v1/policies",
    scope=Scope.POLICIES_WRITE,
    answer=shapes.Policy,
    body=bodies.POLICY,
    costs=_JUDGED,
    errors=(
        NameAlreadyExistsError,
        QuotaExceededError,
        InvalidPolicyExpressionError,
        InvalidPolicyExampleError,
    ),
    event=EventType.POLICY_CREATED,
)
def create_policy(call: Call) -> Reply:
    """Create a policy.

    A check counts from the next audit or reanalysis. It takes what a policy file says; examples
    that end otherwise than they say are refused.
    """
    return call.services.policies.create(tenant=call.tenant, body=call.body)


@TABLE.acts(
    "/v1/policies/validate",
    scope=Scope.POLICIES_READ,
    answer=shapes.PolicyValidation,
    body=bodies.DRAFT,
    body_optional=False,
    once=False,
    costs=_JUDGED,
    event=None,
)
def validate_policy(call: Call) -> Reply:
    """Say whether a policy would be taken, and if not, why; nothing is stored.

    For editors: every fault is told with its line and column, also of a draft that is half
    written.
    """
    return call.services.policies.validate(tenant=call.tenant, body=call.body)


@TABLE.acts(
    "/v1/policies/explain",
    scope=Scope.EVIDENCE_READ,
    answer=shapes.PolicyExplanation,
    body=TRIAL,
    body_optional=False,
    once=False,
    asks=True,
    costs=Costs("explanations", most=4),
    errors=(
        BuiltinPolicyImmutableError,
        EvidenceExpiredError,
        InvalidPolicyExpressionError,
        NotExplainableError,
        PolicyNotFoundError,
    ),
    event=EventType.EVIDENCE_READ,
)
def explain_policy(call: Call) -> Reply:
    """Explain what a check says of a resource; nothing is stored.

    For editors: a check, also one that is not stored, is judged on the newest snapshot of one
    resource, beside what the audit that saw it knew, and each part is shown with its value.
    """
    services = call.services
    return explain_on_resource(
        services.audits, services.policies, services.resources, tenant=call.tenant, body=call.body
    )


@TABLE.gets("/v1/policies/{id}", scope=Scope.POLICIES_READ, answer=shapes.Policy)
def get_policy(call: Call) -> Reply:
    """Retrieve a policy by id or key.

    Its expressions, texts and controls, as they are now.
    """
    return call.services.policies.get(**call.one, deadline=call.deadline)


@TABLE.reads("/v1/policies/{id}/examples", scope=Scope.POLICIES_READ, answer=shapes.CheckExamples)
def get_policy_examples(call: Call) -> Reply:
    """Retrieve the documents by which a check is tried, and the outcome of each.

    Those of a built-in policy ship with it. A classification has none.
    """
    return call.services.catalogue.examples(**call.one)


@TABLE.changes(
    "/v1/policies/{id}",
    scope=Scope.POLICIES_WRITE,
    answer=shapes.Policy,
    body=bodies.CHANGE,
    costs=_JUDGED,
    errors=(
        BuiltinPolicyImmutableError,
        QuotaExceededError,
        InvalidPolicyExpressionError,
        InvalidPolicyExampleError,
    ),
    event=EventType.POLICY_CHANGED,
)
def update_policy(call: Call) -> Reply:
    """Change a policy; of a built-in one only `enabled` and `params`.

    What is left out stays. A change of what it means makes a new version, which counts from the
    next audit; a classification is applied at once.
    """
    return call.services.policies.update(**call.one, body=call.body)


@TABLE.deletes(
    "/v1/policies/{id}",
    scope=Scope.POLICIES_WRITE,
    errors=(BuiltinPolicyImmutableError,),
    event=EventType.POLICY_DELETED,
)
def delete_policy(call: Call) -> Reply:
    """Delete a policy of the tenant's own.

    Its open findings resolve as policy_changed with the next audit. A built-in one is disabled
    instead.
    """
    call.services.policies.delete(**call.one)
    return None


@TABLE.lists(
    "/v1/policies/{id}/versions", Listed(), scope=Scope.POLICIES_READ, answer=shapes.PolicyVersion
)
def list_policy_versions(call: Call) -> Reply:
    """List a policy's versions, newest first.

    A version never changes: findings name the one that judged.
    """
    after, limit = call.page["after"], call.page["limit"]
    return call.services.policies.versions(**call.one, after=after, limit=limit)
