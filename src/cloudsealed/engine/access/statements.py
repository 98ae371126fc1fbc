"""The statements of a policy document as sets of actions and resources.

Source: the AWS IAM user guide, "IAM JSON policy elements" (Action, NotAction, Resource,
NotResource; actions compare without case) and "Policy evaluation logic". Refuses principals and
conditions: whoever asks says which statements count. A document whose shape AWS would not take is
an error, never a safe document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from cloudsealed.engine.access.patterns import EVERY, Texts, is_any, surest, widest
from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.values import Value, describe

_PARTITION: Final = re.compile(r"arn:[^:]*:(?=(?:[^:]*:){3})")
_EFFECTS: Final = ("Allow", "Deny")


class Element(NamedTuple):
    """Action or Resource of a statement: texts that fit a pattern, or (`negated`) none of them."""

    patterns: tuple[str, ...]
    negated: bool

    def inside(self) -> tuple[Texts, ...]:
        """Sets whose union are the texts of the element."""
        return _sets(self.patterns, self.negated)

    def outside(self) -> tuple[Texts, ...]:
        """Sets whose union are all other texts."""
        return _sets(self.patterns, not self.negated)


def _sets(patterns: tuple[str, ...], negated: bool) -> tuple[Texts, ...]:
    if negated:
        return (((), patterns),)
    return tuple(((pattern,), ()) for pattern in patterns)


class Statement(NamedTuple):
    """One statement: its number in the document, its effect, what it is about, and its text."""

    number: int
    effect: str
    actions: Element
    resources: Element
    text: dict[str, Any]


class Region(NamedTuple):
    """Pairs of an action and a resource: every action of one set with every resource of the other.

    Actions are in lower case.
    """

    actions: Texts = EVERY
    resources: Texts = EVERY

    def holds(self, meter: Meter) -> bool:
        """Whether there is such a pair."""
        return is_any(meter, self.actions) and is_any(meter, self.resources)


def texts(meter: Meter, value: Value, what: str) -> list[str]:
    """A text or a list of texts as a list; absent is the empty list."""
    found = value if value.__class__ is list else [] if value is None else [value]
    meter.charge(len(found) // 4)
    for each in found:
        if each.__class__ is not str:
            problem = f"{what} must be text or a list of texts; it has {describe(each)}"
            raise EvaluationError(problem)
    return found


def raw_statements(meter: Meter, document: Value) -> list[tuple[int, dict[str, Any]]]:
    """The statements of a policy document with their numbers; null has none.

    A text is read as JSON. An empty one is how some services say that there is no policy
    (OpenSearch, SQS), so it is null.
    """
    if document.__class__ is str:
        document = _parsed(meter, document)
    if document is None:
        return []
    if document.__class__ is not dict:
        raise EvaluationError(f"a policy document must be a map, and this is {describe(document)}")
    listed = document.get("Statement")
    found = listed if listed.__class__ is list else [] if listed is None else [listed]
    meter.charge(len(found))
    for each in found:
        _check(each)
    return list(enumerate(found))


def _parsed(meter: Meter, text: str) -> Value:
    meter.charge(len(text) // 20)
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise EvaluationError("this text is no policy document: it is not JSON") from None


def _check(statement: Value) -> None:
    if statement.__class__ is not dict:
        raise EvaluationError(f"a Statement must be a map, and this is {describe(statement)}")
    if statement.get("Effect") not in _EFFECTS:
        effect = describe(statement.get("Effect"))
        raise EvaluationError(f"the Effect of a Statement is Allow or Deny, not {effect}")


def statement_of(meter: Meter, number: int, text: dict[str, Any]) -> Statement:
    """A statement with its actions and resources as sets.

    What a policy variable stands for is not known: such a statement may allow, and does not surely
    deny. A statement without Resource is about every resource (trust policies, ECR).
    """
    actions = _element(meter, text, "Action", str.lower)
    resources = _element(meter, text, "Resource", in_one_partition)
    return Statement(number, text["Effect"], actions, resources, text)


def in_one_partition(resource: str) -> str:
    """The pattern with `aws` for its partition: a document only speaks of its own."""
    found = _PARTITION.match(resource)
    return f"arn:aws:{resource[found.end() :]}" if found else resource


def _element(
    meter: Meter, statement: dict[str, Any], name: str, fold: Callable[[str], str]
) -> Element:
    negated = name not in statement and f"Not{name}" in statement
    if negated:
        name = f"Not{name}"
    elif name not in statement:
        if name == "Action":
            raise EvaluationError("a Statement has neither Action nor NotAction")
        return Element((), negated=True)
    written = texts(meter, statement[name], name)
    for each in written:
        meter.charge_text(len(each))
    if (statement["Effect"] == "Allow") != negated:
        return Element(tuple(widest(fold(each)) for each in written), negated)
    sure = (surest(fold(each)) for each in written)
    return Element(tuple(each for each in sure if each is not None), negated)


def statements(meter: Meter, *documents: Value) -> list[Statement]:
    """The statements of documents, as sets."""
    return [
        statement_of(meter, number, text)
        for document in documents
        for number, text in raw_statements(meter, document)
    ]


def conditional(statement: Statement) -> bool:
    """Whether a statement only counts under conditions."""
    return bool(statement.text.get("Condition"))


def _joined(one: Texts, other: Texts) -> Texts:
    return (one[0] + other[0], one[1] + other[1])


def narrowed(
    meter: Meter, region: Region, actions: Iterable[Texts], resources: Sequence[Texts]
) -> Iterator[Region]:
    """The parts of a region that lie in one of these sets of actions and one of resources."""
    for wanted in actions:
        narrower = _joined(region.actions, wanted)
        if is_any(meter, narrower):
            for subject in resources:
                part = Region(narrower, _joined(region.resources, subject))
                if is_any(meter, part.resources):
                    yield part


def parts(meter: Meter, region: Region, statement: Statement) -> Iterator[Region]:
    """What of a region the statement is about."""
    return narrowed(meter, region, statement.actions.inside(), statement.resources.inside())


def escapes(meter: Meter, region: Region, by: Sequence[Statement]) -> bool:
    """Whether a pair of the region, which has one, is in none of these statements."""
    waiting = [(region, 0)]
    while waiting:
        left, at = waiting.pop()
        meter.charge(1)
        while at < len(by) and next(parts(meter, left, by[at]), None) is None:
            at += 1
        if at == len(by):
            return True
        outside = (
            *narrowed(meter, left, (EVERY,), by[at].resources.outside()),
            *narrowed(meter, left, by[at].actions.outside(), (EVERY,)),
        )
        waiting += [(each, at + 1) for each in outside]
    return False


def fitting(action: str, resource: str = "*") -> Region:
    """The actions that fit a pattern, on the resources that fit one."""
    return Region(((widest(action.lower()),), ()), ((widest(in_one_partition(resource)),), ()))


def may(meter: Meter, documents: Sequence[Value], action: str, resource: str = "*") -> bool:
    """Whether the documents together allow an action of the pattern on a resource of the pattern.

    A statement that denies counts only without conditions; conditions of Allow are not weighed.
    """
    return deciding(meter, statements(meter, *documents), fitting(action, resource)) is not None


def deciding(meter: Meter, among: Iterable[Statement], region: Region) -> Statement | None:
    """The first statement that allows a pair of the region which no statement surely denies."""
    listed = list(among)
    denies = [each for each in listed if each.effect == "Deny" and not conditional(each)]
    for each in listed:
        if each.effect == "Allow" and any(
            escapes(meter, part, denies) for part in parts(meter, region, each)
        ):
            return each
    return None


def allows_all(meter: Meter, documents: Sequence[Value], action: str, resource: str = "*") -> bool:
    """Whether the documents together allow every action of the pattern on every such resource.

    A statement that denies a part of it counts only without conditions, and not for what a policy
    variable keeps back; conditions of Allow are not weighed.
    """
    asked, listed = fitting(action, resource), statements(meter, *documents)
    if escapes(meter, asked, [each for each in listed if each.effect == "Allow"]):
        return False
    denies = (each for each in listed if each.effect == "Deny" and not conditional(each))
    return all(next(parts(meter, asked, each), None) is None for each in denies)
