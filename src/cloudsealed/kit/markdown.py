"""Values as Markdown (CommonMark with GitHub's tables) that shows what they say, and no more.

It refuses to pass on markup: whatever a text holds is shown as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_INLINE = re.compile(r"[\\`*\[\]<>~&$]|(?<![^\W_])_|_(?![^\W_])")
_FIRST = re.compile(r"^(?:[#+=-]|\d+(?=[.)](?:\s|$)))|(?<=\s)#+$")
_BLANK_LINE = re.compile(r"\n\s*\n")
_FENCE = "```"


def text(value: str) -> str:
    """Return a text as one line that means nothing to Markdown."""
    line = _INLINE.sub(r"\\\g<0>", " ".join(value.split()))
    return _FIRST.sub(_escaped, line)


def _escaped(found: re.Match[str]) -> str:
    """A number is escaped behind it, at its full stop; everything else in front of it."""
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"


def paragraphs(value: str) -> str:
    """Return a text of one or more paragraphs, as `text` shows each."""
    return "\n\n".join(text(part) for part in _BLANK_LINE.split(value.strip()))


def code(value: str) -> str:
    """Return one line of code; nothing is a dash."""
    line = " ".join(value.split())
    if not line:
        return "–"
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def fence(language: str, body: str) -> str:
    """Return a block of code; no line of `body` can end it."""
    ticks = "`" * max(len(_FENCE), _longest_run(body) + 1)
    return f"{ticks}{language}\n{body.rstrip()}\n{ticks}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table whose cells are Markdown; a bar in a cell is shown."""
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def _cell(value: str) -> str:
    return " ".join(value.replace("|", "\\|").split())


def _longest_run(value: str) -> int:
    return max(map(len, re.findall("`+", value)), default=0)
