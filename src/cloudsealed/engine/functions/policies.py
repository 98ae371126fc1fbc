"""Our functions on identity policies: what a document allows its holder.

Source: the AWS IAM user guide, "IAM JSON policy elements" (Effect, Action, NotAction, Resource;
wildcards * and ?; actions compare without case). Refuses to evaluate conditions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.documents import as_list
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, Steps, kinds
from cloudsealed.engine.values import Value, describe

_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")


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


def _texts(meter: Meter, value: Value, what: str) -> list[str]:
    texts = as_list(value)
    meter.charge(len(texts) // 4)
    for text in texts:
        if text.__class__ is not str:
            raise EvaluationError(
                f"{what} must be text or a list of texts; it has {describe(text)}"
            )
    return texts


def _allowing(
    meter: Meter, document: Value, effect: str = "Allow"
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The statements of a policy document with this effect, with their numbers."""
    if document is None:
        return
    statements = as_list(document.get("Statement"))
    meter.charge(len(statements))
    for number, statement in enumerate(statements):
        if statement.__class__ is not dict:
            raise EvaluationError(f"a Statement must be a map, and this is {describe(statement)}")
        if statement.get("Effect") == effect:
            yield number, statement


def _allows(meter: Meter, statement: dict[str, Any], action: str) -> bool:
    if "*" not in _texts(meter, statement.get("Resource"), "Resource"):
        return False
    return _selects(meter, statement, "Action", action, absent=False)


def _applies(meter: Meter, statement: dict[str, Any], action: str, resource: str) -> bool:
    """Whether a statement is about the action on the resource, whatever its conditions are."""
    return _selects(meter, statement, "Action", action, absent=False) and _selects(
        meter, statement, "Resource", resource, absent=True
    )


def _selects(
    meter: Meter, statement: dict[str, Any], element: str, text: str, *, absent: bool
) -> bool:
    """Whether Action or Resource (or NotAction, NotResource) takes in a text."""
    fold = str.lower if element == "Action" else str
    allowing = statement.get("Effect") == "Allow"
    name = element if element in statement else f"Not{element}"
    if name not in statement:
        return absent
    wanted = fold(text)
    # What a policy variable stands for is not known: it may allow, and does not surely deny.
    stands_for = "*" if allowing == (name == element) else ""
    found = any(
        glob_match(meter, _VARIABLE.sub(stands_for, fold(pattern)), wanted)
        for pattern in _texts(meter, statement[name], name)
    )
    return found == (name == element)


def policy_allows(meter: Meter, document: Value, action: str) -> bool:
    """`policy_allows(d, "iam:PassRole")`: whether a statement allows the action on every resource.

    An Allow statement with Resource `*` whose Action has a pattern that fits, without case, or
    whose NotAction has none. Deny statements, boundaries and conditions are not weighed.
    """
    return any(_allows(meter, each, action) for _, each in _allowing(meter, document))


def iam_allows(meter: Meter, document: Value, action: str, resource: str) -> bool:
    """`iam_allows(d, "s3:GetObject", arn)`: whether the document allows the action on the resource.

    An Allow statement takes both in, and no Deny statement without conditions does. Action,
    NotAction, Resource and NotResource count, with * and ?; actions compare without case. A policy
    variable may stand for anything. Conditions of Allow, boundaries and other documents are not
    weighed.
    """
    denied = any(
        not each.get("Condition") and _applies(meter, each, action, resource)
        for _, each in _allowing(meter, document, "Deny")
    )
    allowing = _allowing(meter, document)
    return not denied and any(_applies(meter, each, action, resource) for _, each in allowing)


def _witness(holds: Callable[..., bool]) -> Callable[..., Steps | None]:
    """The way to the first statement for which `holds`."""

    def find(meter: Meter, document: Value, *arguments: Value) -> Steps | None:
        for number, statement in _allowing(meter, document):
            if holds(meter, statement, *arguments):
                many = document["Statement"].__class__ is list
                return ("Statement", number) if many else ("Statement",)
        return ()

    return find


_DOCUMENT: Final = kinds("map", "null")


def _judge(name: str, run: Callable[..., bool], holds: Callable[..., bool], *more: Any) -> Function:
    parameters = (_DOCUMENT, *more)
    return Function(name, parameters, "bool", run, metered=True, witness=_witness(holds))


IAM: Final = (
    Function("glob_match", (kinds("string"),) * 2, "bool", glob_match, metered=True),
    _judge("policy_allows", policy_allows, _allows, kinds("string")),
    _judge("iam_allows", iam_allows, _applies, kinds("string"), kinds("string")),
)
