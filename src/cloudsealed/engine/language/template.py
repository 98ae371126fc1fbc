"""The message of a finding: text with paths in braces, `{resource.GroupId} is open`.

A path is fields with dots and items in brackets, of `resource`, `related` or `params`. In its place
may stand a call of a function, `{as_list(resource.Names).join(", ")}`; `{{` and `}}` are braces.
A message cannot fail: what is absent, or has no value, shows as `-`, and what was not read as
`(not read)`. Refuses all other expressions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from cloudsealed.engine.errors import EvaluationError, ExpressionError
from cloudsealed.engine.gaps import GAPS, PartialList, Span, Unknown
from cloudsealed.engine.language.doubts import Shape
from cloudsealed.engine.language.program import Program
from cloudsealed.engine.language.reads import reads_of
from cloudsealed.engine.language.resolve import nearest
from cloudsealed.engine.paths import follow, is_redacted
from cloudsealed.engine.signature import Steps
from cloudsealed.engine.values import Value
from cloudsealed.kit.nearest import suggested

MAX_SHOWN: Final = 200
"""Characters of one value in a message or in evidence."""

NOT_READ: Final = "(not read)"
REST_NOT_READ: Final = "(the rest was not read)"

_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_PATH: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_][\w-]*|\[\d{1,9}\])*", re.ASCII)
_STEP: Final = re.compile(r"[A-Za-z_][\w-]*|\d+", re.ASCII)
_CALL: Final = re.compile(r"[a-z_]\w*\(.*\)(?:\.\w+\(.*\))?", re.ASCII | re.DOTALL)

_NO_TIME: Final = datetime.min.replace(tzinfo=UTC)


class Template:
    """A parsed message; raises `ExpressionError` where a path is wrong."""

    __slots__ = ("_pieces", "_source")

    def __init__(self, source: str, variables: Collection[str]) -> None:
        self._source = source
        self._pieces: list[str | Steps | Program] = []
        at = 0
        for match in _PIECE.finditer(source):
            self._pieces.append(source[at : match.start()])
            self._pieces.append(_piece(source, match, variables))
            at = match.end()
        self._pieces.append(source[at:])

    @property
    def paths(self) -> frozenset[tuple[str, ...]]:
        """The fields that it shows, without the numbers of items, each behind its variable."""
        found: set[tuple[str, ...]] = set()
        for piece in self._pieces:
            if isinstance(piece, Program):
                found |= reads_of(piece.tree, piece.source, piece.variables, {})
            elif not isinstance(piece, str):
                found.add(tuple(step for step in piece if isinstance(step, str)))
        return frozenset(found)

    def doubts(self, shapes: Mapping[str, Shape]) -> Iterator[ExpressionError]:
        """An error for each field that it shows and that no document of the `shapes` has."""
        for path in sorted(self.paths):
            shape: Shape = shapes
            for name in path:
                shape = shape[0] if isinstance(shape, list) else shape
                if not isinstance(shape, Mapping) or (not shape.get(name) and name in shape):
                    break
                if name not in shape:
                    yield self._stranger(path, name, shape)
                    break
                shape = shape[name]

    def _stranger(
        self, path: tuple[str, ...], name: str, known: Mapping[str, Shape]
    ) -> ExpressionError:
        hint = nearest(name, known)
        message = f"no field {name!r} in {'.'.join(path[: path.index(name)])}{suggested(hint)}"
        start = max(0, self._source.rfind(name))
        return ExpressionError(message, self._source, start, start + len(name), hint)

    def fill(self, variables: Mapping[str, Value], now: datetime = _NO_TIME) -> str:
        """The message for these variables, at the audit's clock."""
        return "".join(_filled(piece, variables, now) for piece in self._pieces)


def _filled(piece: str | Steps | Program, variables: Mapping[str, Value], now: datetime) -> str:
    if isinstance(piece, str):
        return piece
    if not isinstance(piece, Program):
        return show(follow(piece, variables)[1])
    try:
        return show(piece.run_partly([variables.get(name) for name in piece.variables], now))
    except EvaluationError:
        return show(None)


def _piece(source: str, match: re.Match[str], variables: Collection[str]) -> str | Steps | Program:
    text, path = match.group(), match[1]
    if text in ("{{", "}}"):
        return text[0]
    if path is not None and _CALL.fullmatch(path):
        return _call(source, match, variables)
    if path is None or _PATH.fullmatch(path) is None:
        message = "a path in braces is fields and items, such as {resource.Tags[0].Value}"
        raise ExpressionError(message, source, match.start(), match.end())
    steps = tuple(int(step) if step.isdigit() else step for step in _STEP.findall(path))
    if steps[0] not in variables:
        hint = nearest(str(steps[0]), variables)
        message = f"undeclared reference to {steps[0]!r}{suggested(hint)}"
        raise ExpressionError(message, source, match.start(1), match.end(1), hint)
    return steps


def _call(source: str, match: re.Match[str], variables: Collection[str]) -> Program:
    try:
        return Program(match[1], tuple(variables), {}, "any")
    except ExpressionError as error:
        raise ExpressionError(error.message, source, match.start(1), match.end(1)) from None


def show(value: Value) -> str:
    """A value in a sentence: `-` for null, text as it is, at most `MAX_SHOWN` characters."""
    if value is None:
        return "-"
    if is_redacted(value):
        return "(redacted)"
    if value.__class__ in GAPS:
        value = stated(value)
    return clip(value if isinstance(value, str) else compact(value))


def compact(value: Value) -> str:
    """A value as JSON without spaces, keys sorted."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=stated
    )


def stated(value: Value) -> Value:
    """What JSON does not have, in words: above all what was not read, or in part."""
    match value:
        case Unknown():
            return NOT_READ
        case PartialList(items=items):
            return [*items, REST_NOT_READ]
        case Span(low=low, high=None):
            return f"at least {low}"
        case Span(low=low, high=high):
            return f"{low} to {high}"
    return str(value)


def clip(text: str) -> str:
    """`text`, with an ellipsis as its last character when it is over `MAX_SHOWN`."""
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
