"""Counts of resources by facets: which column a facet is read from, and how groups come of it.

A resource has several tags, so it may be in several groups of `tag` or `tag_key`; a total counts it
once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from cloudsealed.storage.filters import tag_text

_COLUMNS = {
    "type": "type",
    "service": "type",
    "provider": "provider",
    "account": "account",
    "region": "region",
    "connection": "connection_id",
    "state": "state",
    "owner": "owner",
    "tag_key": "tags",
    "tag": "tags",
}
GROUPS = tuple(_COLUMNS)
MOST = 10_000  # groups that are told
_OF_TAGS = ("tag_key", "tag")

Held = Mapping[str, Any]


def columns_of(group_by: Sequence[str]) -> tuple[str, ...]:
    """Return what the facets are read from, each once; `tags` are a map of a resource's tags."""
    return tuple(dict.fromkeys(_COLUMNS[name] for name in group_by))


def groups(
    group_by: Sequence[str], rows: Iterable[tuple[Held, int]], keys: Collection[str]
) -> tuple[list[dict[str, Any]], bool]:
    """Return the groups of counted rows in the order of their values, and whether those are all:
    past MOST the rarest are left out. Each value is one that the filter of that name takes, or
    null; of tags only those with one of `keys` count, where there are any."""
    tally = Counter[tuple[Any, ...]]()
    for held, count in rows:
        for group in _groups_of(group_by, held, keys):
            tally[group] += count
    kept = sorted(dict(tally.most_common(MOST)), key=_place)
    found = [{**dict(zip(group_by, group, strict=True)), "count": tally[group]} for group in kept]
    return found, len(tally) <= MOST


def _groups_of(
    group_by: Sequence[str], held: Held, keys: Collection[str]
) -> Iterator[tuple[Any, ...]]:
    wanted = [name for name in _OF_TAGS if name in group_by]
    plain = {name: _value(name, held) for name in group_by if name not in wanted}
    for one in _tagged(wanted, held, keys) if wanted else [()]:
        values = plain | dict(zip(wanted, one, strict=True))
        yield tuple(values[name] for name in group_by)


def _tagged(
    wanted: Sequence[str], held: Held, keys: Collection[str]
) -> Collection[tuple[str | None, ...]]:
    texts = {
        key: {"tag_key": key, "tag": tag_text(key, value)}
        for key, value in held["tags"].items()
        if not keys or key in keys
    }
    return {tuple(each[name] for name in wanted) for each in texts.values()} or [
        (None,) * len(wanted)
    ]


def _value(name: str, held: Held) -> Any:
    value = held[_COLUMNS[name]]
    return value.split(".")[1] if name == "service" else value or None


def _place(group: tuple[str | None, ...]) -> list[tuple[bool, str]]:
    return [(value is not None, value or "") for value in group]
