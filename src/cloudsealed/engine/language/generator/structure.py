"""The code of names, fields, literals and optional values."""

from __future__ import annotations

from collections.abc import Sequence

from cloudsealed.engine.language.generator.statements import Code
from cloudsealed.engine.language.generator.writer import Writer
from cloudsealed.engine.language.syntax import (
    Bind,
    Constant,
    Has,
    Index,
    ListOf,
    MapOf,
    Name,
    Node,
    OptionalIndex,
    Otherwise,
    Select,
    Spread,
)
from cloudsealed.engine.values import Kind, kind_of, spoken


def variable(writer: Writer, node: Name) -> Code:
    """The value of a variable."""
    return Code(writer.scope[node.name], "dyn")


def select(writer: Writer, node: Select) -> Code:
    """`x.field`."""
    code = fields(writer, node, node.operand, node.field)
    if code.kind == "optional":
        text = f"_optional_index({writer.meter()}, {code.text}, {node.field!a})"
        return Code(text, "optional")
    return field(writer, code, f"{node.field!a}")


def field(writer: Writer, code: Code, key: str) -> Code:
    """A field of a map; the text of nothing else can be given the name of one."""
    text = f"{code.text}[{key}]"
    if code.text.isidentifier():
        writer.know(f"{code.text}.__class__", "_map")
    return Code(writer.known.get(text, text), "dyn")


def fields(writer: Writer, node: Node, operand: Node, field: str) -> Code:
    """The code of an operand that must be a map, or an optional one."""
    code = writer.code(operand)
    if code.kind not in ("dyn", "map", "optional"):
        raise writer.error(node, f"{spoken(code.kind)} has no field {field!r}")
    return code


def index(writer: Writer, node: Index) -> Code:
    """`x[key]`."""
    operand = writer.code(node.operand)
    literal = isinstance(node.key, Constant) and node.key.value.__class__ is str
    if literal and operand.kind == "dyn":
        return field(writer, operand, writer.code(node.key).text)
    kind: Kind = "optional" if operand.kind == "optional" else "dyn"
    return Code(f"_index({writer.meter()}, {operand.text}, {writer.code(node.key).text})", kind)


def has(writer: Writer, node: Has) -> Code:
    """`has(x.field)`."""
    code = fields(writer, node, node.operand, node.field)
    if code.kind == "optional":
        return Code(f"_has({code.text}, {node.field!a})", "bool")
    if writer.known.get(f"{code.text}.__class__") == "_map":
        return Code(f"({node.field!a} in {code.text})", "bool")
    first, held = writer.hold(code.text)
    writer.know(f"{held}.__class__", "_map")
    return Code(f"({node.field!a} in {held} if {first}.__class__ is _map else _refuse())", "bool")


def optional_index(writer: Writer, node: OptionalIndex) -> Code:
    """`x[?key]`."""
    operand, key = writer.each((node.operand, node.key))
    text = f"_optional_index({writer.meter()}, {operand.text}, {key.text})"
    return Code(text, "optional")


def list_of(writer: Writer, node: ListOf) -> Code:
    """`[x, y]`."""
    text, marks = writer.sequence(node.items), which_are_optional(node.items)
    return Code(f"_spread({marks}, {text})" if marks else text, "list")


def map_of(writer: Writer, node: MapOf) -> Code:
    """`{x: y}`."""
    text = f"{writer.sequence(node.keys)}, {writer.sequence(node.values)}"
    marks = which_are_optional(node.values)
    return Code(f"_spread_map({marks}, {text})" if marks else f"_make_map({text})", "map")


def which_are_optional(nodes: Sequence[Node]) -> str:
    """Which of them are optional, as a list; "" if none is."""
    marks = [isinstance(node, Spread) for node in nodes]
    return str(marks) if any(marks) else ""


def constant(writer: Writer, node: Constant) -> Code:
    """A literal: as it is, or by a name where Python has none for it."""
    value = node.value
    literal = value is None or value.__class__ in (bool, int, str, bytes)
    return Code(ascii(value) if literal else writer.named(value), kind_of(value))


def spread(writer: Writer, node: Spread) -> Code:
    """`?x` in a list or map: its value, whose mark says that it is optional."""
    return writer.code(node.operand)


def bind(writer: Writer, node: Bind) -> Code:
    """`cel.bind(name, value, body)`."""
    name = writer.fresh("x")
    value = writer.code(node.value)
    writer.lines.append(f"{name} = {value.text}")
    with writer.binding(**{node.variable: name}):
        return writer.code(node.body)


def otherwise(writer: Writer, node: Otherwise) -> Code:
    """`or` and `orValue`: the other side is evaluated only where it is needed."""
    first, held = writer.hold(f"_held({writer.code(node.operand).text})")
    found = f"_some({held}[0])" if node.whole else f"{held}[0]"
    with writer.perhaps(), writer.block() as lines:
        other = writer.code(node.other)
        text = f"_same({other.text})" if node.whole else other.text
    kind: Kind = "optional" if node.whole else "dyn"
    if not lines:
        return Code(f"({found} if {first} else {text})", kind)
    result = writer.fresh("t")
    writer.lines += [f"if {first}: {result} = {found}", "else:", *lines, f"    {result} = {text}"]
    return Code(result, kind)
