"""What a resource policy lets everybody do, and which requests it refuses to all.

Source: the AWS IAM user guide, "Policy evaluation logic" (a Deny that applies wins over every
Allow), and for who everybody is `strangers`. Refuses to know what else keeps callers out: blocks on
public access, endpoints' policies and service control policies are other documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from cloudsealed.engine.access.conditions import Line, compares, lines, surely_met
from cloudsealed.engine.access.principals import spares_nobody, takes_in_strangers
from cloudsealed.engine.access.statements import (
    Region,
    Statement,
    escapes,
    in_one_partition,
    parts,
    raw_statements,
    statement_of,
)
from cloudsealed.engine.access.strangers import Stranger, meets, strangers
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.values import Value

Conditional: TypeAlias = tuple[Statement, tuple[Line, ...]]
Request: TypeAlias = Mapping[str, str | None]
"""What is known of requests: values of condition keys by name; null is a key that they lack."""

NOTHING: Final[Request] = MappingProxyType({})


def _about_strangers(meter: Meter, document: Value, effect: str) -> list[Conditional]:
    return [
        (statement_of(meter, number, text), lines(meter, text))
        for number, text in raw_statements(meter, document)
        if text["Effect"] == effect and takes_in_strangers(meter, text)
    ]


def opening(
    meter: Meter, document: Value, actions: Sequence[str] = ("*",), request: Request = NOTHING
) -> Statement | None:
    """The first statement that lets everybody do one of these actions, after Deny; else None.

    `actions` are patterns; an action that fits one of them is enough. `request` is what is known
    of all requests.
    """
    allows = _about_strangers(meter, document, "Allow")
    if not allows:
        return None
    denies = _about_strangers(meter, document, "Deny")
    known = _lower(request)
    wanted = [Region(((action.lower(),), ())) for action in actions]
    for statement, conditions in allows:
        if conditions:  # nobody may meet them, whatever is denied
            alone = strangers(meter, conditions, (), known)
            if not any(_meets_all(meter, conditions, each) for each in alone):
                continue
        open_parts = [part for region in wanted for part in parts(meter, region, statement)]
        against = [each for each in denies if _is_about(meter, each[0], open_parts)]
        told = [line for _, found in against for line in found]
        everybody = strangers(meter, conditions, told, known)
        for left in _left(meter, conditions, against, everybody):
            if any(escapes(meter, part, left) for part in open_parts):
                return statement
    return None


def _is_about(meter: Meter, denial: Statement, open_parts: Iterable[Region]) -> bool:
    return any(next(parts(meter, part, denial), None) is not None for part in open_parts)


def _meets_all(meter: Meter, conditions: Iterable[Line], stranger: Stranger) -> bool:
    return all(meets(meter, line, stranger, allowing=True) for line in conditions)


def _left(
    meter: Meter,
    conditions: Sequence[Line],
    denies: Sequence[Conditional],
    everybody: Iterable[Stranger],
) -> Iterator[list[Statement]]:
    """For the kinds of strangers who meet the conditions: the statements that deny them."""
    seen = set()
    for stranger in everybody:
        meter.charge(1 + len(conditions) + len(denies))
        if not _meets_all(meter, conditions, stranger):
            continue
        found = tuple(
            at
            for at, (_, against) in enumerate(denies)
            if all(meets(meter, line, stranger, allowing=False) for line in against)
        )
        if found not in seen:
            seen.add(found)
            yield [denies[at][0] for at in found]


def refuses(
    meter: Meter,
    document: Value,
    request: Request,
    actions: Sequence[str],
    resources: Sequence[str],
) -> bool:
    """Whether every such request is denied to every caller, whatever else it holds.

    `actions` and `resources` are patterns, and every action on every resource counts.
    """
    denied = denials(meter, document, request)
    return not any(
        escapes(meter, Region(((action.lower(),), ()), ((in_one_partition(resource),), ())), denied)
        for action in actions
        for resource in resources
    )


def denials(meter: Meter, document: Value, request: Request) -> list[Statement]:
    """The statements that deny every such request to every caller, whatever else it holds."""
    known = _lower(request)
    return [
        statement_of(meter, number, text)
        for number, text in raw_statements(meter, document)
        if text["Effect"] == "Deny"
        and spares_nobody(meter, text)
        and all(_certain(meter, line, known) for line in lines(meter, text))
    ]


def _lower(request: Request) -> Request:
    return {key.lower(): value for key, value in request.items()}


def _certain(meter: Meter, line: Line, known: Request) -> bool:
    if line.key not in known:
        return surely_met(line)
    value = known[line.key]
    return line.met_without() if value is None else line.met_with(compares(meter, line, value))
