"""`cloudsealed types`: what a policy can read of each type of resource, and by which call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import typer
from rich.table import Table
from rich.tree import Tree

from cloudsealed.cli.terminal import Line, Terminal
from cloudsealed.collectors.attributes import Shape, filling_calls, shape_of
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.kit.nearest import did_you_mean

_SAMPLES: Final[dict[str, Any]] = {
    "string": "text",
    "integer": 1,
    "number": 0.5,
    "boolean": True,
    "time": "2026-01-01T00:00:00Z",
    "map": {"name": "text"},
}


def types(
    name: str = typer.Argument("", metavar="TYPE", help="A type, such as aws.rds.instance."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List the types of resources, or show a type's document, by call and as an example."""
    if not name:
        _list(as_json)
        return
    if name not in RESOURCE_TYPES:
        hint = did_you_mean(name, RESOURCE_TYPES) or "; `cloudsealed types` lists them"
        raise typer.BadParameter(f"there is no type {name!r}{hint}")
    shape, console = shape_of(name), Terminal()
    if as_json:
        calls = {each: ":".join(call) for each, call in filling_calls(name).items()}
        said = {"type": name, "document": shape, "calls": calls, "example": _sample(shape)}
        console.document(said)
        return
    for call, attributes in _by_call(name):
        tree = Tree(Line(call, style="cyan"), guide_style="dim")
        for attribute in attributes:
            _grow(tree, attribute, shape[attribute])
        console.print(tree, soft_wrap=False)
    console.print(Line("A document may be, with every value made up:", style="dim"))
    console.document(_sample(shape))


def _list(as_json: bool) -> None:
    console = Terminal()
    if as_json:
        console.document(sorted(RESOURCE_TYPES))
        return
    table = Table("type", "listed by", box=None)
    for name, row in sorted(RESOURCE_TYPES.items()):
        table.add_row(name, f"{row.service}:{row.operation}" if row.operation else "")
    console.print(table)


def _by_call(name: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each call, as `service:Operation`, with the attributes that it fills."""
    filled = filling_calls(name)
    found: dict[str, list[str]] = {}
    for attribute in sorted(shape_of(name)):
        call = filled.get(attribute) or filled.get("*")
        found.setdefault(":".join(call) if call else "made of others", []).append(attribute)
    yield from found.items()


def _grow(tree: Tree, name: str, shape: Shape) -> None:
    below, word = _opened(shape)
    branch = tree.add(Line.assemble(name, (f"  {word}", "dim")))
    for each, inner in (below or {}).items():
        _grow(branch, each, inner)


def _opened(shape: Shape) -> tuple[dict[str, Shape] | None, str]:
    """Return the attributes below a shape, None without any, and the word for it."""
    if isinstance(shape, list):
        below, word = _opened(shape[0])
        return below, f"list of {word}" if word else "list"
    if isinstance(shape, dict):
        return shape, ""
    return None, shape or "any value"


def _sample(shape: Shape) -> Any:
    if isinstance(shape, list):
        return [_sample(shape[0])]
    if isinstance(shape, dict):
        return {name: _sample(below) for name, below in shape.items()}
    return _SAMPLES.get(shape)
