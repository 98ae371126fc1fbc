"""The only way to a terminal: whatever is printed is shown, and never obeyed.

Names come from clouds, customers and files. Printed as they are, they could move the cursor, hide
text, or read as a line of ours; as markup they could colour, link, or end a command. So nothing
that is printed is markup, and each character that does not stand for itself is shown by its number.
It refuses a line break within a line: one `print` is one line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from rich.console import (
    Console,
    ConsoleOptions,
    HighlighterType,
    JustifyMethod,
    OverflowMethod,
    RenderableType,
)
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from cloudsealed.kit.visible import shown

_NEWLINE: Final = "\n"
_ITEM: Final = "    "


def as_json(document: Any) -> str:
    """Return JSON in lines, for people and programs: what is not printable is escaped in it."""
    lines = json.dumps(document, indent=2, ensure_ascii=False).split(_NEWLINE)
    return _NEWLINE.join(
        line if line.isprintable() else "".join(map(_escaped, line)) for line in lines
    )


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if char.isascii() else json.dumps(char)[1:-1]


class Terminal(Console):
    """A console of Rich that knows no markup, no emoji by name, no highlighting.

    Styles are given beside a text: `print("wrong", style="red")`, or in a `Line`. Unless it
    `wraps`, a line stays one line however long: it is copied.
    """

    def __init__(self, *, stderr: bool = False, wraps: bool = False) -> None:
        super().__init__(
            stderr=stderr, soft_wrap=not wraps, markup=False, emoji=False, highlight=False
        )

    def error(self, message: str, code: str = "") -> None:
        """Say that something went wrong."""
        self.print(Line.assemble(("error", "red"), f" {code}: " if code else " ", message))

    def document(self, document: Any) -> None:
        """Print a document as JSON."""
        self.file.write(as_json(document) + _NEWLINE)

    def page(self, items: Iterable[Any], rest: Callable[[], Mapping[str, Any]]) -> None:
        """Print the JSON of a page as its items come: `data`, and after them what `rest` says."""
        opened, between = '{\n  "data": [', ""
        for item in items:
            text = as_json(item).replace(_NEWLINE, _NEWLINE + _ITEM)
            self.file.write(f"{opened}{between}{_NEWLINE}{_ITEM}{text}")
            opened, between = "", ","
        ends = "".join(f',\n  "{key}": {as_json(value)}' for key, value in rest().items())
        closing = _NEWLINE + "  ]" if between else opened + "]"
        self.file.write(closing + ends + "\n}" + _NEWLINE)

    def binary(self, piece: bytes) -> None:
        """Write bytes as they are: for a file or a program, or where a person asked for them."""
        self.file.flush()
        self.file.buffer.write(piece)  # type: ignore[attr-defined]  # standard output has one
        self.file.buffer.flush()  # type: ignore[attr-defined]

    def render_str(
        self,
        text: str,
        *,
        style: str | Style = "",
        justify: JustifyMethod | None = None,
        overflow: OverflowMethod | None = None,
        emoji: bool | None = None,
        markup: bool | None = None,
        highlight: bool | None = None,
        highlighter: HighlighterType | None = None,
    ) -> Text:
        """Return `text` as it is shown: here Rich turns every text into what it lays out."""
        return Line(text, style, justify=justify, overflow=overflow)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield what is written; what came past `Line` is shown here at the latest, but for line
        ends, which are the layout's by now."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            if control or text.isprintable():
                yield segment
            else:
                yield Segment(_NEWLINE.join(map(shown, text.split(_NEWLINE))), style)


class Line(Text):
    """One line in styles: `Line.assemble(("wrong", "red"), " ", name)`."""

    def __init__(
        self,
        text: str = "",
        style: str | Style = "",
        *,
        justify: JustifyMethod | None = None,
        overflow: OverflowMethod | None = None,
        end: str = _NEWLINE,
        **layout: Any,
    ) -> None:
        super().__init__(shown(text), style, justify=justify, overflow=overflow, end=end, **layout)

    @classmethod
    def assemble(cls, *parts: str | tuple[str, str]) -> Line:  # type: ignore[override]  # fewer ways
        """Return a line of texts, each alone or with its style."""
        line = cls()
        for part in parts:
            line.append(*((part,) if isinstance(part, str) else part))
        return line

    def append(self, text: Text | str, style: str | Style | None = None) -> Line:
        """Add to the line."""
        super().append(shown(text) if isinstance(text, str) else text, style)
        return self
