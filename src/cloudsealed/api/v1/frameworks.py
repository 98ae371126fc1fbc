"""/v1/frameworks: the frameworks whose controls policies serve."""

from __future__ import annotations

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.query import Parameter
from cloudsealed.api.v1.schemas import frameworks as shapes
from cloudsealed.auth.model import Scope
from cloudsealed.policies.frameworks import frameworks, summary
from cloudsealed.policies.model import FrameworkNotFoundError
from cloudsealed.storage.keyset import ordered

TABLE = Table("Frameworks", "Compliance frameworks and their controls.")


@TABLE.lists("/v1/frameworks", Listed(), scope=Scope.POLICIES_READ, answer=shapes.Framework)
def list_frameworks(call: Call) -> Reply:
    """List frameworks, by key.

    What compliance evidence can be made for.
    """
    after, limit = call.page["after"], call.page["limit"]
    items = {key: summary(item) for key, item in frameworks().items()}
    return ordered(items, after=after, limit=limit)


@TABLE.reads(
    "/v1/frameworks/{id}",
    scope=Scope.POLICIES_READ,
    answer=shapes.FrameworkAssessment,
    tagged=True,
    parameters={"audit": Parameter("audit", "Audit whose verdicts give each control's status")},
    errors=(FrameworkNotFoundError,),
)
def get_framework(call: Call) -> Reply:
    """Retrieve a framework; with an audit, each control's status in it.

    Without an audit every control is `manual` or `not_assessed`.
    """
    audit = call.given("audit")
    return call.services.audits.framework(tenant=call.tenant, key=call.ident, audit_id=audit)
