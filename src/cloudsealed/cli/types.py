"""`cloudsealed types`: what a policy can read of each type of resource, and by which call."""

from __future__ import annotations

from collections.abc import Iterator

import typer
from rich.table import Table
from rich.tree import Tree

from cloudsealed.cli.terminal import Line, Terminal
from cloudsealed.collectors.attributes import Shape, filling_calls, shape_of
from cloudsealed.collectors.described import described, sample
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.kit.nearest import did_you_mean


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
        said = described(name)
        shown = {part: said[part] for part in ("type", "document", "calls")}
        console.document({**shown, "example": said["sample"]})
        return
    for call, attributes in _by_call(name):
        tree = Tree(Line(call, style="cyan"), guide_style="dim")
        for attribute in attributes:
            _grow(tree, attribute, shape[attribute])
        console.print(tree, soft_wrap=False)
    console.print(Line("A document may be, with every value made up:", style="dim"))
    console.document(sample(shape))


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
