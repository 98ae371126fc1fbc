"""Our functions on resource policies: whether everybody is let in, and what nobody may do.

Who everybody is stands in `engine.access.strangers`, with its source. Refuses to weigh what is not
in the document: blocks on public access, service control policies, other policies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cloudsealed.engine.access.principals import is_everyone
from cloudsealed.engine.access.public import Request, opening, refuses
from cloudsealed.engine.access.sharing import other_accounts as _others
from cloudsealed.engine.access.statements import raw_statements, texts
from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, Kinds, Steps, kinds
from cloudsealed.engine.values import Value, describe


def principal_is_public(meter: Meter, principal: Value) -> bool:
    """`principal_is_public(p)`: whether a Principal element is everyone.

    That is `"*"`, `{"AWS": "*"}`, a list there that holds `"*"`, or an ARN of any account.
    """
    return is_everyone(meter, principal)


def policy_allows_public(meter: Meter, document: Value) -> bool:
    """`policy_allows_public(d)`: whether a resource policy lets everyone do anything.

    An Allow statement whose Principal is everyone (or whose NotPrincipal is not), whose Condition a
    stranger can meet, and which leaves something after the Deny statements that a stranger cannot
    but meet. What AWS calls public: fixed accounts, organisations, networks (up to a /8, or a /32
    of IPv6), ARNs and ids close a statement, patterns that others can match do not. A null document
    allows nothing; a text is read as JSON; a document of a strange shape is an error.
    """
    return opening(meter, document) is not None


def policy_lets_anyone(
    meter: Meter, document: Value, actions: list[Value], request: dict[Value, Value] | None = None
) -> bool:
    """`policy_lets_anyone(d, ["s3:Get*"])`: whether a resource policy lets everyone do one.

    As `policy_allows_public`, for the actions that fit one of the patterns (without case). A third
    argument is what is known of all requests, `{"lambda:FunctionUrlAuthType": "NONE"}`: values of
    condition keys, null for a key that they lack.
    """
    wanted = texts(meter, actions, "actions")
    return opening(meter, document, wanted, _request(request or {})) is not None


def policy_refuses(
    meter: Meter,
    document: Value,
    request: dict[Value, Value],
    actions: list[Value],
    resources: list[Value],
) -> bool:
    """`policy_refuses(d, {"aws:SecureTransport": "false"}, ["s3:*"], [arn])`: denied to everyone.

    Whether every request with these values of condition keys (null: without the key) is denied,
    whatever else it holds: each action that fits a pattern, on each resource that fits one. Only
    Deny counts; who is not let in by this document may be by another.
    """
    return refuses(
        meter,
        document,
        _request(request),
        texts(meter, actions, "actions"),
        texts(meter, resources, "resources"),
    )


def other_accounts(
    meter: Meter, document: Value, own: str, actions: list[Value] | None = None
) -> list[str]:
    """`other_accounts(d, "111122223333")`: the accounts beside this one that a resource policy, or
    a role's trust policy, lets in by name.

    As a principal, or by a condition on the caller's account where everybody is one. Organisations,
    services, identity providers and the accounts by which AWS delivers logs are none (facts:
    `aws_accounts`), nor is an account to which everything is denied. With a third argument,
    `["sts:AssumeRole"]`, only those that are let in for an action that fits one of the patterns.
    Whether an account has the same owner is not known.
    """
    return _others(meter, document, own, texts(meter, actions or ["*"], "actions"))


def _request(known: dict[Value, Value]) -> Request:
    return {_key(key): _fact(value) for key, value in known.items()}


def _key(key: Value) -> str:
    if key.__class__ is not str:
        raise EvaluationError(f"a condition key is text, not {describe(key)}")
    return str(key)


def _fact(value: Value) -> str | None:
    if value is not None and value.__class__ is not str:
        raise EvaluationError(
            f"the value of a condition key is text or null, not {describe(value)}"
        )
    return None if value is None else str(value)


def _witness(
    meter: Meter, document: Value, actions: Value = "*", request: dict[Value, Value] | None = None
) -> Steps | None:
    """The way to the first statement that lets everyone in."""
    found = opening(meter, document, texts(meter, actions, "actions"), _request(request or {}))
    if found is None or document.__class__ is not dict:
        return ()
    many = document["Statement"].__class__ is list
    return ("Statement", found.number) if many else ("Statement",)


def _refusal(meter: Meter, document: Value, *_: Value) -> Steps | None:
    """The way to the statements."""
    return ("Statement",) if raw_statements(meter, document) else ()


_DOCUMENT: Final = kinds("map", "null", "string")
_LIST: Final = kinds("list")


def _judge(name: str, run: Callable[..., bool], *more: Kinds) -> Function:
    return Function(name, (_DOCUMENT, *more), "bool", run, metered=True, witness=_witness)


RESOURCE_POLICIES: Final = (
    Function(
        "principal_is_public",
        (kinds("string", "map", "list", "null"),),
        "bool",
        principal_is_public,
        metered=True,
    ),
    _judge("policy_allows_public", policy_allows_public),
    _judge("policy_lets_anyone", policy_lets_anyone, _LIST),
    _judge("policy_lets_anyone", policy_lets_anyone, _LIST, kinds("map")),
    Function(
        "policy_refuses",
        (_DOCUMENT, kinds("map"), _LIST, _LIST),
        "bool",
        policy_refuses,
        metered=True,
        witness=_refusal,
    ),
    Function("other_accounts", (_DOCUMENT, kinds("string")), "list", other_accounts, metered=True),
    Function(
        "other_accounts", (_DOCUMENT, kinds("string"), _LIST), "list", other_accounts, metered=True
    ),
)
