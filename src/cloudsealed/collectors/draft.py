"""A resource while its attributes are filled, and the snapshot that it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudsealed.collectors.model import Decode, Enrich, Gap, Place, Relation, Row, Snapshot, Unit
from cloudsealed.collectors.paths import names_in, read, rewritten

_FIELD = re.compile(r"\{([^}]+)\}")
_KEYS = ("Key", "key", "TagKey")
_VALUES = ("Value", "value", "TagValue")


@dataclass(slots=True)
class Draft:
    """What is known of a resource so far; `gaps` are attributes that could not be read.

    `gone` says that a call no longer found the resource; `undecided` are attributes that are absent
    if the resource is still there, with the call that says so.
    """

    native_id: str
    document: dict[str, Any]
    gaps: dict[str, Gap] = field(default_factory=dict)
    sources: dict[str, tuple[Unit, ...]] = field(default_factory=dict)
    undecided: dict[str, Enrich] = field(default_factory=dict)
    gone: bool = False

    def snapshot(self, row: Row, place: Place) -> Snapshot:
        """Return the finished snapshot: texts decoded, tags in one form, relations read."""
        self._decide()
        for path, decode in row.decode.items():
            self.document = rewritten(self.document, path, _decoding(decode))
        self._tag(row)
        return Snapshot(
            provider=place.provider,
            account=place.account,
            region=place.region,
            type=row.type,
            native_id=self.native_id,
            name=self._text(row.name),
            tags={tag["Key"]: tag["Value"] for tag in self.document.get("Tags", ())},
            document=self.document,
            relations={each.name: _ids(each, self.document) for each in row.relations},
            unread=self.gaps,
            sources=self.sources,
            created=self._text(row.created),
        )

    def _decide(self) -> None:
        """Leave unread what nobody could say is absent: the resource may have been gone."""
        for name, decider in self.undecided.items():
            gap = next((self.gaps[each] for each in decider.fills if each in self.gaps), None)
            if gap is not None:
                self.gaps[name] = gap

    def _tag(self, row: Row) -> None:
        """Bring tags into one form; tags that could not be read are unread, not none."""
        unread = [name for name in names_in(row.tags or "") if name in self.gaps]
        if unread:
            self.gaps["Tags"] = self.gaps[unread[0]]
            self.document.pop("Tags", None)
        else:
            self.document["Tags"] = _tags(read(row.tags, self.document) if row.tags else None)

    def _text(self, path: str | None) -> str | None:
        value = read(path, self.document) if path else None
        return None if value is None else str(value)


def draft_of(row: Row, place: Place, item: Mapping[str, Any], unit: Unit | None) -> Draft:
    """Return the draft of one item of a list, named by the call `unit`; None for a singleton."""
    scope = {"account": place.account, "region": place.region, "partition": place.partition}

    def value(match: re.Match[str]) -> str:
        return scope.get(match[1]) or str(read(match[1], item))

    native_id = _FIELD.sub(value, row.native_id)
    sources: dict[str, tuple[Unit, ...]] = {} if unit is None else {"*": (unit,)}
    return Draft(native_id, {"Arn": native_id, **item}, sources=sources)


def _decoding(decode: Decode) -> Callable[[Any, Mapping[str, Any], str], Any]:
    return lambda value, _owner, _name: decode(value)


def _ids(relation: Relation, document: Mapping[str, Any]) -> tuple[str, ...]:
    found = read(relation.path, document)
    several = found if isinstance(found, list) else [found]
    return tuple(dict.fromkeys(str(each) for each in several if each))


def _tags(found: Any) -> list[dict[str, str]]:
    if isinstance(found, Mapping):
        return [{"Key": key, "Value": str(value)} for key, value in sorted(found.items())]
    return [{"Key": _first(tag, _KEYS), "Value": _first(tag, _VALUES)} for tag in found or ()]


def _first(tag: Mapping[str, Any], names: Sequence[str]) -> str:
    return str(next((tag[name] for name in names if tag.get(name) is not None), ""))
