"""Our functions on documents: `get`, `tag`, `as_list`, `days_since`, `time_in`,
`version_compare`.

Refuse to guess: a step through something that is no map is an error, not the default.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import ANY, Function, Steps, kinds
from cloudsealed.engine.times import datetime_of, parse_datetime, parse_timestamp
from cloudsealed.engine.values import Timestamp, Value, describe

_TAG_NAMES: Final = (("Key", "Value"), ("key", "value"))
_PARTS: Final = re.compile(r"\d+|[A-Za-z]+")
_TIME_IN: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)? ?(?:GMT|UTC|Z)\b"
)


def split_path(path: str) -> tuple[str, ...]:
    """The fields of `A.B.C`; raises `ValueError` when one is empty."""
    steps = tuple(path.split("."))
    if not all(steps):
        raise ValueError("the path of get() is fields with dots between, such as 'A.B'")
    return steps


def get(document: Value, path: tuple[str, ...], default: Value) -> Value:
    """`get(map, "A.B", default)`: the value at A.B, or the default where a step is absent or null.

    The path is a literal. A step into a list or a scalar is an error.
    """
    found = document
    for step in path:
        if found.__class__ is not dict:
            raise EvaluationError(f"get() cannot look for {step!r} in {describe(found)}")
        found = found.get(step)
        if found is None:
            return default
    return found


def maps(items: Value, what: str) -> list[dict[str, Value]]:
    """The items of a list that holds maps alone; null is none of them. `what` is it in an error."""
    if items is None:
        return []
    if items.__class__ is not list:
        raise EvaluationError(f"{what} must be a list, and it is {describe(items)}")
    for each in items:
        if each.__class__ is not dict:
            raise EvaluationError(f"{what} must hold maps, and it has {describe(each)}")
    return items


def maps_at(document: dict[str, Value], name: str) -> list[dict[str, Value]]:
    """The maps of the list `name` of a document."""
    return maps(document.get(name), name)


def _tags(resource: dict[str, Value]) -> Value:
    tags = resource.get("Tags")
    if tags is None or tags.__class__ in (list, dict):
        return tags
    raise EvaluationError(f"tag() needs Tags to be a list or a map, and it is {describe(tags)}")


def _find_tag(resource: dict[str, Value], key: str) -> tuple[Value, Steps | None]:
    tags = _tags(resource)
    if tags.__class__ is dict:
        return (tags[key], ("Tags", key)) if key in tags else (None, None)
    for number, entry in enumerate(tags or ()):
        if entry.__class__ is not dict:
            raise EvaluationError(f"tag() met {describe(entry)} among Tags")
        for name, value in _TAG_NAMES:
            if entry.get(name) == key:
                return entry.get(value), ("Tags", number, value)
    return None, None


def tag(meter: Meter, resource: dict[str, Value], key: str) -> Value:
    """`tag(resource, "k")`: the value of the tag k, or null.

    `resource.Tags` is a list of {Key, Value} or {key, value}, or a map; absent is no tags.
    """
    tags = resource.get("Tags")
    if tags.__class__ is list:
        meter.charge(len(tags) // 8)
        for entry in tags:
            # The usual shape first: this is the hottest function of real packs.
            if entry.__class__ is dict and entry.get("Key") == key:
                return entry.get("Value")
    return _find_tag(resource, key)[0]


def _tag_witness(meter: Meter, resource: dict[str, Value], key: str) -> Steps:
    return _find_tag(resource, key)[1] or ("Tags",)


def as_list(value: Value) -> list[Value]:
    """`as_list(x)`: a list stays, null is the empty list, anything else the list of itself."""
    if value.__class__ is list:
        return value
    return [] if value is None else [value]


def days_since(now: datetime, moment: str | Timestamp) -> int:
    """`days_since(t)`: whole days from t (RFC 3339 text or timestamp) to the audit's clock.

    Rounded down, so a time in the future is negative.
    """
    when = parse_datetime(moment) if isinstance(moment, str) else datetime_of(moment)
    return (now - when).days


def time_in(meter: Meter, text: str) -> Timestamp:
    """`time_in("User initiated (2026-01-02 03:04:05 GMT)")`: the only time that a text names.

    It is a date and a time of day with GMT, UTC or Z, as EC2 writes them into the reason of a
    change of state. A text that names none, or several, is an error.
    """
    meter.charge_text(len(text))
    found = {f"{day}T{time}Z" for day, time in _TIME_IN.findall(text)}
    if len(found) != 1:
        raise EvaluationError(f"time_in() takes a text with one time, not {text[:64]!r}")
    return parse_timestamp(found.pop())


def version_compare(meter: Meter, left: str, right: str) -> int:
    """`version_compare(a, b)`: -1, 0 or 1 as version a is older, the same or newer than b.

    Numbers compare as numbers, letters as text and before numbers (`1.0rc1` < `1.0.1`), other
    characters only separate; missing parts count as 0 (`8.0` equals `8.0.0`). A leading `v` is
    left out.
    """
    meter.charge((len(left) + len(right)) // 8)
    one, two = _version(left), _version(right)
    length = max(len(one), len(two))
    one += [(1, 0, "")] * (length - len(one))
    two += [(1, 0, "")] * (length - len(two))
    return (one > two) - (one < two)


def _version(text: str) -> list[tuple[int, int, str]]:
    if len(text) > 100:
        raise EvaluationError("version_compare() takes versions of at most 100 characters")
    plain = text.removeprefix("v").split("+", 1)[0]
    parts = _PARTS.findall(plain)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]


DOCUMENTS: Final = (
    Function(
        "get",
        (kinds("map"), ANY, ANY),
        "dyn",
        get,
        literal={1: split_path},
        reads=lambda arguments: arguments[1],
        witness=lambda meter, document, path, default: path,
    ),
    Function(
        "tag",
        (kinds("map"), kinds("string")),
        "dyn",
        tag,
        metered=True,
        reads=lambda arguments: ("Tags",),
        witness=_tag_witness,
    ),
    Function(
        "as_list",
        (ANY,),
        "list",
        as_list,
        unchanged="list",
        reads=lambda arguments: (),
        witness=lambda meter, value: (),
    ),
    Function("days_since", (kinds("string", "timestamp"),), "int", days_since, clocked=True),
    Function("time_in", (kinds("string"),), "timestamp", time_in, metered=True),
    Function("version_compare", (kinds("string"),) * 2, "int", version_compare, metered=True),
)
