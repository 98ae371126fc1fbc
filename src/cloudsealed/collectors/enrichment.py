"""The calls that fill attributes of listed resources: one stage of a row, over a page of drafts.

An attribute whose call was not answered stays absent and becomes a gap, and so does every
attribute whose call needed it. A call that no longer finds the resource makes the whole draft gone:
what does not exist is not configured badly. Of what a list has said of a resource nothing is asked;
where it could not be read, the calls for single resources stand in for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from cloudsealed.collectors.asked import Asked
from cloudsealed.collectors.asking import Chain, ask_all, parameters_of
from cloudsealed.collectors.draft import Draft
from cloudsealed.collectors.model import (
    NOT_ASKED,
    NOT_RECORDED,
    TOO_MANY,
    CallRequest,
    Enrich,
    Gap,
    MapCalls,
    Place,
    Row,
    unit_of,
)
from cloudsealed.collectors.paths import read
from cloudsealed.collectors.together import Lists
from cloudsealed.vocabulary import CallOutcome


def complete(
    drafts: Sequence[Draft], row: Row, place: Place, made: Asked, lists: Lists, ask: MapCalls
) -> None:
    """Fill drafts of one page from the lists, and by the calls that are then made for each.

    Where a list could not be read, one resource alone tries the calls that stand in for it. What
    only a list says is absent where there is no such list: a service that a region lacks.
    """
    lists.tell(drafts)
    first = next((draft for draft in drafts if draft.untold), None)
    rest = [draft for draft in drafts if draft is not first]
    for group in ([first] if first else [], rest):
        for stage in row.stages:
            calls = [call for call in stage if call in made.calls or call in made.instead]
            enrich(calls, row, place, group, lists, ask)
    called = {name for call in row.enrich for name in call.fills}
    for draft in drafts:
        for name, gap in draft.untold.items():
            is_nowhere = gap.outcome is CallOutcome.UNSUPPORTED and name not in called
            if name not in draft.sources and not is_nowhere:
                draft.gaps.setdefault(name, gap)
        _leave_out(draft, row, place)


def _leave_out(draft: Draft, row: Row, place: Place) -> None:
    """Name what was not asked for, unless it came along with something else."""
    calls = [(row.service, each.operation, each.fills) for each in row.enrich]
    calls += [(each.service, each.operation, each.fills) for each in row.together]
    for service, operation, fills in calls:
        for name in row.not_asked.intersection(fills) - draft.sources.keys():
            unit = unit_of(place, service, operation, {})
            draft.gaps.setdefault(name, Gap(unit, CallOutcome.FAILED, NOT_ASKED))


def enrich(
    stage: Iterable[Enrich],
    row: Row,
    place: Place,
    drafts: Iterable[Draft],
    lists: Lists,
    ask: MapCalls,
) -> None:
    """Make the calls of `stage` for every draft, all handed to `ask` at once; fill the drafts."""
    tasks: list[tuple[Draft, Enrich, list[CallRequest]]] = []
    for draft in drafts:
        for call in stage if not draft.gone else ():
            with draft.alone():
                requests = _requests(call, row, place, draft, lists)
                if requests is not None:
                    tasks.append((draft, call, requests))
    chains = iter(ask_all([each for _, _, requests in tasks for each in requests], ask))
    for draft, call, requests in tasks:
        brought = list(islice(chains, len(requests)))
        with draft.alone():
            _fill(draft, call, brought, lists)
            draft.gone = draft.gone or any(_is_gone(call, chain) for chain in brought)
            if call.decided_by and any(chain.absent for chain in brought):
                draft.undecided.update(dict.fromkeys(call.fills, row.decider(call)))


def _requests(
    call: Enrich, row: Row, place: Place, draft: Draft, lists: Lists
) -> list[CallRequest] | None:
    """Return what to ask, one request an element with `each`; None when it does not apply, or when
    a list has said it."""
    if (draft.sources.keys() | row.not_asked).issuperset(call.fills):
        return None
    untold = _untold(draft, call)
    if untold is not None and not lists.allows(call, untold):
        draft.gaps.update(dict.fromkeys(call.fills, untold))
        return None
    behind = next((draft.gaps[name] for name in sorted(call.reads) if name in draft.gaps), None)
    if behind is not None:
        draft.gaps.update(dict.fromkeys(call.fills, behind))
        return None
    found = _applicable(call, row, place, draft)
    if found is None:
        for name in call.fills:
            draft.untold.pop(name, None)
    if found and call.too_many:
        gap = Gap(unit_of(place, row.service, call.operation, {}), CallOutcome.FAILED, TOO_MANY)
        draft.gaps.update(dict.fromkeys(call.fills, gap))
        return None
    return found


def _applicable(call: Enrich, row: Row, place: Place, draft: Draft) -> list[CallRequest] | None:
    if call.when and not read(call.when, draft.document):
        return None
    elements = [None] if call.each is None else read(call.each, draft.document)
    if elements is None:
        return None
    if not isinstance(elements, list):  # a text would be a call a character
        raise TypeError
    scopes = ({**draft.document, "each": element} for element in elements)
    found = [parameters_of(call.params, call.constants, scope, place) for scope in scopes]
    answering = _answering(call, place, draft)
    requests = [_request(call, row, answering, each) for each in found if each is not None]
    return requests if len(requests) == len(found) else None


def _answering(call: Enrich, place: Place, draft: Draft) -> Place:
    """Return where a call is made: in the region that the resource names, if it names one."""
    region = read(call.region, draft.document) if call.region else None
    if not isinstance(region, str | None):  # it is part of the ledger's key
        raise TypeError
    return replace(place, region=region) if region else place


def _untold(draft: Draft, call: Enrich) -> Gap | None:
    """Return why a list has not said what a call fills."""
    return next((draft.untold[name] for name in call.fills if name in draft.untold), None)


def _request(call: Enrich, row: Row, place: Place, parameters: dict[str, Any]) -> CallRequest:
    return CallRequest(
        unit=unit_of(place, row.service, call.operation, parameters),
        fills=tuple(call.fills.values()),
        omits_empty=call.omits_empty,
        absent=call.absent,
        gone=call.gone,
        awaits=call.awaits,
        secret_paths=call.secret_paths,
    )


def _is_gone(call: Enrich, chain: Chain) -> bool:
    """Say whether the resource is no longer there: by the code, or by an answer without it."""
    if chain.gap is not None:
        return chain.gap.outcome is CallOutcome.GONE
    if call.holds is None or not chain.documents:
        return False
    return not any(read(call.holds, document) for document in chain.documents)


def _fill(draft: Draft, call: Enrich, chains: Sequence[Chain], lists: Lists) -> None:
    gap = next((chain.gap for chain in chains if chain.gap), None)
    untold = _untold(draft, call)
    if gap is not None and untold is not None:
        if gap.outcome is CallOutcome.DENIED:
            lists.refuse(call)
        said_nothing = untold.error_code == NOT_RECORDED or untold.outcome.answered
        gap = gap if said_nothing else untold
    units = tuple(unit for chain in chains for unit in chain.units)
    for name, path in call.fills.items():
        draft.sources[name] = units
        values = [_joined([read(path, page) for page in chain.documents]) for chain in chains]
        value = [each for each in values if each is not None] if call.each else values[0]
        if gap is not None:
            draft.gaps[name] = gap
        elif value is not None:
            draft.document[name] = value


def _joined(values: Iterable[Any]) -> Any:
    """Return the pages' values as one: lists end to end, else the first that is there."""
    there = [value for value in values if value is not None]
    if there and all(isinstance(value, list) for value in there):
        return [element for value in there for element in value]
    return there[0] if there else None
