"""The code of operators: logic, conditions, comparisons, arithmetic.

Where Python's own operator is exact it is written; else the function of `operators` is called.
"""

from __future__ import annotations

from typing import Final

from cloudsealed.engine import operators
from cloudsealed.engine.language.generator.statements import Code
from cloudsealed.engine.language.generator.writer import Writer
from cloudsealed.engine.language.runtime import OPERATOR_NAMES
from cloudsealed.engine.language.syntax import (
    Binary,
    Conditional,
    Constant,
    ListOf,
    Logic,
    Negate,
    Not,
)
from cloudsealed.engine.values import Kind, spoken

_ORDER: Final = frozenset({"<", "<=", ">", ">="})
_ARITHMETIC: Final = frozenset({"+", "-", "*", "/", "%"})
_CLOSED: Final[frozenset[Kind]] = frozenset({"int", "uint", "double", "string", "list"})
"""Kinds whose arithmetic, where it has a value, stays in the kind."""
_INLINE_ITEMS: Final = 32
"""A literal list longer than this is searched by the operator, which charges for it."""


def negation(writer: Writer, node: Not) -> Code:
    """`!x`."""
    return Code(f"(not {writer.truth(node.operand).text})", "bool")


def negative(writer: Writer, node: Negate) -> Code:
    """`-x`."""
    code = writer.code(node.operand)
    kind = code.kind if code.kind in ("int", "double") else "dyn"
    return Code(f"_negate({writer.meter()}, {code.text})", kind)


def logic(writer: Writer, node: Logic) -> Code:
    """Short-circuits as Python does; an operand that needs statements gets a branch."""
    word = " and " if node.every else " or "
    parts: list[str] = []
    sure = writer.known
    for operand in node.operands:
        with writer.block() as inner:
            text = writer.truth(operand).text
        if inner and parts:
            held = writer.fresh("t")
            test = held if node.every else f"not {held}"
            writer.lines += [f"{held} = {word.join(parts)}", f"if {test}:", *inner]
            writer.lines.append(f"    {held} = {text}")
            parts = [held]
        else:
            writer.lines += [line.removeprefix("    ") for line in inner]
            parts.append(text)
        if operand is node.operands[0]:
            sure = writer.known
    writer.known = sure
    return Code(f"({word.join(parts)})", "bool")


def conditional(writer: Writer, node: Conditional) -> Code:
    """`x ? y : z`: an expression, or branches where a side needs statements."""
    condition = writer.truth(node.condition).text
    with writer.perhaps(), writer.block() as then_lines:
        then = writer.code(node.then)
    with writer.perhaps(), writer.block() as other_lines:
        other = writer.code(node.otherwise)
    kind = then.kind if then.kind == other.kind else "dyn"
    if not then_lines and not other_lines:
        return Code(f"({then.text} if {condition} else {other.text})", kind)
    held = writer.fresh("t")
    writer.lines += [
        f"if {condition}:",
        *then_lines,
        f"    {held} = {then.text}",
        "else:",
        *other_lines,
        f"    {held} = {other.text}",
    ]
    return Code(held, kind)


def binary(writer: Writer, node: Binary) -> Code:
    """An operator of two sides."""
    if node.operator in ("==", "!="):
        fast = equality(writer, node)
        if fast is not None:
            return fast
    if node.operator == "in":
        fast = membership(writer, node)
        if fast is not None:
            return fast
    left, right = writer.each((node.left, node.right))
    if node.operator in _ORDER:
        return order(writer, node.operator, left, right)
    kind: Kind = "bool"
    if node.operator in _ARITHMETIC:
        check_arithmetic(writer, node, left, right)
        kind = left.kind if left.kind == right.kind and left.kind in _CLOSED else "dyn"
    return Code(
        f"{OPERATOR_NAMES[node.operator]}({writer.meter()}, {left.text}, {right.text})", kind
    )


def check_arithmetic(writer: Writer, node: Binary, left: Code, right: Code) -> None:
    """Raise `ExpressionError` where no values of these kinds can be added, and so on."""
    both = {left.kind, right.kind}
    if "dyn" in both or len(both) == 1 or both & {"timestamp", "duration"}:
        return
    message = f"{node.operator!r} cannot take {spoken(left.kind)} and {spoken(right.kind)}"
    raise writer.error(node, message)


def equality(writer: Writer, node: Binary) -> Code | None:
    """`==` with a scalar literal, where Python's own comparison is exact."""
    left, right = node.left, node.right
    if isinstance(left, Constant):
        left, right = right, left
    if not isinstance(right, Constant) or isinstance(left, Constant):
        return None
    value = right.value
    same = node.operator == "=="
    if value is None or value.__class__ is bool:
        return Code(f"({writer.code(left).text} {'is' if same else 'is not'} {value})", "bool")
    if operators.is_plain(value):
        return Code(f"({writer.code(left).text} {node.operator} {value!a})", "bool")
    if value.__class__ is not int or value not in (0, 1):
        return None
    # Python's 0 and 1 equal False and True; the language's do not.
    first, held = writer.hold(writer.code(left).text)
    rest = f"and {held}.__class__ is not _bool" if same else f"or {held}.__class__ is _bool"
    return Code(f"({first} {node.operator} {value} {rest})", "bool")


def membership(writer: Writer, node: Binary) -> Code | None:
    """`in` with a literal list of texts and numbers, where Python's own search is exact."""
    if not isinstance(node.right, ListOf | Constant):
        return None
    if isinstance(node.right, Constant):
        items = node.right.value if node.right.value.__class__ is list else []
    elif all(isinstance(item, Constant) for item in node.right.items):
        items = [item.value for item in node.right.items if isinstance(item, Constant)]
    else:
        return None
    plain = all(operators.is_plain(item) for item in items)
    if not plain or not 0 < len(items) <= _INLINE_ITEMS:
        return None
    literals = ", ".join(ascii(item) for item in items)
    return Code(f"({writer.code(node.left).text} in ({literals},))", "bool")


def order(writer: Writer, operator: str, left: Code, right: Code) -> Code:
    """A comparison; ints are compared in place, the rest by the operator's function."""
    slow = OPERATOR_NAMES[operator]
    if left.kind == right.kind == "int":
        return Code(f"({left.text} {operator} {right.text})", "bool")
    if "int" not in (left.kind, right.kind):
        return Code(f"{slow}({writer.meter()}, {left.text}, {right.text})", "bool")
    first, held = writer.hold(left.text if right.kind == "int" else right.text)
    a, b = (held, right.text) if right.kind == "int" else (left.text, held)
    # Nothing that has an order with an int costs anything, so no meter is needed.
    exact = f"{slow}(None, {a}, {b})"
    text = f"({a} {operator} {b} if {first}.__class__ is _int else {exact})"
    return Code(text, "bool")
