"""How answers look: JSON for programs; for people records, and tables that never cut an id."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import httpx
from rich.box import SIMPLE_HEAD
from rich.table import Table

from cloudsealed.cli.client.columns import Column
from cloudsealed.cli.client.table import Operation
from cloudsealed.cli.summary import STYLES
from cloudsealed.cli.terminal import Line, Terminal

_NARROWEST: Final = 16
"""Characters that a column which folds has at least; below, others are left out."""
_GAP: Final = 2
_NONE: Final = "-"


def document(found: Any) -> None:
    """Print JSON."""
    Terminal().document(found)


def page(items: Iterable[Any], rest: Callable[[], Mapping[str, Any]]) -> None:
    """Print a page as JSON while it comes."""
    Terminal().page(items, rest)


def note(text: str) -> None:
    """Say something about what is shown."""
    Terminal(stderr=True).print(text, style="dim")


def done(operation: Operation) -> None:
    """Say that an operation without an answer is done."""
    note(f"{operation.summary.rstrip('.').partition(';')[0]}: done")


def head(response: httpx.Response) -> None:
    """Print a response's status and headers."""
    console = Terminal()
    console.print(f"HTTP/1.1 {response.status_code} {response.reason_phrase}")
    for name, value in response.headers.multi_items():
        console.print(f"{name}: {value}")
    console.print()


def record(found: Mapping[str, Any]) -> None:
    """Print an object, a line a value, with the names of what is within it, and lists of rows as
    tables."""
    console = Terminal()
    lists = {name: rows for name, rows in found.items() if _are_rows(rows)}
    rows = list(_lines({name: v for name, v in found.items() if name not in lists}, ""))
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        style = STYLES.get(value, "") if name.endswith("severity") else ""
        console.print(Line.assemble((name.ljust(width), "dim"), "  ", (value, style)))
    for name, items in lists.items():
        console.print()
        console.print(name, style="dim")
        table(items, [Column(key, folds=True) for key in items[0]])


def _are_rows(found: Any) -> bool:
    """Say whether a value is a list of objects with the same plain values, or lists of such."""
    return (
        isinstance(found, list)
        and bool(found)
        and all(isinstance(item, Mapping) and item.keys() == found[0].keys() for item in found)
        and all(_is_plain(value) for item in found for value in item.values())
    )


def _is_plain(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return not any(isinstance(item, dict | list) for item in items)


def _lines(found: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(found, Mapping) and found:
        for key, value in found.items():
            yield from _lines(value, f"{name}.{key}" if name else str(key))
    elif isinstance(found, list) and any(isinstance(item, dict | list) for item in found):
        for number, item in enumerate(found):
            yield from _lines(item, f"{name}[{number}]")
    else:
        for number, text in enumerate(_text(found).split("\n")):
            yield ("" if number else name), text


def _text(value: Any) -> str:
    if value is None or value in ([], {}):
        return _NONE
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def table(items: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> None:
    """Print a table; where it is narrow its last columns are left out."""
    if not items:
        return
    console = Terminal(wraps=True)
    cells = {each: [_text(_at(item, each.path)) for item in items] for each in columns}
    widths = {
        each: max(len(each.head), *(Line(text).cell_len for text in texts))
        for each, texts in cells.items()
    }
    fitted = _fitted(list(columns), widths, console.width)
    made = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for each, width in fitted.items():
        made.add_column(each.head, width=width, overflow="fold")
    for number in range(len(items)):
        made.add_row(*(_cell(each, cells[each][number]) for each in fitted))
    console.print(made)


def _fitted(columns: list[Column], widths: Mapping[Column, int], room: int) -> dict[Column, int]:
    """Return the columns that there is room for, with their widths: those that fold share what the
    others leave."""
    least = {
        each: min(widths[each], _NARROWEST) if each.folds else widths[each] for each in columns
    }
    room += _GAP  # which is between columns
    while len(columns) > 1 and sum(least[each] + _GAP for each in columns) > room:
        columns = columns[:-1]
    left = room - sum(least[each] + _GAP for each in columns)
    found = {}
    for each in columns:
        more = min(max(left, 0), widths[each] - least[each])
        left -= more
        found[each] = least[each] + more
    return found


def _cell(column: Column, text: str) -> Line:
    return Line(text, style=STYLES.get(text, "") if column.path == "severity" else "")


def _at(item: Any, path: str) -> Any:
    for name in path.split("."):
        item = item.get(name) if isinstance(item, Mapping) else None
    return item
