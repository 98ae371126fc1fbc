"""What changed from one text to the next, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff

_CONTEXT = 2
_MOST = 400  # lines of one change


@dataclass(frozen=True, slots=True)
class Version:
    """A text as it was from a time on."""

    number: int
    created_at: str
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a change: `kind` is `added`, `removed`, `place` or empty for one that stayed."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A version and what it changed of the one before; `lines` None where that is not shown."""

    version: Version
    lines: Sequence[Line] | None


_KINDS = {"+": "added", "-": "removed", "@": "place"}


def compared(versions: Sequence[Version]) -> list[Change]:
    """Return versions, newest first, each beside the one after it in the list."""
    older: list[Version | None] = [*versions[1:], None]
    return [
        Change(each, None if before is None else changed(before.text, each.text))
        for each, before in zip(versions, older, strict=True)
    ]


def changed(before: str, after: str) -> list[Line]:
    """Return what a text became, as lines with some of what stayed around them."""
    found = unified_diff(before.splitlines(), after.splitlines(), n=_CONTEXT, lineterm="")
    lines = list(found)[2:]
    return [Line(_KINDS.get(line[:1], ""), line[1:] if line[:1] != "@" else "⋯") for line in lines][
        :_MOST
    ]
