"""The code of macros: loops, and the decisions that one round of a loop can end."""

from __future__ import annotations

from typing import Final, cast

from cloudsealed.engine.language.generator.statements import Code
from cloudsealed.engine.language.generator.writer import Writer
from cloudsealed.engine.language.interpreter import weight_of
from cloudsealed.engine.language.syntax import Logic, Loop, Node, Not, OptionalMap
from cloudsealed.engine.values import Kind

DECIDED: Final = frozenset({"exists", "all"})
"""Loops that one round can decide."""
_STARTS: Final[dict[str, str]] = {
    "exists_one": "0",
    "make_map": "_make_map([], [])",
    "merge_maps": "_make_map([], [])",
}
"""What the result of another loop is before its first round; the rest begin with an empty list."""
_RESULTS: Final[dict[str, Kind]] = {"make_map": "map", "merge_maps": "map"}


def decide(writer: Writer, node: Node, yes: str, no: str) -> None:
    """Statements that end in `yes` or `no`, as `node` is true or false.

    Both leave (`return True`, `break`, `continue`), or one is "": what follows comes next.
    """
    if isinstance(node, Not):
        decide(writer, node.operand, no, yes)
    elif isinstance(node, Loop) and node.macro in DECIDED:
        search(writer, node, yes, no)
    elif isinstance(node, Logic) and (no if node.every else yes) and _searches(node):
        through = ("", no) if node.every else (yes, "")
        for operand in node.operands[:-1]:
            decide(writer, operand, *through)
        decide(writer, node.operands[-1], yes, no)
    else:
        leave(writer, writer.truth(node).text, yes, no)


def leave(writer: Writer, test: str, yes: str, no: str) -> None:
    """The statements of `decide` for a test that is an expression."""
    writer.lines.append(f"if {test}: {yes}" if yes else f"if not {test}: {no}")
    if yes and no:
        writer.lines.append(no)


def search(writer: Writer, node: Loop, yes: str, no: str) -> None:
    """The statements of `decide` for `exists` and `all`: a loop that one round can end."""
    found = node.macro == "exists"
    hit, miss = (yes, no) if found else (no, yes)
    at_once = hit.startswith("return")
    if not at_once and not miss:
        # Python cannot leave two loops at once, nor go on only after a `break`.
        leave(writer, came_to(writer, node), yes, no)
        return
    names, opening = rounds(writer, node)
    inside = hit if at_once else "break"
    with writer.perhaps(), writer.binding(**names), writer.block() as body:
        ends = (inside, "continue") if found else ("continue", inside)
        decide(writer, cast(Node, node.condition), *ends)
    if body[-1] == "    continue":
        body.pop()
    writer.lines += [*opening, *body]
    if at_once:
        writer.lines += [miss] if miss else []
    else:
        writer.lines += ["else:", f"    {miss}", *([hit] if hit else [])]


def came_to(writer: Writer, node: Loop) -> str:
    """A variable that holds what `exists` or `all` comes to."""
    result, found = writer.fresh("t"), node.macro == "exists"
    writer.lines.append(f"{result} = {found}")
    other = f"{result} = {not found}"
    search(writer, node, *(("", other) if found else (other, "")))
    return result


def rounds(writer: Writer, node: Loop) -> tuple[dict[str, str], list[str]]:
    """The names of a loop's variables, and its statements up to the body."""
    ranged = writer.code(node.range)
    item, held = writer.fresh("x"), writer.fresh("r")
    names, target = {node.variable: item}, item
    listed = [f"if {held}.__class__ is not _list: {held} = _items({held})"]
    if node.second is not None:
        names[node.second] = writer.fresh("x")
        target = f"{item}, {names[node.second]}"
        listed = [f"{held} = _pairs({held})"]
    elif ranged.kind == "list":
        listed = []
    paid = writer.charge(held, weight_of(node))
    return names, [f"{held} = {ranged.text}", *paid, *listed, f"for {target} in {held}:"]


def optional_map(writer: Writer, node: OptionalMap) -> Code:
    """An optional value is a list of one item or none, and this a loop over it."""
    item, result = writer.fresh("x"), writer.fresh("t")
    held = f"_held({writer.code(node.operand).text})"
    with writer.perhaps(), writer.binding(**{node.variable: item}), writer.block() as lines:
        body = writer.code(node.body).text
        writer.lines.append(f"{result} = " + (f"_same({body})" if node.flat else f"_some({body})"))
    writer.lines += [f"{result} = _none", f"for {item} in {held}:", *lines]
    return Code(result, "optional")


def loop(writer: Writer, node: Loop) -> Code:
    """A `for` statement that leaves its result in a variable of its own."""
    if node.macro in DECIDED:
        return Code(came_to(writer, node), "bool")
    result = writer.fresh("t")
    names, opening = rounds(writer, node)
    with writer.perhaps(), writer.binding(**names), writer.block() as body:
        one_round(writer, node, names[node.variable], result)
    start = _STARTS.get(node.macro, "[]")
    writer.lines += [*opening[:-1], f"{result} = {start}", opening[-1], *body]
    if node.macro == "sort_by":
        return Code(f"_sort_by({writer.meter()}, {result})", "list")
    if node.macro == "exists_one":
        return Code(f"({result} == 1)", "bool")
    return Code(result, _RESULTS.get(node.macro, "list"))


def one_round(writer: Writer, node: Loop, item: str, result: str) -> None:
    """The body of a loop."""
    if node.condition is None:
        keep(writer, node, item, result)
        return
    writer.lines.append(f"if {writer.truth(node.condition).text}:")
    with writer.block() as kept:
        keep(writer, node, item, result)
    writer.lines += kept


def keep(writer: Writer, node: Loop, item: str, result: str) -> None:
    """The statement that takes one round into the result."""
    if node.macro == "exists_one":
        writer.lines.append(f"{result} += 1")
        return
    kept = item if node.result is None else writer.code(node.result).text
    match node.macro:
        case "make_map":
            writer.lines.append(f"_put({result}, {item}, {kept})")
        case "merge_maps":
            writer.lines.append(f"_merge({writer.meter()}, {result}, {kept})")
        case "sort_by":
            writer.lines.append(f"{result} += [({kept}, {item})]")
        case _:
            writer.lines.append(f"{result} += [{kept}]")


def _searches(node: Node) -> bool:
    """Whether a loop that one round can decide is a part of what `node` is true by."""
    match node:
        case Not(operand=operand):
            return _searches(operand)
        case Logic(operands=operands):
            return any(_searches(operand) for operand in operands)
    return isinstance(node, Loop) and node.macro in DECIDED
