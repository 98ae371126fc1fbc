"""Writes a Python function for a resolved expression.

Wherever the function returns, it returns what the interpreter would; whatever it cannot do exactly
it answers by raising, and then the interpreter decides. So it neither absorbs nor words errors.
Text of the expression reaches the function only as literals; all names are made here. Refuses, when
written, what can never be right: `"a" && true`, a text where the result must be true or false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, cast

from cloudsealed.engine import operators
from cloudsealed.engine.language.interpreter import weight_of
from cloudsealed.engine.language.runtime import OPERATOR_NAMES
from cloudsealed.engine.language.statements import Code, Statements
from cloudsealed.engine.language.syntax import (
    Apply,
    Binary,
    Bind,
    Conditional,
    Constant,
    Has,
    Index,
    ListOf,
    Logic,
    Loop,
    MapOf,
    Name,
    Negate,
    Node,
    Not,
    OptionalIndex,
    OptionalMap,
    Otherwise,
    Select,
    Spread,
)
from cloudsealed.engine.meter import FREE_TEXT
from cloudsealed.engine.signature import Kinds
from cloudsealed.engine.values import CLASSES, KINDS, Kind, kind_of, spoken

_ORDER: Final = frozenset({"<", "<=", ">", ">="})
_ARITHMETIC: Final = frozenset({"+", "-", "*", "/", "%"})
_CLOSED: Final[frozenset[Kind]] = frozenset({"int", "uint", "double", "string", "list"})
"""Kinds whose arithmetic, where it has a value, stays in the kind."""
_DECIDED: Final = frozenset({"exists", "all"})
"""Loops that one round can decide."""
_STARTS: Final[dict[str, str]] = {
    "exists_one": "0",
    "make_map": "_make_map([], [])",
    "merge_maps": "_make_map([], [])",
}
"""What the result of another loop is before its first round; the rest begin with an empty list."""
_RESULTS: Final[dict[str, Kind]] = {"make_map": "map", "merge_maps": "map"}
_INLINE_ITEMS: Final = 32
"""A literal list longer than this is searched by the operator, which charges for it."""


class Written(NamedTuple):
    """A generated function: its source, and the names it needs."""

    source: str
    names: dict[str, object]


def write(tree: Node, source: str, variables: Sequence[str], expect_bool: bool) -> Written:
    """The Python function `run(*variables, now)` for `tree`; raises `ExpressionError`.

    With `expect_bool` it answers with the names `_yes` and `_no`, and has what lets a copy of it
    answer otherwise: see `Program.answering`.
    """
    writer = _Writer(source, variables, alone=True)
    lines = writer.function(tree, expect_bool)
    if writer.metered:
        writer = _Writer(source, variables, alone=False)
        lines = writer.function(tree, expect_bool)
    return Written("\n".join([*lines, ""]), writer.names)


class _Writer(Statements):
    """The code of each kind of node: `code` returns an expression that is valid after the
    statements collected so far."""

    def function(self, tree: Node, expect_bool: bool) -> list[str]:
        """The lines of the whole function."""
        given = ", ".join([*(self.scope[name] for name in self.scope), "now"])
        with self.block() as body:
            if expect_bool:
                self.decide(tree, f"return _told({given}) if evidence else _yes", "return _no")
            else:
                self.lines.append(f"return {self.code(tree).text}")
        opening = [f"    {line}" for line in self.opening()]
        if not expect_bool:
            return [f"def run({given}):", *opening, *body]
        return [
            f"def run({given}, evidence=False):",
            *opening,
            "    try:",
            *(f"    {line}" for line in body),
            f"    except _stops: return _exactly({given}, evidence)",
        ]

    def decide(self, node: Node, yes: str, no: str) -> None:
        """Statements that end in `yes` or `no`, as `node` is true or false.

        Both leave (`return True`, `break`, `continue`), or one is "": what follows comes next.
        """
        if isinstance(node, Not):
            self.decide(node.operand, no, yes)
        elif isinstance(node, Loop) and node.macro in _DECIDED:
            self.search(node, yes, no)
        elif isinstance(node, Logic) and (no if node.every else yes) and _searches(node):
            through = ("", no) if node.every else (yes, "")
            for operand in node.operands[:-1]:
                self.decide(operand, *through)
            self.decide(node.operands[-1], yes, no)
        else:
            self.leave(self.truth(node).text, yes, no)

    def leave(self, test: str, yes: str, no: str) -> None:
        """The statements of `decide` for a test that is an expression."""
        self.lines.append(f"if {test}: {yes}" if yes else f"if not {test}: {no}")
        if yes and no:
            self.lines.append(no)

    def search(self, node: Loop, yes: str, no: str) -> None:
        """The statements of `decide` for `exists` and `all`: a loop that one round can end."""
        found = node.macro == "exists"
        hit, miss = (yes, no) if found else (no, yes)
        at_once = hit.startswith("return")
        if not at_once and not miss:
            # Python cannot leave two loops at once, nor go on only after a `break`.
            self.leave(self.found(node), yes, no)
            return
        names, opening = self.rounds(node)
        inside = hit if at_once else "break"
        with self.perhaps(), self.binding(**names), self.block() as body:
            ends = (inside, "continue") if found else ("continue", inside)
            self.decide(cast(Node, node.condition), *ends)
        if body[-1] == "    continue":
            body.pop()
        self.lines += [*opening, *body]
        if at_once:
            self.lines += [miss] if miss else []
        else:
            self.lines += ["else:", f"    {miss}", *([hit] if hit else [])]

    def found(self, node: Loop) -> str:
        """A variable that holds what `exists` or `all` comes to."""
        result, found = self.fresh("t"), node.macro == "exists"
        self.lines.append(f"{result} = {found}")
        other = f"{result} = {not found}"
        self.search(node, *(("", other) if found else (other, "")))
        return result

    def rounds(self, node: Loop) -> tuple[dict[str, str], list[str]]:
        """The names of a loop's variables, and its statements up to the body."""
        ranged = self.code(node.range)
        item, held = self.fresh("x"), self.fresh("r")
        names, target = {node.variable: item}, item
        listed = [f"if {held}.__class__ is not _list: {held} = _items({held})"]
        if node.second is not None:
            names[node.second] = self.fresh("x")
            target = f"{item}, {names[node.second]}"
            listed = [f"{held} = _pairs({held})"]
        elif ranged.kind == "list":
            listed = []
        paid = self.charge(held, weight_of(node))
        return names, [f"{held} = {ranged.text}", *paid, *listed, f"for {target} in {held}:"]

    def truth(self, node: Node) -> Code:
        """The code of a node that must be true or false, and is exactly that when it returns."""
        code = self.code(node)
        if code.kind == "bool":
            return code
        if code.kind != "dyn":
            text = f"this must be true or false, and is {spoken(code.kind)}"
            raise self.error(node, text)
        first, held = self.hold(code.text)
        text = f"({first} is True or ({held} is not False and _refuse()))"
        return Code(text, "bool")

    def code(self, node: Node) -> Code:
        """The code of any node, by its class."""
        return _CODE[node.__class__](self, node)

    def name(self, node: Name) -> Code:
        return Code(self.scope[node.name], "dyn")

    def select(self, node: Select) -> Code:
        code = self.fields(node, node.operand, node.field)
        if code.kind == "optional":
            text = f"_optional_index({self.meter()}, {code.text}, {node.field!a})"
            return Code(text, "optional")
        return self.field(code, f"{node.field!a}")

    def field(self, code: Code, key: str) -> Code:
        """A field of a map; the text of nothing else can be given the name of one."""
        text = f"{code.text}[{key}]"
        if code.text.isidentifier():
            self.know(f"{code.text}.__class__", "_map")
        return Code(self.known.get(text, text), "dyn")

    def negation(self, node: Not) -> Code:
        return Code(f"(not {self.truth(node.operand).text})", "bool")

    def negative(self, node: Negate) -> Code:
        code = self.code(node.operand)
        kind = code.kind if code.kind in ("int", "double") else "dyn"
        return Code(f"_negate({self.meter()}, {code.text})", kind)

    def list_of(self, node: ListOf) -> Code:
        text, marks = self.sequence(node.items), self.marks(node.items)
        return Code(f"_spread({marks}, {text})" if marks else text, "list")

    def map_of(self, node: MapOf) -> Code:
        text = f"{self.sequence(node.keys)}, {self.sequence(node.values)}"
        marks = self.marks(node.values)
        return Code(f"_spread_map({marks}, {text})" if marks else f"_make_map({text})", "map")

    @staticmethod
    def marks(nodes: Sequence[Node]) -> str:
        """Which of them are optional, as a list; "" if none is."""
        marks = [isinstance(node, Spread) for node in nodes]
        return str(marks) if any(marks) else ""

    def sequence(self, nodes: Sequence[Node]) -> str:
        return f"[{', '.join(code.text for code in self.each(nodes))}]"

    def each(self, nodes: Sequence[Node]) -> list[Code]:
        """The code of nodes that may run in another order: none uses what another has learnt."""
        codes = []
        for node in nodes:
            with self.perhaps():
                codes.append(self.code(node))
        return codes

    def constant(self, node: Constant) -> Code:
        value = node.value
        literal = value is None or value.__class__ in (bool, int, str, bytes)
        return Code(ascii(value) if literal else self.named(value), kind_of(value))

    def has(self, node: Has) -> Code:
        code = self.fields(node, node.operand, node.field)
        if code.kind == "optional":
            return Code(f"_has({code.text}, {node.field!a})", "bool")
        if self.known.get(f"{code.text}.__class__") == "_map":
            return Code(f"({node.field!a} in {code.text})", "bool")
        first, held = self.hold(code.text)
        self.know(f"{held}.__class__", "_map")
        return Code(
            f"({node.field!a} in {held} if {first}.__class__ is _map else _refuse())", "bool"
        )

    def fields(self, node: Node, operand: Node, field: str) -> Code:
        """The code of an operand that must be a map, or an optional one."""
        code = self.code(operand)
        if code.kind not in ("dyn", "map", "optional"):
            raise self.error(node, f"{spoken(code.kind)} has no field {field!r}")
        return code

    def index(self, node: Index) -> Code:
        operand = self.code(node.operand)
        literal = isinstance(node.key, Constant) and node.key.value.__class__ is str
        if literal and operand.kind == "dyn":
            return self.field(operand, self.code(node.key).text)
        kind: Kind = "optional" if operand.kind == "optional" else "dyn"
        return Code(f"_index({self.meter()}, {operand.text}, {self.code(node.key).text})", kind)

    def apply(self, node: Apply) -> Code:
        function, codes = node.function, self.each(node.arguments)
        kind = function.unchanged
        if kind is None or codes[0].kind not in (kind, "dyn"):
            return self.call(node, codes)
        if codes[0].kind == kind:
            return codes[0]
        first, held = self.hold(codes[0].text)
        changed = self.call(node, [Code(held, "dyn"), *codes[1:]]).text
        return Code(f"({held} if {first}.__class__ is _{kind} else {changed})", function.result)

    def call(self, node: Apply, codes: Sequence[Code]) -> Code:
        """A call, if each value has a kind that the function takes."""
        function = node.function
        passed: list[str] = []
        tests: list[str] = []
        wanted = function.parameters_of(len(codes)) or ()
        for number, (kinds, code) in enumerate(zip(wanted, codes, strict=True)):
            if not kinds or code.kind in kinds:
                passed.append(code.text)
                continue
            if code.kind != "dyn":
                refusal = function.refusal(number, code.kind)
                raise self.error(node.arguments[number], refusal)
            first, held = self.hold(code.text)
            passed.append(held)
            tests.append(self.kind_test(first, held, kinds))
        text = self.called(node, passed, tests)
        if tests:
            passes = f"({') and ('.join(tests)})" if len(tests) > 1 else tests[0]
            text = f"({text} if {passes} else _refuse())"
        return Code(text, function.result)

    def called(self, node: Apply, passed: list[str], tests: list[str]) -> str:
        """The text of a call whose values pass `tests`, to which what it reads may be added."""
        function, first = node.function, node.arguments[0] if node.arguments else None
        if function.partial is not None and isinstance(first, Constant):
            return f"{self.named(function.partial(first.value))}({', '.join(passed[1:])})"
        if function.inline and self.paid(node, passed, tests):
            return function.inline.format(*passed)
        extra = [self.meter()] if function.metered else ["now"] if function.clocked else []
        return f"{self.named(function.run)}({', '.join([*extra, *passed])})"

    def paid(self, node: Apply, passed: list[str], tests: list[str]) -> bool:
        """Whether what a call reads is nothing, or can be paid for without a meter."""
        number = node.function.charged
        if number is None:
            return True
        argument = node.arguments[number]
        if isinstance(argument, Constant):
            return len(argument.value) < FREE_TEXT
        if self.alone:
            first, passed[number] = self.hold(passed[number])
            tests.append(self.read(first, passed[number]))
        return self.alone

    def kind_test(self, first: str, held: str, wanted: Kinds) -> str:
        """A test of the class of a value; the two texts are from `hold`."""
        classes = [f"_{kind}" for kind in KINDS.values() if kind in wanted]
        if len(classes) > 2:
            return f"{first}.__class__ in {self.named(frozenset(CLASSES[kind] for kind in wanted))}"
        return " or ".join(
            f"{text}.__class__ is {name}"
            for text, name in zip((first, held), classes, strict=False)
        )

    def logic(self, node: Logic) -> Code:
        """Short-circuits as Python does; an operand that needs statements gets a branch."""
        word = " and " if node.every else " or "
        parts: list[str] = []
        sure = self.known
        for operand in node.operands:
            with self.block() as inner:
                text = self.truth(operand).text
            if inner and parts:
                held = self.fresh("t")
                test = held if node.every else f"not {held}"
                self.lines += [f"{held} = {word.join(parts)}", f"if {test}:", *inner]
                self.lines.append(f"    {held} = {text}")
                parts = [held]
            else:
                self.lines += [line.removeprefix("    ") for line in inner]
                parts.append(text)
            if operand is node.operands[0]:
                sure = self.known
        self.known = sure
        return Code(f"({word.join(parts)})", "bool")

    def conditional(self, node: Conditional) -> Code:
        condition = self.truth(node.condition).text
        with self.perhaps(), self.block() as then_lines:
            then = self.code(node.then)
        with self.perhaps(), self.block() as other_lines:
            other = self.code(node.otherwise)
        kind = then.kind if then.kind == other.kind else "dyn"
        if not then_lines and not other_lines:
            return Code(f"({then.text} if {condition} else {other.text})", kind)
        held = self.fresh("t")
        self.lines += [
            f"if {condition}:",
            *then_lines,
            f"    {held} = {then.text}",
            "else:",
            *other_lines,
            f"    {held} = {other.text}",
        ]
        return Code(held, kind)

    def binary(self, node: Binary) -> Code:
        if node.operator in ("==", "!="):
            fast = self.equality(node)
            if fast is not None:
                return fast
        if node.operator == "in":
            fast = self.membership(node)
            if fast is not None:
                return fast
        left, right = self.each((node.left, node.right))
        if node.operator in _ORDER:
            return self.order(node.operator, left, right)
        kind: Kind = "bool"
        if node.operator in _ARITHMETIC:
            self.check_arithmetic(node, left, right)
            kind = left.kind if left.kind == right.kind and left.kind in _CLOSED else "dyn"
        return Code(
            f"{OPERATOR_NAMES[node.operator]}({self.meter()}, {left.text}, {right.text})", kind
        )

    def check_arithmetic(self, node: Binary, left: Code, right: Code) -> None:
        both = {left.kind, right.kind}
        if "dyn" in both or len(both) == 1 or both & {"timestamp", "duration"}:
            return
        message = f"{node.operator!r} cannot take {spoken(left.kind)} and {spoken(right.kind)}"
        raise self.error(node, message)

    def equality(self, node: Binary) -> Code | None:
        """`==` with a scalar literal, where Python's own comparison is exact."""
        left, right = node.left, node.right
        if isinstance(left, Constant):
            left, right = right, left
        if not isinstance(right, Constant) or isinstance(left, Constant):
            return None
        value = right.value
        same = node.operator == "=="
        if value is None or value.__class__ is bool:
            return Code(f"({self.code(left).text} {'is' if same else 'is not'} {value})", "bool")
        if operators.is_plain(value):
            return Code(f"({self.code(left).text} {node.operator} {value!a})", "bool")
        if value.__class__ is not int or value not in (0, 1):
            return None
        # Python's 0 and 1 equal False and True; the language's do not.
        first, held = self.hold(self.code(left).text)
        rest = f"and {held}.__class__ is not _bool" if same else f"or {held}.__class__ is _bool"
        return Code(f"({first} {node.operator} {value} {rest})", "bool")

    def membership(self, node: Binary) -> Code | None:
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
        return Code(f"({self.code(node.left).text} in ({literals},))", "bool")

    def order(self, operator: str, left: Code, right: Code) -> Code:
        """A comparison; ints are compared in place, the rest by the operator's function."""
        slow = OPERATOR_NAMES[operator]
        if left.kind == right.kind == "int":
            return Code(f"({left.text} {operator} {right.text})", "bool")
        if "int" not in (left.kind, right.kind):
            return Code(f"{slow}({self.meter()}, {left.text}, {right.text})", "bool")
        first, held = self.hold(left.text if right.kind == "int" else right.text)
        a, b = (held, right.text) if right.kind == "int" else (left.text, held)
        # Nothing that has an order with an int costs anything, so no meter is needed.
        exact = f"{slow}(None, {a}, {b})"
        text = f"({a} {operator} {b} if {first}.__class__ is _int else {exact})"
        return Code(text, "bool")

    def optional_index(self, node: OptionalIndex) -> Code:
        operand, key = self.each((node.operand, node.key))
        text = f"_optional_index({self.meter()}, {operand.text}, {key.text})"
        return Code(text, "optional")

    def spread(self, node: Spread) -> Code:
        return self.code(node.operand)

    def otherwise(self, node: Otherwise) -> Code:
        """`or` and `orValue`: the other side is evaluated only where it is needed."""
        first, held = self.hold(f"_held({self.code(node.operand).text})")
        found = f"_some({held}[0])" if node.whole else f"{held}[0]"
        with self.perhaps(), self.block() as lines:
            other = self.code(node.other)
            text = f"_same({other.text})" if node.whole else other.text
        kind: Kind = "optional" if node.whole else "dyn"
        if not lines:
            return Code(f"({found} if {first} else {text})", kind)
        result = self.fresh("t")
        self.lines += [
            f"if {first}: {result} = {found}",
            "else:",
            *lines,
            f"    {result} = {text}",
        ]
        return Code(result, kind)

    @contextmanager
    def binding(self, **names: str) -> Iterator[None]:
        """Within it, variables of a macro have these names."""
        outer = self.scope
        self.scope = {**outer, **names}
        try:
            yield
        finally:
            self.scope = outer

    def bind(self, node: Bind) -> Code:
        name = self.fresh("x")
        value = self.code(node.value)
        self.lines.append(f"{name} = {value.text}")
        with self.binding(**{node.variable: name}):
            return self.code(node.body)

    def optional_map(self, node: OptionalMap) -> Code:
        """An optional value is a list of one item or none, and this a loop over it."""
        item, result = self.fresh("x"), self.fresh("t")
        held = f"_held({self.code(node.operand).text})"
        with self.perhaps(), self.binding(**{node.variable: item}), self.block() as lines:
            body = self.code(node.body).text
            self.lines.append(
                f"{result} = " + (f"_same({body})" if node.flat else f"_some({body})")
            )
        self.lines += [f"{result} = _none", f"for {item} in {held}:", *lines]
        return Code(result, "optional")

    def loop(self, node: Loop) -> Code:
        """A `for` statement that leaves its result in a variable of its own."""
        if node.macro in _DECIDED:
            return Code(self.found(node), "bool")
        result = self.fresh("t")
        names, opening = self.rounds(node)
        with self.perhaps(), self.binding(**names), self.block() as body:
            self.round(node, names[node.variable], result)
        start = _STARTS.get(node.macro, "[]")
        self.lines += [*opening[:-1], f"{result} = {start}", opening[-1], *body]
        if node.macro == "sort_by":
            return Code(f"_sort_by({self.meter()}, {result})", "list")
        if node.macro == "exists_one":
            return Code(f"({result} == 1)", "bool")
        return Code(result, _RESULTS.get(node.macro, "list"))

    def round(self, node: Loop, item: str, result: str) -> None:
        """The body of a loop."""
        if node.condition is None:
            self.keep(node, item, result)
            return
        self.lines.append(f"if {self.truth(node.condition).text}:")
        with self.block() as kept:
            self.keep(node, item, result)
        self.lines += kept

    def keep(self, node: Loop, item: str, result: str) -> None:
        """The statement that takes one round into the result."""
        if node.macro == "exists_one":
            self.lines.append(f"{result} += 1")
            return
        kept = item if node.result is None else self.code(node.result).text
        match node.macro:
            case "make_map":
                self.lines.append(f"_put({result}, {item}, {kept})")
            case "merge_maps":
                self.lines.append(f"_merge({self.meter()}, {result}, {kept})")
            case "sort_by":
                self.lines.append(f"{result} += [({kept}, {item})]")
            case _:
                self.lines.append(f"{result} += [{kept}]")


def _searches(node: Node) -> bool:
    """Whether a loop that one round can decide is a part of what `node` is true by."""
    match node:
        case Not(operand=operand):
            return _searches(operand)
        case Logic(operands=operands):
            return any(_searches(operand) for operand in operands)
    return isinstance(node, Loop) and node.macro in _DECIDED


_CODE: Final[dict[type[Node], Callable[[_Writer, Any], Code]]] = {
    Constant: _Writer.constant,
    Name: _Writer.name,
    Select: _Writer.select,
    Has: _Writer.has,
    Index: _Writer.index,
    OptionalIndex: _Writer.optional_index,
    OptionalMap: _Writer.optional_map,
    Otherwise: _Writer.otherwise,
    Spread: _Writer.spread,
    Bind: _Writer.bind,
    Apply: _Writer.apply,
    Logic: _Writer.logic,
    Not: _Writer.negation,
    Negate: _Writer.negative,
    Binary: _Writer.binary,
    Conditional: _Writer.conditional,
    ListOf: _Writer.list_of,
    MapOf: _Writer.map_of,
    Loop: _Writer.loop,
}
