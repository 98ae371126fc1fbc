"""How a resource was over time: a version for each snapshot that audits saw, the newest first.

Audits are read from the newest to the oldest; those that saw the same snapshot one after the other
are one version. A reanalysis saw nothing new, so it is none of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

MOST_CHANGES = 100
LONGEST_VALUE = 1_000
"""Bytes of JSON; a longer value is null, and the change says that it is shortened."""
_COMPARED = ("name", "owner", "tags", "relations", "document")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one audit saw: the address of the snapshot, and when it was read."""

    audit_id: str
    snapshot: str
    at: str


@dataclass(slots=True)
class Version:
    """One snapshot, and the audits from the `last` back to the `first` that saw it."""

    last: Seen
    first: Seen


def versions(seen: Iterable[Seen]) -> Iterator[Version]:
    """Yield the versions of what audits saw, given the newest first."""
    version: Version | None = None
    for each in seen:
        if version is not None and each.snapshot == version.last.snapshot:
            version.first = each
            continue
        if version is not None:
            yield version
        version = Version(each, each)
    if version is not None:
        yield version


def public(
    version: Version,
    snapshot: Mapping[str, Any],
    before: Version | None,
    earlier: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return a version's public form, with what changed since the one before it, if one is known:
    a JSON Pointer (RFC 6901) into the snapshot for each change."""
    return {
        "object": "resource_version",
        "snapshot": version.last.snapshot,
        "previous_snapshot": before.last.snapshot if before else None,
        "first_audit_id": version.first.audit_id,
        "last_audit_id": version.last.audit_id,
        "first_seen_at": version.first.at,
        "last_seen_at": version.last.at,
        **_told([] if earlier is None else differences(earlier, snapshot)),
    }


def compared(ident: str, old: tuple[Seen, Row], new: tuple[Seen, Row]) -> dict[str, Any]:
    """Return the public form of what differs between what two audits saw of a resource."""
    return {
        "object": "resource_comparison",
        "resource_id": ident,
        "from_audit_id": old[0].audit_id,
        "to_audit_id": new[0].audit_id,
        "from_seen_at": old[0].at,
        "to_seen_at": new[0].at,
        "from_snapshot": old[0].snapshot,
        "to_snapshot": new[0].snapshot,
        **_told(differences(old[1], new[1])),
    }


def _told(found: Iterable[dict[str, Any]]) -> dict[str, Any]:
    changes = list(found)
    return {
        "changes": changes[:MOST_CHANGES],
        "changes_left_out": max(0, len(changes) - MOST_CHANGES),
    }


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what differs between two snapshots; of attributes that one could not read nothing is
    said."""
    unread = old["unread"].keys() | new["unread"].keys()
    for name in _COMPARED:
        one, two = (_read(each, name, unread) for each in (old, new))
        yield from _differing([name], one, two)


def _read(snapshot: Mapping[str, Any], name: str, unread: Collection[str]) -> Any:
    found = snapshot.get(name)
    if name != "document":
        return found
    return {key: value for key, value in (found or {}).items() if key not in unread}


def _differing(path: Sequence[str], old: Any, new: Any) -> Iterator[dict[str, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            yield from _member([*path, name], old, new, name)
    elif isinstance(old, list) and isinstance(new, list):
        one, two = dict(enumerate(old)), dict(enumerate(new))
        for index in range(max(len(old), len(new))):
            yield from _member([*path, str(index)], one, two, index)
    elif old != new or type(old) is not type(new):  # Python takes true for 1, within lists too
        yield _change(path, "changed", old, new)


def _member(
    path: Sequence[str], old: Mapping[Any, Any], new: Mapping[Any, Any], name: Any
) -> Iterator[dict[str, Any]]:
    if name not in old:
        yield _change(path, "added", None, new[name])
    elif name not in new:
        yield _change(path, "removed", old[name], None)
    else:
        yield from _differing(path, old[name], new[name])


def _change(path: Sequence[str], change: str, old: Any, new: Any) -> dict[str, Any]:
    pointer = "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in path)
    long = [len(orjson.dumps(value)) > LONGEST_VALUE for value in (old, new)]
    return {
        "path": pointer,
        "change": change,
        "before": None if long[0] else old,
        "after": None if long[1] else new,
        "shortened": any(long),
    }
