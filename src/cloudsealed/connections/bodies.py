"""What bodies about connections may say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cloudsealed.collectors.providers import PROVIDERS
from cloudsealed.kit.shapes import NAME, Component, Part, Record, Texts, ident, words
from cloudsealed.vocabulary import Provider

CONNECTION_ID = ident("ConnectionId", "con", "a connection")
MOST_CONNECTIONS = 100
_NAME = "Its name, unique in the tenant."
_FIELDS = {name: part for known in PROVIDERS.values() for name, part in known.fields.items()}
_METHODS = dict.fromkeys(method for known in PROVIDERS.values() for method in known.methods)

CONNECTION = Component(
    "ConnectionBody",
    Record(
        {
            "provider": Part(words(Provider), "The cloud to reach.", needed=True, example="aws"),
            "name": Part(NAME, _NAME, needed=True, example="production"),
            "method": Part(
                words(tuple(_METHODS)),
                "How it gets credentials; left out or null: `assume_role` if there is a role,"
                " else `ambient`, the process's own.",
                example="assume_role",
            ),
            **_FIELDS,
        }
    ),
    "A new connection; `role_arn` goes with the method assume_role, and only with it.",
    tuple({"provider": name.value, **known.example} for name, known in PROVIDERS.items()),
)

CONNECTION_CHANGE = Component(
    "ConnectionPatch",
    Record(
        {
            "name": Part(NAME, _NAME, needed=True, example="staging"),
            "regions": replace(
                _FIELDS["regions"],
                doc="The regions to look at; null: every enabled one.",
                example=["eu-west-1", "us-east-1"],
            ),
        },
        change=True,
    ),
    "A change of a connection's name or regions; what is left out stays.",
    ({"name": "staging"},),
)


def connections(doc: str, *, needed: bool = True, example: Any = None) -> Part:
    """Return the field of a body that names connections."""
    shape = Texts(CONNECTION_ID, most=MOST_CONNECTIONS)
    return Part(shape, doc, needed=needed, example=example)


DETAILS = tuple(name for name in _FIELDS if name != "regions")
"""The fields that only some provider's connections have."""
FIXED = ("provider", "method", *DETAILS)
"""What a change may repeat, but not change."""


def without_fixed(body: Any) -> Any:
    """Return a change without what it only repeats."""
    if not isinstance(body, Mapping):
        return body
    return {name: value for name, value in body.items() if name not in FIXED}
