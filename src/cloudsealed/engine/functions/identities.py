"""Our functions on what identities hold: who is an administrator, and who can become one.

Sources: the AWS IAM user guide, "Policy evaluation logic" and "Permissions boundaries"; the ways to
escalate are facts. Refuses the policies of organizations and of sessions: they are not in what an
account says of itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cloudsealed.engine.access.escalation import borrowed, open_ways, reaches_every_role
from cloudsealed.engine.access.escalation import is_administrator as _is_administrator
from cloudsealed.engine.access.rights import Holder, Want
from cloudsealed.engine.access.statements import in_one_partition
from cloudsealed.engine.access.trust import strangers_let_in
from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.arns import arn
from cloudsealed.engine.functions.documents import as_list
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, Steps, kinds
from cloudsealed.engine.values import Value
from cloudsealed.packs.facts import facts


def policy_is_admin(meter: Meter, document: Value) -> bool:
    """`policy_is_admin(d)`: whether a document makes an administrator, in whatever spelling.

    It allows what no list names, and to change rights in IAM: `*` on `*`, `*:*`, NotAction of some
    services, `arn:aws:*:*:*:*`, also over several statements. Deny is weighed; what it takes away
    must be all of IAM's ways to more rights. A condition on who asks, when or from where (a second
    factor, an address, a tag of the holder) does not lessen it; one on what is touched does.
    """
    return _is_administrator(Holder(meter, [document], []))


def is_administrator(meter: Meter, documents: list[Value], boundaries: list[Value]) -> bool:
    """`is_administrator(documents, boundaries)`: as `policy_is_admin`, of documents together.

    Only what each boundary allows too counts; without boundaries everything does.
    """
    return _is_administrator(Holder(meter, documents, boundaries))


def escalation_paths(
    meter: Meter, documents: list[Value], boundaries: list[Value], told: Sequence[Value] = ()
) -> list[str]:
    """`escalation_paths(documents, boundaries)`: the ways to more rights that documents open.

    Each is the permissions that it needs, `iam:PassRole + ec2:RunInstances`; of two, one of which
    only needs more, the shorter. The permission that gives the rights (on a user, a role to pass, a
    function) must reach more than things that are named: `*`, `role/*`, `role/app-*`, but not
    `role/app`; self-escalation on one's own user counts. Deny and boundaries are weighed, and
    conditions as in `policy_is_admin`; `iam:PassedToService` must name the service of the way. With
    a third list, without the ways that one of those documents opens alone.
    """
    found = list(open_ways(Holder(meter, documents, boundaries)))
    known = {way for each in told for way in open_ways(Holder(meter, [each], []))} if found else ()
    return [way for way in found if way not in known]


def only_borrows(paths: list[Value]) -> bool:
    """`only_borrows(escalation_paths(d, []))`: whether all of these ways borrow rights.

    They lead to what something has that is there, a role that trusts the holder, or a function, an
    instance, a stack that runs with a role: to an administrator's rights only if one has them.
    """
    return all(path in borrowed() for path in paths)


def may_on_all(
    meter: Meter, documents: list[Value], boundaries: list[Value], action: str, things: str
) -> bool:
    """`may_on_all(documents, boundaries, "kms:Decrypt", "arn:*:kms:*:*:key/*")`: whether documents
    together allow the action on all such things of an account.

    All are those of all regions, or of one that is named. Deny and boundaries are weighed, and
    conditions as in `policy_is_admin`: one on what is touched (its tags, its alias) leaves only
    some. An action that knows no resources is on `"*"`.
    """
    reach = in_one_partition(things)
    return Holder(meter, documents, boundaries).may(Want(action, reach, "all"))


def assumes_any_role(meter: Meter, document: Value) -> bool:
    """`assumes_any_role(d)`: whether it allows to assume all roles of an account, or of every one.

    Deny and conditions are weighed; one on whose the role is (`aws:ResourceOrgID`) or on its tags
    leaves only some.
    """
    return reaches_every_role(Holder(meter, [document], []))


def trust_lets_in(meter: Meter, document: Value) -> list[str]:
    """`trust_lets_in(d)`: whom a role's trust policy lets in whom nobody named, in words.

    `everybody in AWS` as `policy_allows_public` says it; `every repository of GitHub` and the like
    where a shared issuer of tokens is trusted without a condition on the claim that tells its
    customers apart (facts: `oidc_issuers`), or one whose pattern leaves that open; everybody whom
    another issuer knows where no condition is on its claims at all. Accounts, services and SAML
    providers are named.
    """
    return strangers_let_in(meter, document)


def managed_policy_is_admin(meter: Meter, policy: str) -> bool:
    """`managed_policy_is_admin(arn)`: whether it is a policy of AWS that makes an administrator.

    That is AdministratorAccess or one that leaves all rights in IAM, in any partition; a policy of
    one's own of the same name is none.
    """
    parts = arn(meter, policy)
    known = {row["policy"] for row in facts("iam_managed_policies")}
    return parts["account"] == "aws" and str(parts["resource"]).removeprefix("policy/") in known


def boundary_of(meter: Meter, boundary: str, documents: list[Value]) -> list[Value]:
    """`boundary_of(arn, documents)`: the documents that a permissions boundary limits rights to.

    None where the ARN is "" or of a policy of AWS that allows everything; else the documents of the
    policy, of which there must be some: a boundary that was not found is an error.
    """
    if not boundary or managed_policy_is_admin(meter, boundary):
        return []
    if not documents:
        raise EvaluationError(f"the permissions boundary {boundary[:200]} is not known")
    return documents


def is_role_of_aws(name: str, path: str) -> bool:
    """`is_role_of_aws(name, path)`: whether AWS made a role and keeps it as it is.

    Roles of services and of IAM Identity Center are told by their path, which no one else may use;
    where the path is "", by their name. The role by which an organization's management account
    enters (OrganizationAccountAccessRole, AWSControlTowerExecution) is one too: it is not for the
    account to change.
    """
    reserved = path.startswith(_RESERVED_PATHS) if path else name.startswith(_RESERVED_NAMES)
    return reserved or name in _ENTRANCES


_ENTRANCES: Final = frozenset({"OrganizationAccountAccessRole", "AWSControlTowerExecution"})
_RESERVED_PATHS: Final = ("/aws-service-role/", "/aws-reserved/")
_RESERVED_NAMES: Final = ("AWSServiceRoleFor", "AWSReservedSSO_")


def _alone(meter: Meter, document: Value) -> Steps:
    """The way to the first statement that makes an administrator by itself, else to all."""
    listed = document.get("Statement")
    for number, statement in enumerate(as_list(listed)):
        if policy_is_admin(meter, {"Statement": statement}):
            return ("Statement", number) if listed.__class__ is list else ("Statement",)
    return ()


_DOCUMENT: Final = kinds("map", "null")
_DOCUMENTS: Final = (kinds("list"),) * 2

IDENTITIES: Final = (
    Function(
        "policy_is_admin", (_DOCUMENT,), "bool", policy_is_admin, metered=True, witness=_alone
    ),
    Function("is_administrator", _DOCUMENTS, "bool", is_administrator, metered=True),
    Function("escalation_paths", _DOCUMENTS, "list", escalation_paths, metered=True),
    Function(
        "escalation_paths", (*_DOCUMENTS, kinds("list")), "list", escalation_paths, metered=True
    ),
    Function("only_borrows", (kinds("list"),), "bool", only_borrows),
    Function("assumes_any_role", (_DOCUMENT,), "bool", assumes_any_role, metered=True),
    Function(
        "may_on_all", (*_DOCUMENTS, *(kinds("string"),) * 2), "bool", may_on_all, metered=True
    ),
    Function("trust_lets_in", (_DOCUMENT,), "list", trust_lets_in, metered=True),
    Function(
        "managed_policy_is_admin", (kinds("string"),), "bool", managed_policy_is_admin, metered=True
    ),
    Function("boundary_of", (kinds("string"), kinds("list")), "list", boundary_of, metered=True),
    Function("is_role_of_aws", (kinds("string"),) * 2, "bool", is_role_of_aws),
)
