"""Events: who did what, when, from where, and what it was before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from cloudsealed.auth.model import Scope
from cloudsealed.console.language import worded
from cloudsealed.console.look import Look, Passage, View
from cloudsealed.console.words import happening
from cloudsealed.vocabulary import ActorKind, EventCategory, EventType

LIST = "/v1/events"
FILTERS = {
    "category": worded("What it is about"),
    "type": worded("What happened"),
    "actor": worded("Who did it"),
    "actor_kind": worded("As what"),
    "subject": worded("Object"),
    "credential": worded("Credential"),
    "ip": worded("Address"),
    "created_after": worded("From"),
    "created_before": worded("Before"),
}
_DAYS = ("created_after", "created_before")
PLACES = {
    "fnd": "/findings/{}",
    "res": "/resources/{}",
    "aud": "/audits/{}",
    "pol": "/policies/{}",
    "rep": "/reports/{}",
    "con": "/connections/{}",
    "sch": "/schedules/{}",
    "usr": "/users/{}",
}
"""The page of an object, by how its id begins."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A field that an event changed, as text; None where the object was not there."""

    name: str
    before: str | None
    after: str | None


async def _gather(look: Look) -> Mapping[str, Any]:
    filters = {name: _asked(look, name) for name in FILTERS}
    page = await look.api.get(LIST, **filters, cursor=look.one("cursor"), limit=look.one("limit"))
    people = []
    if look.may(Scope.USERS_READ):
        people = (await look.api.value("/v1/users", limit="200"))["data"]
    return {
        "page": page,
        "events": [(each, place(each["subject"]), moved(each)) for each in page["data"]],
        "people": people,
        "filter_names": FILTERS,
        "categories": tuple(EventCategory),
        "types": {each.value: happening(each) for each in EventType},
        "actor_kinds": tuple(ActorKind),
        "exports": urlencode({n: v for n, v in filters.items() if v}, doseq=True),
    }


def _asked(look: Look, name: str) -> list[str]:
    """Return what the address asks for; a day is the moment at which it begins."""
    held = look.query.get(name, ())
    is_day = name in _DAYS
    return [f"{each}T00:00:00Z" if is_day and len(each) == 10 else each for each in held]


def place(subject: str) -> str:
    """Return the path of an object's page, empty when it has none."""
    form = PLACES.get(subject.partition("_")[0], "")
    return form.format(subject)


def moved(event: Mapping[str, Any]) -> list[Moved]:
    """Return what an event changed: of an object that was made or is gone every field."""
    before, after = event["before"], event["after"]
    names = dict.fromkeys([*(before or {}), *(after or {})])
    return [
        Moved(name, _text(before, name), _text(after, name))
        for name in names
        if before is None or after is None or before.get(name) != after.get(name)
    ]


def _text(document: Mapping[str, Any] | None, name: str) -> str | None:
    if document is None or name not in document:
        return None
    value = document[name]
    return value if isinstance(value, str) else orjson.dumps(value).decode()


VIEWS = (View("/events", "events.html", _gather),)
PASSAGES = (Passage("/events/export", f"{LIST}/export"),)
