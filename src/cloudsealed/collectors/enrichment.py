"""The calls that fill attributes of listed resources: one stage of a row, over a page of drafts.

An attribute whose call was not answered stays absent and becomes a gap, and so does every
attribute whose call needed it. A call that no longer finds the resource makes the whole draft gone:
what does not exist is not configured badly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from cloudsealed.collectors.asking import Chain, ask_all, parameters_of
from cloudsealed.collectors.draft import Draft
from cloudsealed.collectors.model import CallRequest, Enrich, MapCalls, Place, Row, unit_of
from cloudsealed.collectors.paths import read
from cloudsealed.vocabulary import CallOutcome


def enrich(
    stage: Iterable[Enrich], row: Row, place: Place, drafts: Iterable[Draft], ask: MapCalls
) -> None:
    """Make the calls of `stage` for every draft, all handed to `ask` at once; fill the drafts."""
    tasks: list[tuple[Draft, Enrich, list[CallRequest]]] = []
    for draft in drafts:
        for call in stage if not draft.gone else ():
            with draft.alone():
                requests = _requests(call, row, place, draft)
                if requests is not None:
                    tasks.append((draft, call, requests))
    chains = iter(ask_all([each for _, _, requests in tasks for each in requests], ask))
    for draft, call, requests in tasks:
        brought = list(islice(chains, len(requests)))
        with draft.alone():
            _fill(draft, call, brought)
            draft.gone = draft.gone or any(_is_gone(call, chain) for chain in brought)
            if call.decided_by and any(chain.absent for chain in brought):
                draft.undecided.update(dict.fromkeys(call.fills, row.decider(call)))


def _requests(call: Enrich, row: Row, place: Place, draft: Draft) -> list[CallRequest] | None:
    """Return what to ask, one request an element with `each`; None when it does not apply."""
    behind = next((draft.gaps[name] for name in sorted(call.reads) if name in draft.gaps), None)
    if behind is not None:
        draft.gaps.update(dict.fromkeys(call.fills, behind))
        return None
    if call.when and not read(call.when, draft.document):
        return None
    elements = [None] if call.each is None else read(call.each, draft.document)
    if elements is None:
        return None
    if not isinstance(elements, list):  # a text would be a call a character
        raise TypeError
    scopes = ({**draft.document, "each": element} for element in elements)
    found = [parameters_of(call.params, call.constants, scope, place) for scope in scopes]
    requests = [_request(call, row, place, each) for each in found if each is not None]
    return requests if len(requests) == len(found) else None


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


def _fill(draft: Draft, call: Enrich, chains: Sequence[Chain]) -> None:
    gap = next((chain.gap for chain in chains if chain.gap), None)
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
