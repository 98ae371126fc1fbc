"""A resource while its attributes are filled, and the snapshot that it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from cloudsealed.collectors.model import Decode, Enrich, Gap, Place, Relation, Row, Snapshot, Unit
from cloudsealed.collectors.paths import names_in, read, rewritten

_FIELD = re.compile(r"\{([^}]+)\}")
_KEYS = ("Key", "key", "TagKey")
_VALUES = ("Value", "value", "TagValue")
_ACCOUNT = re.compile(r"\d{12}|aws", re.ASCII)
_LONGEST_ID = 2_000  # bytes; it is part of an index, and PostgreSQL's index rows end at 2,704


class NoNativeIdError(ValueError):
    """An item of a list has no id by which a resource can be known."""


@dataclass(slots=True)
class Draft:
    """What is known of a resource so far; `gaps` are attributes that could not be read.

    `error` is the kind of what went wrong with this resource alone, if something did. `owner` and
    `formerly` are those of the snapshot. `untold` are
    attributes that a list should have filled, with why it could not.
    `gone` says that a call no longer found the resource; `undecided` are attributes that are absent
    if the resource is still there, with the call that says so.
    """

    native_id: str
    owner: str
    formerly: str | None
    document: dict[str, Any]
    gaps: dict[str, Gap] = field(default_factory=dict)
    sources: dict[str, tuple[Unit, ...]] = field(default_factory=dict)
    undecided: dict[str, Enrich | None] = field(default_factory=dict)
    untold: dict[str, Gap] = field(default_factory=dict)
    gone: bool = False
    error: str | None = None

    @property
    def idents(self) -> tuple[str, ...]:
        """Every native id under which the resource may be known."""
        return (self.native_id,) if self.formerly is None else (self.native_id, self.formerly)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep what goes wrong with this resource from all others."""
        try:
            yield
        except Exception as error:
            self.error = self.error or type(error).__name__

    def snapshot(self, row: Row, place: Place) -> Snapshot:
        """Return the finished snapshot; of what could not be derived, its id and the error."""
        with self.alone():
            whole = self._whole(row, place)
        return whole if self.error is None else underived(self, row, place, self.error)

    def _whole(self, row: Row, place: Place) -> Snapshot:
        """Return the snapshot: texts decoded, tags in one form, relations read."""
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
            tags={
                _row_text(tag["Key"], 512): _row_text(tag["Value"], 1_024)
                for tag in self.document.get("Tags", ())
            },
            document=self.document,
            relations={each.name: _ids(each, self.document) for each in row.relations},
            unread=self.gaps,
            sources=self.sources,
            owner=self.owner,
            formerly=self.formerly,
            created=self._text(row.created),
        )

    def _decide(self) -> None:
        """Leave unread what nobody could say is absent: the resource may have been gone."""
        for name, decider in self.undecided.items():
            fills = decider.fills if decider else ()
            gap = next((self.gaps[each] for each in fills if each in self.gaps), None)
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
        return None if value is None else _row_text(str(value), 4_096)


def underived(known: Draft | Snapshot, row: Row, place: Place, error: str) -> Snapshot:
    """Return the snapshot of a resource of which no more than its id can be said."""
    return Snapshot(
        provider=place.provider,
        account=place.account,
        region=place.region,
        type=row.type,
        native_id=known.native_id,
        name=None,
        tags={},
        document=row.naming(known.native_id),
        relations={},
        unread={},
        sources=known.sources,
        owner=known.owner,
        formerly=known.formerly,
        error=error,
    )


def draft_of(row: Row, place: Place, item: Mapping[str, Any], unit: Unit | None) -> Draft:
    """Return the draft of one item of a list, named by the call `unit`; None for a singleton.

    Raises NoNativeIdError.
    """
    native_id = _identified(row.native_id, row, place, item)
    formerly = None
    if row.formerly_native_id is not None:
        with suppress(NoNativeIdError):  # then nothing was known of it
            formerly = _identified(row.formerly_native_id, row, place, item)
    owner = _owner(row, item) or _account_in(native_id) or place.account
    sources: dict[str, tuple[Unit, ...]] = {} if unit is None else {"*": (unit,)}
    return Draft(
        native_id,
        owner,
        formerly if formerly != native_id else None,
        {**row.naming(native_id), **item},
        sources=sources,
    )


def today(snapshot: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """Return a stored snapshot with the ids and the owner that its row as it is now gives it; with
    those that it has when nothing but its id is known of it."""
    partition = snapshot["native_id"].split(":")[1] if ":" in snapshot["native_id"] else ""
    place = Place(snapshot["account"], snapshot["region"], partition, snapshot["provider"])
    try:
        now = draft_of(row, place, snapshot["document"], None)
    except NoNativeIdError:
        return {"owner": snapshot["account"], "formerly": None, **snapshot}
    return {**snapshot, "native_id": now.native_id, "owner": now.owner, "formerly": now.formerly}


def _identified(template: str, row: Row, place: Place, item: Mapping[str, Any]) -> str:
    scope = {
        "account": place.account,
        "region": place.region,
        "partition": place.partition,
        "owner": _owner(row, item) or place.account,
    }

    def value(match: re.Match[str]) -> str:
        found = scope.get(match[1]) or read(match[1], item)
        if found is None or isinstance(found, list | dict):
            raise NoNativeIdError(match[1])
        return str(found)

    native_id = _FIELD.sub(value, template)
    if "\0" in native_id or len(native_id.encode()) > _LONGEST_ID:
        raise NoNativeIdError(template)
    return native_id


def _owner(row: Row, item: Mapping[str, Any]) -> str | None:
    found = read(row.owner, item) if row.owner else None
    return found if isinstance(found, str) and _ACCOUNT.fullmatch(found) else None


def _account_in(native_id: str) -> str | None:
    """Return the account that an ARN names: `aws` owns what it manages itself."""
    begin, *rest = native_id.split(":", 5)
    is_whole = begin == "arn" and len(rest) > 4 and _ACCOUNT.fullmatch(rest[3])
    return rest[3] if is_whole else None


def _row_text(text: str, most: int) -> str:
    """Return a text that a row of every database can hold, cut to so many bytes: PostgreSQL refuses
    NUL, and what an index holds must be short. AWS's own tags have at most 512 and 1,024."""
    return text.replace("\0", "\ufffd").encode(errors="replace")[:most].decode(errors="ignore")


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
