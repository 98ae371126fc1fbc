"""Parses the text of an expression: the whole grammar of CEL, by recursive descent.

Source: the CEL language definition, sections "Syntax" and "Macros", with optional syntax (`a.?b`)
and the macros of the extensions (see `macros`). Refuses, each with its position and a sentence:
messages (`Type{...}`), trees deeper than `MAX_DEPTH`, and too many loops.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, cast

from cloudsealed.engine.errors import MAX_DEPTH, MAX_MACRO_NESTING, MAX_MACROS, ExpressionError
from cloudsealed.engine.language.lexer import RESERVED, Token, tokenize
from cloudsealed.engine.language.macros import expand
from cloudsealed.engine.language.syntax import (
    Binary,
    Bind,
    Conditional,
    Constant,
    Index,
    ListOf,
    Logic,
    Loop,
    MapOf,
    Name,
    Negate,
    Node,
    Not,
    Operator,
    OptionalIndex,
    OptionalMap,
    Select,
    Spread,
    children,
)
from cloudsealed.engine.values import MAX_INT

_LEVELS: Final = {
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 1),
    **dict.fromkeys(("+", "-"), 2),
    **dict.fromkeys(("*", "/", "%"), 3),
}
"""How tightly the binary operators bind, all of them tighter than `&&`."""


def parse(source: str) -> Node:
    """The syntax tree of `source`; raises `ExpressionError`."""
    tree = _Parser(source).whole()
    _check_size(tree, source)
    return tree


class _Parser:
    """Reads tokens from left to right; one method a level of the grammar."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokenize(source)
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def error(self, message: str, start: int, end: int) -> ExpressionError:
        return ExpressionError(message, self.source, start, end)

    def unexpected(self, wanted: str = "") -> ExpressionError:
        token = self.token
        what = "unexpected end of the expression" if token.sort == "end" else ""
        what = what or f"unexpected {token.text!r}"
        return self.error(what + (f"; expected {wanted}" if wanted else ""), token.start, token.end)

    def accept(self, *texts: str) -> Token | None:
        token = self.tokens[self.at]
        if token.text in texts and token.sort == "symbol":
            self.at += 1
            return token
        return None

    def expect(self, text: str) -> Token:
        token = self.accept(text)
        if token is None:
            raise self.unexpected(repr(text))
        return token

    def whole(self) -> Node:
        tree = self.expression()
        if self.token.sort != "end":
            raise self.unexpected()
        return tree

    def expression(self) -> Node:
        self.enter()
        condition = self.logic(every=False)
        if self.accept("?"):
            then = self.logic(every=False)
            self.expect(":")
            otherwise = self.expression()
            condition = Conditional(condition.start, otherwise.end, condition, then, otherwise)
        self.depth -= 1
        return condition

    def enter(self) -> None:
        """Count a level. Each costs Python a dozen frames, so they are bounded while parsing."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            message = f"the expression is nested deeper than {MAX_DEPTH} levels"
            raise self.error(message, self.token.start, self.token.end)

    def logic(self, *, every: bool) -> Node:
        operands = [self.operand(every)]
        while self.accept("&&" if every else "||"):
            operands.append(self.operand(every))
        if len(operands) == 1:
            return operands[0]
        return Logic(operands[0].start, operands[-1].end, every, tuple(operands))

    def operand(self, every: bool) -> Node:
        return self.binary(1) if every else self.logic(every=True)

    def binary(self, least: int) -> Node:
        """Operators that bind at least so tightly; those of one level group from the left."""
        left = self.unary()
        while True:
            token = self.tokens[self.at]
            level = _LEVELS.get(token.text, 0) if token.sort == "symbol" else 0
            if level < least:
                return left
            self.at += 1
            right = self.binary(level + 1)
            left = Binary(left.start, right.end, cast(Operator, token.text), left, right)

    def unary(self) -> Node:
        operator = self.accept("!", "-")
        if operator is None:
            return self.member()
        count = 1
        while self.accept(operator.text):
            count += 1
        number = self.token
        if operator.text == "-" and count == 1 and number.value.__class__ in (int, float):
            self.at += 1
            constant = Constant(operator.start, number.end, -number.value)
            return self.members(constant)
        self.enter()
        node = self.unary() if self.token.text in ("!", "-") else self.member()
        self.depth -= 1
        if count % 2 == 0:
            return node
        cls = Not if operator.text == "!" else Negate
        return cls(operator.start, node.end, node)

    def member(self) -> Node:
        return self.members(self.primary())

    def members(self, node: Node) -> Node:
        while True:
            if self.accept("."):
                node = self.selection(node)
            elif self.accept("["):
                cls = OptionalIndex if self.accept("?") else Index
                key = self.expression()
                node = cls(node.start, self.expect("]").end, node, key)
            elif self.token.text == "{" and isinstance(node, Name | Select):
                message = "messages are not supported; write a map such as {'key': value}"
                raise self.error(message, node.start, self.token.end)
            else:
                return node

    def selection(self, node: Node) -> Node:
        optional = self.accept("?")
        token = self.token
        if token.sort not in ("name", "quoted"):
            raise self.unexpected("the name of a field")
        self.at += 1
        field = token.text.strip("`")
        if optional:
            key = Constant(token.start, token.end, field)
            return OptionalIndex(node.start, token.end, node, key)
        if token.sort == "name" and self.accept("("):
            arguments, end = self.sequence(")")
            return expand(self.source, token, node, arguments, end)
        return Select(node.start, token.end, node, field)

    def primary(self) -> Node:
        token = self.token
        self.at += 1
        if token.sort == "literal":
            if token.value.__class__ is int and token.value > MAX_INT:
                raise self.error("this number is out of range", token.start, token.end)
            return Constant(token.start, token.end, token.value)
        if token.sort == "name":
            return self.named(token)
        if token.sort == "symbol" and token.text == "(":
            node = self.expression()
            return replace(node, start=token.start, end=self.expect(")").end)
        if token.sort == "symbol" and token.text == "[":
            items, end = self.sequence("]")
            return ListOf(token.start, end, items)
        if token.sort == "symbol" and token.text == "{":
            return self.mapping(token)
        if token.sort == "symbol" and token.text == "." and self.token.sort == "name":
            name = self.token
            self.at += 1
            return self.named(name._replace(text=f".{name.text}"))
        self.at -= 1
        raise self.unexpected()

    def named(self, token: Token) -> Node:
        if self.accept("("):
            arguments, end = self.sequence(")")
            return expand(self.source, token, None, arguments, end)
        if token.text in RESERVED:
            raise self.error(f"{token.text!r} is a reserved word", token.start, token.end)
        return Name(token.start, token.end, token.text)

    def sequence(self, close: str) -> tuple[tuple[Node, ...], int]:
        """Expressions between commas, up to `close`; a list may end in a comma."""
        items: list[Node] = []
        while self.token.text != close or self.token.sort != "symbol":
            items.append(self.perhaps(allowed=close == "]"))
            if not self.accept(","):
                break
            if close == ")" and self.token.text == ")":
                raise self.unexpected("an argument")
        return tuple(items), self.expect(close).end

    def perhaps(self, *, allowed: bool = True) -> Node:
        """An expression, or where it is allowed `?` and one that is optional."""
        mark = self.accept("?") if allowed else None
        node = self.expression()
        return Spread(mark.start, node.end, node) if mark else node

    def mapping(self, opening: Token) -> Node:
        keys: list[Node] = []
        values: list[Node] = []
        while self.token.text != "}":
            key = self.perhaps()
            self.expect(":")
            value = self.expression()
            if isinstance(key, Spread):
                key, value = key.operand, Spread(value.start, value.end, value)
            keys.append(key)
            values.append(value)
            if not self.accept(","):
                break
        return MapOf(opening.start, self.expect("}").end, tuple(keys), tuple(values))


_LOOPING: Final = (Loop, Bind, OptionalMap)


def _check_size(tree: Node, source: str) -> None:
    """Refuse a tree that is too deep or has too many loops, without recursion."""
    loops = 0
    stack: list[tuple[Node, int, int]] = [(tree, 1, int(isinstance(tree, Loop)))]
    while stack:
        node, depth, nesting = stack.pop()
        loops += isinstance(node, _LOOPING)
        message = ""
        if depth > MAX_DEPTH:
            message = f"the expression is nested deeper than {MAX_DEPTH} levels"
        elif nesting > MAX_MACRO_NESTING:
            message = f"loops are nested deeper than {MAX_MACRO_NESTING} levels"
        elif loops > MAX_MACROS:
            message = f"an expression has at most {MAX_MACROS} loops"
        if message:
            raise ExpressionError(message, source, node.start, node.end)
        for child in children(node):
            # What a loop goes over runs before the loop, not inside it.
            inside = isinstance(child, Loop) and not (
                isinstance(node, Loop) and child is node.range
            )
            stack.append((child, depth + 1, nesting + inside))
