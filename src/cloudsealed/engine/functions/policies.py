"""Our functions on identity policies: what a document allows its holder.

Source: the AWS IAM user guide, "IAM JSON policy elements" (Effect, Action, NotAction, Resource;
wildcards * and ?; actions compare without case). Refuses to evaluate conditions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cloudsealed.engine.access.patterns import literal
from cloudsealed.engine.access.statements import allows_all, deciding, fitting, may, statements
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, Steps, kinds
from cloudsealed.engine.values import Value


def glob_match(meter: Meter, pattern: str, text: str) -> bool:
    """`glob_match(pattern, s)`: whether all of s fits a pattern with * (any text) and ? (one).

    Case counts. Every other character stands for itself.
    """
    if "?" in pattern:
        meter.charge(len(pattern) * len(text) // 20)
        return _glob(pattern, text)
    meter.charge_text(len(pattern) + len(text))
    return _stars(pattern, text)


def _stars(pattern: str, text: str) -> bool:
    """A pattern without ?: its pieces must stand in the text one after the other."""
    if "*" not in pattern:
        return pattern == text
    first, *middle, last = pattern.split("*")
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _glob(pattern: str, text: str) -> bool:
    """Greedy with one point to return to: at most len(pattern) x len(text) steps."""
    at = here = 0
    star = back = -1
    while here < len(text):
        wanted = pattern[at] if at < len(pattern) else ""
        if wanted == "*":
            star, back = at, here
            at += 1
        elif wanted == "?" or (wanted and wanted == text[here]):
            at += 1
            here += 1
        elif star >= 0:
            back += 1
            at, here = star + 1, back
        else:
            return False
    return not pattern[at:].strip("*")


def policy_allows(meter: Meter, document: Value, action: str) -> bool:
    """`policy_allows(d, "iam:PassRole")`: whether a document allows the action on every resource.

    As `iam_allows`, for every resource there is.
    """
    return allows_all(meter, (document,), literal(action))


def iam_allows(meter: Meter, document: Value, action: str, resource: str) -> bool:
    """`iam_allows(d, "s3:GetObject", arn)`: whether the document allows the action on the resource.

    An Allow statement takes both in, and no Deny statement without conditions does. Action,
    NotAction, Resource and NotResource count, with * and ?; actions compare without case. A policy
    variable may stand for anything. Conditions of Allow, boundaries and other documents are not
    weighed.
    """
    return may(meter, (document,), literal(action), literal(resource))


def _witness(meter: Meter, document: Value, action: str, *resource: str) -> Steps:
    """The way to the first statement that allows it."""
    asked = fitting(literal(action), *map(literal, resource))
    found = deciding(meter, statements(meter, document), asked)
    if found is None:
        return ()
    return (
        ("Statement", found.number) if document["Statement"].__class__ is list else ("Statement",)
    )


def _judge(name: str, run: Callable[..., bool], texts: int) -> Function:
    parameters = (kinds("map", "null"), *[kinds("string")] * texts)
    return Function(name, parameters, "bool", run, metered=True, witness=_witness)


IAM: Final = (
    Function("glob_match", (kinds("string"),) * 2, "bool", glob_match, metered=True),
    _judge("policy_allows", policy_allows, 1),
    _judge("iam_allows", iam_allows, 2),
)
