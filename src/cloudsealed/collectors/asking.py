"""Requests made out of rows, and the pages that they bring. It refuses to read what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudsealed.collectors.model import (
    AGAIN,
    MOST_PAGES,
    Answer,
    CallRequest,
    Document,
    Gap,
    MapCalls,
    Place,
    Unit,
)
from cloudsealed.collectors.paths import read
from cloudsealed.collectors.providers import provider_of
from cloudsealed.vocabulary import CallOutcome


def parameters_of(
    params: Mapping[str, str], constants: Mapping[str, Any], document: Document, place: Place
) -> dict[str, Any] | None:
    """Return a call's parameters; None when one of them is nowhere in `document`."""
    values = {name: read(path, document) for name, path in params.items()}
    if any(value is None or value == [None] for value in values.values()):
        return None
    account = {name: place.account for name, value in constants.items() if value == "{account}"}
    return {**constants, **account, **values}


def following(request: CallRequest, answer: Answer) -> CallRequest | None:
    """Return the request of the page after `answer`; None after the last."""
    if not answer.document:
        return None
    token = provider_of(request.unit.provider).next_page(request.unit, answer.document)
    return request.page_after(token) if token else None


def gap_of(request: CallRequest, answer: Answer, after: CallRequest | None) -> Gap | None:
    """Return why `answer` is no whole answer: it failed, the page after it is itself, or there is
    no end of pages."""
    if not answer.outcome.answered:
        return Gap(request.unit, answer.outcome, answer.error_code, answer.curable)
    if after is not None and after.token == request.token:
        return Gap(request.unit, CallOutcome.FAILED, "RepeatedPage")
    if after is not None and after.unit.page % AGAIN >= MOST_PAGES:
        return Gap(request.unit, CallOutcome.FAILED, "EndlessList")
    return None


def turned(request: CallRequest, answer: Answer) -> tuple[CallRequest | None, Gap | None]:
    """Return the request of the page after `answer`, and why it is no whole answer; an answer whose
    next page cannot be told is none."""
    try:
        after = following(request, answer)
    except Exception as error:  # what is in an answer must not end more than its call
        return None, Gap(request.unit, CallOutcome.FAILED, type(error).__name__)
    gap = gap_of(request, answer, after)
    return (after if gap is None else None), gap


@dataclass(slots=True)
class Chain:
    """The pages that one request brought, and why they are not all."""

    units: list[Unit] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    gap: Gap | None = None
    absent: bool = False

    def add(self, request: CallRequest, answer: Answer) -> CallRequest | None:
        """Take in an answer; return the request that comes next in this chain."""
        after, self.gap = turned(request, answer)
        self.units.append(request.unit)
        self.absent = self.absent or answer.outcome is CallOutcome.ABSENT
        if answer.document is not None:
            self.documents.append(answer.document)
        return after


def ask_all(requests: list[CallRequest], ask: MapCalls) -> list[Chain]:
    """Ask every request, then the next page of each that has one, and so on."""
    chains = [Chain() for _ in requests]
    pending = list(zip(chains, requests, strict=True))
    while pending:
        answers = ask([request for _, request in pending])
        turned = [
            (chain, chain.add(request, answer))
            for (chain, request), answer in zip(pending, answers, strict=True)
        ]
        pending = [(chain, after) for chain, after in turned if after is not None]
    return chains
