"""Reads the text format of protocol buffers, as far as CEL's conformance files use it.

A message becomes a dict from field to the list of its values: every field may be repeated, and only
the reader of a message knows which are not. Refuses what it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

Message: TypeAlias = dict[str, list[Any]]

_TOKEN = re.compile(
    r"""\s+ | \#[^\n]*
    | (?P<string> "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' )
    | (?P<word> -?[A-Za-z0-9_.+-]+ )
    | (?P<symbol> [{}<>\[\]:,;/] )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(
    rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))"
)
_SIMPLE = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
}


def _unescaped(match: re.Match[bytes]) -> bytes:
    octal, pair, four, eight, simple = match.groups()
    if octal or pair:
        return bytes([int(octal, 8) if octal else int(pair, 16)])
    return chr(int(four or eight, 16)).encode() if four or eight else _SIMPLE.get(simple, simple)


class Bare(str):
    """A word without quotes: a number, an enum's value or true."""

    __slots__ = ()


def read(text: str) -> Message:
    """The message of a whole file."""
    tokens = list(_tokens(text))
    message, at = _message(tokens, 0, "")
    assert at == len(tokens), tokens[at]
    return message


def _tokens(text: str) -> Iterator[Any]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match, text[at : at + 40]
        if match["string"]:
            yield _ESCAPE.sub(_unescaped, match["string"][1:-1].encode())
        elif match["word"] or match["symbol"]:
            yield Bare(match.group())
        at = match.end()


def _message(tokens: list[Any], at: int, close: str) -> tuple[Message, int]:
    message: Message = {}
    while at < len(tokens) and tokens[at] != close:
        name, at = _name(tokens, at)
        if tokens[at] == ":":
            at += 1
        values, at = _values(tokens, at)
        message.setdefault(name, []).extend(values)
        while at < len(tokens) and tokens[at] in (",", ";"):
            at += 1
    return message, at + bool(close)


def _name(tokens: list[Any], at: int) -> tuple[str, int]:
    if tokens[at] != "[":
        return str(tokens[at]), at + 1
    end = tokens.index("]", at)
    return "".join(tokens[at : end + 1]), end + 1


def _values(tokens: list[Any], at: int) -> tuple[list[Any], int]:
    if tokens[at] == "[":
        found: list[Any] = []
        at += 1
        while tokens[at] != "]":
            value, at = _value(tokens, at)
            found.append(value)
            at += tokens[at] == ","
        return found, at + 1
    value, at = _value(tokens, at)
    return [value], at


def _value(tokens: list[Any], at: int) -> tuple[Any, int]:
    first = tokens[at]
    if first in ("{", "<"):
        return _message(tokens, at + 1, "}" if first == "{" else ">")
    at += 1
    if isinstance(first, bytes):
        while at < len(tokens) and isinstance(tokens[at], bytes):
            first, at = first + tokens[at], at + 1
    return first, at
