"""Answers of a cloud that went wrong: what any program between us and AWS may make of one.

`mutate` changes one place of a document, or the whole; the same seed gives the same change.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

Step = tuple[Any, Any]
"""A container, and the key or the index of a value in it."""


def _nested(depth: int) -> Any:
    value: Any = "core"
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


POLICY = '{"Version":"2012-10-17","Statement":[{"Sid":%s,"Effect":"Allow","Action":"*"}]}'
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2**63,
    2**64,
    -(2**70),
    10**400,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff x",
    "\x1b[31m",
    "\u202e\u0085",
    "x" * 3_000,
    "x" * 300_000,
    "é" * 1_500,
    "\U0010ffff",
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": ""},
    {"\0": "\0"},
    {"a" * 5_000: 1},
    b"bytes",
    _nested(20),
    _nested(260),
    _nested(600),
    "1.5",
    "0x10",
    "true",
    "null",
    "[",
    "{",
    "9" * 5_000,
    "2026-13-45T99:99:99Z",
    "0001-01-01T00:00:00Z",
    "%00%ff",
    "../../etc/passwd",
    "[/a]",
    "arn:aws:iam::x",
    "${jndi:ldap://x}",
    POLICY % 2**70,
    POLICY % '"\\ud800"',
    POLICY % '"\\u0000"',
    POLICY % ("[" * 300 + "]" * 300),
    "[" * 50_000,
    "{" * 50_000,
    [{"Key": None, "Value": {}}],
    [{"Key": "\0", "Value": "\0"}],
    [{"Key": "k" * 4_000}],
    list(range(2_000)),
)
"""What stands where something else belongs."""


def mutate(document: Any, chance: random.Random) -> Any:
    """Return a document with one thing wrong in it; the given one stays as it was."""
    copy = _copied(document)
    steps = list(_steps(copy))
    if not steps or chance.random() < 0.05:
        return {} if chance.random() < 0.5 else {"Foreign": chance.choice(VALUES)}
    holder, key = chance.choice(steps)
    chance.choice(_CHANGES)(holder, key, chance)
    return copy


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(each) for name, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


def _steps(value: Any) -> Iterator[Step]:
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _steps(value[key])


def _replace(holder: Any, key: Any, chance: random.Random) -> None:
    holder[key] = chance.choice(VALUES)


def _drop(holder: Any, key: Any, _chance: random.Random) -> None:
    del holder[key]


def _empty(holder: Any, key: Any, _chance: random.Random) -> None:
    value = holder[key]
    holder[key] = type(value)() if isinstance(value, list | dict | str) else None


def _wrap(holder: Any, key: Any, chance: random.Random) -> None:
    holder[key] = chance.choice([[holder[key]], {"value": holder[key]}, str(holder[key])])


def _repeat(holder: Any, key: Any, _chance: random.Random) -> None:
    value = holder[key]
    if isinstance(value, list):
        holder[key] = value + value
    elif isinstance(holder, list):
        holder.append(value)


def _foreign(holder: Any, _key: Any, chance: random.Random) -> None:
    if isinstance(holder, dict):
        holder[chance.choice(["Foreign", "", "\0", "NextToken", "Marker"])] = chance.choice(VALUES)
    else:
        holder.insert(0, chance.choice(VALUES))


_CHANGES: tuple[Callable[[Any, Any, random.Random], None], ...] = (
    _replace,
    _replace,
    _replace,
    _drop,
    _empty,
    _wrap,
    _repeat,
    _foreign,
)
