"""Which other accounts a resource's policy lets in by name.

Source: the AWS IAM user guide, "AWS JSON policy elements: Principal" and "Cross-account policy
evaluation logic". An account is named as a principal, or, where everybody is one, by a condition on
whose account it is. What is let in by an organisation, a service or an identity provider is not
named; accounts by which AWS delivers logs are facts (`packs/facts/aws_accounts.csv`). Refuses to
say what they may do, and whether they belong to the same owner.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from cloudsealed.engine.access.conditions import Line, lines
from cloudsealed.engine.access.principals import is_everyone
from cloudsealed.engine.access.public import denials
from cloudsealed.engine.access.statements import (
    Region,
    escapes,
    parts,
    raw_statements,
    statement_of,
    texts,
)
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.values import Value
from cloudsealed.packs.facts import facts

_ACCOUNT: Final = re.compile(r"(?:arn:[^:]*:(?:iam|sts)::)?(\d{12})(?::.*)?")
_OF_CALLER: Final = frozenset({"aws:principalaccount", "kms:calleraccount"})
_ARN_OF_CALLER: Final = "aws:principalarn"
_POSITIVE: Final = frozenset({"stringequals", "stringequalsignorecase", "stringlike"})
_OF_ARNS: Final = _POSITIVE | frozenset({"arnequals", "arnlike"})


def other_accounts(
    meter: Meter, document: Value, own: str, actions: Sequence[str] = ("*",)
) -> list[str]:
    """The ids of accounts beside `own` that a policy lets in by name, in order, each once.

    `actions` are patterns; who is let in for nothing that fits one of them, or only for what is
    denied, is left out.
    """
    wanted = [Region(((action.lower(),), ())) for action in actions]
    known = {own, *_of_aws()}
    found: set[str] = set()
    for number, text in raw_statements(meter, document):
        if text["Effect"] == "Allow":
            statement = statement_of(meter, number, text)
            allowed = [part for region in wanted for part in parts(meter, region, statement)]
            others = set(_let_in(meter, text)) - known - found
            found |= {each for each in others if _left(meter, document, allowed, each)}
    return sorted(found)


@cache
def _of_aws() -> frozenset[str]:
    return frozenset(row["account"] for row in facts("aws_accounts"))


def _let_in(meter: Meter, statement: dict[str, Any]) -> Iterator[str]:
    conditions = [line for line in lines(meter, statement) if not line.negated]
    held = [set(_accounts(line)) for line in conditions if _names_callers(line)]
    principal = statement.get("Principal")
    if is_everyone(meter, principal):
        yield from set.intersection(*held) if held else ()
    elif principal.__class__ is dict:
        for each in texts(meter, principal.get("AWS"), "Principal.AWS"):
            account = _ACCOUNT.fullmatch(each)
            if account and all(account[1] in one for one in held):
                yield account[1]


def _names_callers(line: Line) -> bool:
    operators = _POSITIVE if line.key in _OF_CALLER else _OF_ARNS
    known = line.key in _OF_CALLER or line.key == _ARN_OF_CALLER
    return known and line.operator in operators and not (line.every or line.if_exists)


def _accounts(line: Line) -> Iterable[str]:
    return (found[1] for found in map(_ACCOUNT.fullmatch, line.values) if found)


def _left(meter: Meter, document: Value, allowed: Sequence[Region], account: str) -> bool:
    """Whether the policy leaves to an account some of what a statement allows it."""
    known = {"aws:PrincipalAccount": account, "aws:PrincipalIsAWSService": "false"}
    denied = denials(meter, document, known)
    return any(escapes(meter, region, denied) for region in allowed)
