"""Ids that several resources of one list have: none of them is lost in silence.

A list that changes between its pages may well name one resource twice; what has the same names is
the same. It refuses to say which of two resources an id means: of that id nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import orjson

from cloudsealed.audits.records.blocks import Block
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.kit.canonical import canonical
from cloudsealed.storage import objects
from cloudsealed.storage.database import Connection

ERROR = "IdCollision"
_NAMING = re.compile(r"(?:Id|Name|Arn|Url)$", re.IGNORECASE)
_LONGEST = 300
MOST_TOLD = 100  # of a list, in the audit's remarks; each is unknown

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Collision:
    """An id that at least two resources have, and in words what tells two of them apart."""

    native_id: str
    message: str

    def reason(self) -> dict[str, Any]:
        """Return why nothing is known of the id."""
        return {"kind": "derivation_error", "error": ERROR, "message": self.message}


def settled(
    connection: Connection, lines: Iterable[Sequence[str]], *, tenant: str, month: str
) -> tuple[list[list[str]], list[Collision]]:
    """Return lines of (native id, address of a snapshot) by native id, each once, and the ids that
    several resources have: such a line leads to a snapshot that knows no more than this."""
    by_id: dict[str, str] = {}
    repeated: dict[str, dict[str, None]] = {}
    for native_id, address in lines:
        before = by_id.setdefault(native_id, address)
        if before != address:
            repeated.setdefault(native_id, {before: None})[address] = None
            by_id[native_id] = address
    collisions = []
    for native_id, addresses in repeated.items():
        stored = [orjson.loads(objects.get(connection, tenant, each)) for each in addresses]
        if (collision := _collision(stored)) is not None:
            collisions.append(collision)
            unknown = canonical(_unknown(stored[-1], collision))
            by_id[native_id] = objects.put(connection, tenant, unknown, month)
    return [list(line) for line in sorted(by_id.items())], collisions


def remarks(
    before: Iterable[Mapping[str, Any]], listings: Iterable[Block]
) -> tuple[Mapping[str, Any], ...]:
    """Return the remarks of an audit with those of the collisions in its listings."""
    kept = (remark for remark in before if remark["kind"] != "id_collision")
    return (*kept, *_told(listings))


def _told(listings: Iterable[Block]) -> Iterator[dict[str, Any]]:
    for block in listings:
        for collision in block.header.get("collisions", ()):
            yield {
                "kind": "id_collision",
                "resource_type": block.key,
                "account": block.account,
                "region": block.region,
                **collision,
            }


def _collision(stored: Sequence[Document]) -> Collision | None:
    """Return the collision of snapshots with one id; None when they are of one resource."""
    pair = next((pair for pair in combinations(stored, 2) if not _are_one(*pair)), None)
    if pair is None:
        return None
    first, second = pair
    one, two = _told_apart(first, second)
    return Collision(
        first["native_id"],
        (
            f"Two resources of {first['type']} have one id in {first['account']}/{first['region']},"
            f" {first['native_id']}: that with {one}, and that with {two}"
        ),
    )


def _are_one(one: Document, two: Document) -> bool:
    """Say whether two snapshots with one id may be of one resource: in two pages of a list it may
    have changed, but not its names; in one page it stands once."""
    if _page(one)[:-1] != _page(two)[:-1]:
        return False
    if _page(one) == _page(two):
        return bool(one["document"] == two["document"])
    return _names(one) == _names(two)


def _page(snapshot: Document) -> Sequence[Any]:
    """Return the call that named a resource: service, operation, parameters, page."""
    found: Sequence[Any] = snapshot["sources"]["*"][0]
    return found


def _names(snapshot: Document) -> dict[str, Any]:
    document = snapshot["document"].items()
    named = {name: v for name, v in document if isinstance(v, str) and _NAMING.search(name)}
    return {**named, "created": snapshot["created"]}


def _told_apart(one: Document, two: Document) -> tuple[str, str]:
    """Return what two resources differ in, each in words: in a name, else in anything."""
    choices = (_names(one), _names(two)), (one["document"], two["document"])
    for first, second in choices:
        for name in sorted(first.keys() | second.keys()):
            if first.get(name) != second.get(name):
                return _word(name, first.get(name)), _word(name, second.get(name))
    return f"{_page(one)[2]}", f"{_page(two)[2]}"


def _word(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else canonical(value).decode()
    return f"{name} {text[:_LONGEST]}"


def _unknown(snapshot: Document, collision: Collision) -> dict[str, Any]:
    return {
        **snapshot,
        "name": None,
        "tags": {},
        "document": RESOURCE_TYPES[snapshot["type"]].naming(collision.native_id),
        "relations": {},
        "unread": {"*": collision.reason()},
        "formerly": None,
        "created": None,
    }
