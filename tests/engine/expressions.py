"""Makes random expressions and documents: the material of the engine's differential tests.

The grammar knows what kind each part should have and errs now and then; documents likewise.
Everything follows from the `random.Random` that is given.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

FIELDS = {
    "a": "int",
    "b": "string",
    "c": "maps",
    "d": "map",
    "e": "bool",
    "f": "list",
    "g": "number",
    "h": "time",
}
SCALARS = ("int", "string", "bool", "number")
MOMENT = "2026-01-02T03:04:05Z"
LITERALS = {
    "int": ["0", "1", "2", "-1", "22", "9223372036854775807", "-9223372036854775808"],
    "number": ["1.5", "1.0", "0.0", "-0.5", "2", "1u"],
    "string": ['"x"', '"xy"', '""', '"é😀"', '"1"', f'"{MOMENT}"', "'a'", r'"\n\x41"'],
    "bool": ["true", "false"],
    "maps": ["[]", '[{"a": 1}]', '[{"a": 1, "e": true}, {}]'],
    "map": ['{"a": 1}', "{}", '{"b": "x", 1: 2}', "{true: 1}"],
    "list": ["[]", "[1, 2]", '["x", "y"]', "[1, 1.0, true]", "[0, false]", "[null]", '["x", 1]'],
    "time": [f'timestamp("{MOMENT}")', 'timestamp("1999-12-31T23:59:59.5Z")', "timestamp(0)"],
}
VALUES: dict[str, list[Any]] = {
    "int": [0, 1, 2, -1, 22, 2**63 - 1, -(2**63)],
    "string": ["x", "xy", "", "é😀", "1", "a", MOMENT],
    "bool": [True, False],
    "number": [1.5, 1.0, 0.0, -0.5, 1e300],
    "time": [MOMENT],
}


class Writer:
    """Writes random expressions over the variable r and the variables of loops."""

    def __init__(self, source: random.Random) -> None:
        self.random = source
        self.variables = ["r"]

    def pick(self, *options: str) -> str:
        return self.random.choice(options)

    def path(self, kind: str) -> str:
        text = self.random.choice(self.variables)
        if self.random.random() < 0.2:
            text += ".d"
        if self.random.random() < 0.1:
            text += self.pick(".c[0]", ".c[1]")
        field = self.random.choice([name for name, found in FIELDS.items() if found == kind])
        return text + (f".{field}" if self.random.random() < 0.9 else f'["{field}"]')

    def within(self, variable: str, write: Callable[[], str]) -> str:
        self.variables.append(variable)
        try:
            return write()
        finally:
            self.variables.pop()

    def any(self, depth: int, kind: str | None = None) -> str:
        kind = kind or self.random.choice(list(FIELDS.values()))
        if self.random.random() < 0.04 and kind not in ("maps", "list"):
            kind = self.random.choice(list(FIELDS.values()))
        if depth <= 0 or self.random.random() < 0.1:
            literal = self.random.random() < 0.4
            return self.random.choice(LITERALS[kind]) if literal else self.path(kind)
        if self.random.random() < 0.1:
            condition = self.any(depth - 1, "bool")
            return f"({condition} ? {self.any(depth - 1, kind)} : {self.any(depth - 1, kind)})"
        if self.random.random() < 0.08:
            return self.extended(depth - 1, kind)
        write: Callable[[int], str] = getattr(self, f"write_{kind}")
        return write(depth - 1)

    def extended(self, d: int, kind: str) -> str:
        """A value by way of an optional value."""
        return self.random.choice(
            [
                lambda: f"{self.optional(d, kind)}.orValue({self.any(d, kind)})",
                lambda: f"{self.optional(d, kind)}.value()",
            ]
        )()

    def whole(self, depth: int, kind: str | None = None) -> str:
        """A whole expression, now and then with `cel.bind` around it.

        The variables that it makes are maps, as those of loops are.
        """
        if self.random.random() < 0.85:
            return self.any(depth, kind)
        body = self.within("m", lambda: self.any(depth, kind))
        return f"cel.bind(m, {self.any(depth, 'map')}, {body})"

    def optional(self, d: int, kind: str) -> str:
        field = self.random.choice([name for name, found in FIELDS.items() if found == kind])
        v = self.pick(*"mn")
        options = [
            lambda: f"{self.any(d, 'map')}.?{field}",
            lambda: f'{self.any(d, "map")}[?"{field}"]',
            # Only an int: cel-cpp refuses 1.0 here, and takes it without the mark.
            lambda: f"{self.any(d, 'maps')}[?{self.pick('0', '1', '22', '-1')}].{field}",
            lambda: f"optional.of({self.any(d, kind)})",
            lambda: f"optional.ofNonZeroValue({self.any(d, kind)})",
            lambda: f"{self.any(d, 'map')}.?d.?{field}",
            lambda: f"{self.any(d, 'map')}.?d.{field}",
            lambda: "optional.none()",
        ]
        if d > 0:
            options += [
                lambda: f"{self.optional(d - 1, kind)}.or({self.optional(d - 1, kind)})",
                lambda: (
                    f"{self.optional(d - 1, 'map')}.optMap({v}, "
                    f"{self.within(v, lambda: self.any(d - 1, kind))})"
                ),
                lambda: (
                    f"{self.optional(d - 1, 'map')}.optFlatMap({v}, "
                    f"{self.within(v, lambda: self.optional(d - 1, kind))})"
                ),
            ]
        return self.random.choice(options)()

    def write_int(self, d: int) -> str:
        number, text = partial(self.any, d, "int"), partial(self.any, d, "string")
        last, extreme = self.pick("indexOf", "lastIndexOf"), self.pick("greatest", "least")
        bits = self.pick("And", "Or", "Xor", "ShiftLeft", "ShiftRight")
        getter = self.pick("FullYear", "Month", "DayOfWeek", "DayOfYear", "Hours", "Milliseconds")
        return self.random.choice(
            [
                lambda: f"size({self.any(d, self.pick('string', 'list', 'map', 'maps'))})",
                lambda: f"({self.any(d, 'int')} {self.pick(*'+-*/%')} {self.any(d, 'int')})",
                lambda: f"int({self.any(d, self.pick('number', 'string', 'time', 'int'))})",
                lambda: f"-{self.any(d, 'int')}",
                lambda: f"{text()}.{last}({text()})",
                lambda: f"{text()}.{last}({text()}, {number()})",
                lambda: f"math.{self.pick('abs', 'sign', 'bitNot')}({number()})",
                lambda: f"math.{extreme}({number()}, {number()}, {number()})",
                lambda: f"math.bit{bits}({number()}, {number()})",
                lambda: f"{self.any(d, 'list')}[{self.any(d, 'int')}]",
                lambda: f"{self.any(d, 'map')}[{self.any(d, self.pick(*SCALARS))}]",
                lambda: f"{self.any(d, 'time')}.get{getter}()",
            ]
        )()

    def write_number(self, d: int) -> str:
        rounding = self.pick("ceil", "floor", "round", "trunc", "abs", "sign", "sqrt")
        extreme = self.pick("greatest", "least")
        return self.random.choice(
            [
                lambda: f"({self.any(d, 'number')} {self.pick(*'+-*/')} {self.any(d, 'number')})",
                lambda: f"double({self.any(d, 'int')})",
                lambda: f"uint({self.any(d, 'int')})",
                lambda: f"-{self.any(d, 'number')}",
                lambda: f"math.{rounding}({self.any(d, 'number')})",
                lambda: f"math.{extreme}({self.any(d, 'number')}, {self.any(d, 'int')})",
            ]
        )()

    def write_string(self, d: int) -> str:
        number, text = partial(self.any, d, "int"), partial(self.any, d, "string")
        return self.random.choice(
            [
                lambda: f"({self.any(d, 'string')} + {self.any(d, 'string')})",
                lambda: f"string({self.any(d, self.pick('int', 'bool', 'string', 'time'))})",
                lambda: f"{self.any(d, 'map')}[{self.any(d, 'string')}]",
                lambda: f"{self.any(d, 'string')}.{self.pick('lower', 'upper')}Ascii()",
                # The lists extension, which cel-cpp's binding lacks, has `reverse` too.
                lambda: f"({self.any(d, 'string')} + '').{self.pick('trim', 'reverse')}()",
                lambda: f"{text()}.charAt({number()})",
                # cel-cpp refuses an end at the end of the text; the specification's files do not.
                lambda: f"({text()} + 'yz').substring({self.pick(*'01')}, 1)",
                # cel-cpp reads the end of a timestamp as one of the year 26.
                lambda: f"({text()} + 'yz').substring({number()})",
                lambda: f"{text()}.replace({text()}, {text()})",
                lambda: f"{text()}.replace({text()}, {text()}, {number()})",
                lambda: f"{self.any(d, 'list')}.join({text()})",
                # Only one that is there: what is not a number has a sign in cel-cpp.
                lambda: f"string({self.path('number')})",
                lambda: f"strings.quote({text()})",
                lambda: f"base64.encode(bytes({text()}))",
                lambda: f"string(base64.decode(base64.encode(bytes({text()}))))",
                lambda: (
                    f"'{self.pick('%s', '%d', '%.2f', '%x', '%b', '%e', '%s %%')}'"
                    f".format([{self.path(self.pick(*SCALARS, 'list'))}])"
                ),
            ]
        )()

    def write_list(self, d: int) -> str:
        number, text = partial(self.any, d, "int"), partial(self.any, d, "string")
        v = self.pick(*"pqs")
        relation = self.pick("!=", "==", "in")
        return self.random.choice(
            [
                lambda: f"[{self.any(d, self.pick(*SCALARS))}, {self.any(d, self.pick(*SCALARS))}]",
                lambda: f"({self.any(d, 'list')} + {self.any(d, 'list')})",
                lambda: f"{text()}.split({text()})",
                lambda: f"{text()}.split({text()}, {number()})",
                lambda: f"[?{self.optional(d, 'int')}, {self.any(d, 'int')}]",
                lambda: (
                    f"{self.any(d, 'maps')}.map({v}, "
                    f"{self.within(v, lambda: self.any(d, self.pick(*SCALARS)))})"
                ),
                lambda: (
                    f"{self.any(d, 'list')}.filter({v}, {v} {relation} "
                    f"{self.any(d, self.pick(*SCALARS, 'list'))})"
                ),
            ]
        )()

    def write_maps(self, d: int) -> str:
        v = self.pick(*"pqs")
        return self.random.choice(
            [
                lambda: f"[{self.any(d, 'map')}, {self.any(d, 'map')}]",
                lambda: f"({self.any(d, 'maps')} + {self.any(d, 'maps')})",
                lambda: (
                    f"{self.any(d, 'maps')}.filter({v}, "
                    f"{self.within(v, lambda: self.any(d, 'bool'))})"
                ),
            ]
        )()

    def write_map(self, d: int) -> str:
        key = self.any(d, self.pick("int", "string", "bool"))
        return self.random.choice(
            [
                lambda: f'{{"a": {self.any(d, "int")}, "e": {self.any(d, "bool")}}}',
                lambda: f"{self.any(d, 'maps')}[{self.pick('0', '1')}]",
                lambda: f'{{?"a": {self.optional(d, "int")}, "b": {self.any(d, "string")}}}',
                lambda: f"{{{key}: {self.any(d, self.pick(*SCALARS))}}}",
            ]
        )()

    def write_time(self, d: int) -> str:
        sign = self.pick("+", "-")
        return self.random.choice(
            [
                lambda: f"timestamp({self.path('string')})",
                lambda: f'({self.any(d, "time")} {sign} duration("1h30m"))',
            ]
        )()

    def write_bool(self, d: int) -> str:
        v = self.pick(*"pqs")
        kind = self.pick(*FIELDS.values())
        ordered = self.pick(*SCALARS, "time")
        macro = self.pick("all", "exists", "exists_one")
        search = self.pick("startsWith", "endsWith", "contains")
        pattern = self.pick('"^x"', '"[a-z]+$"', '"."')
        wanted = self.pick("int", "string", "bool", "list", "map", "double", "null_type")
        return self.random.choice(
            [
                lambda: f"({self.any(d, kind)} {self.pick('==', '!=')} {self.any(d, kind)})",
                lambda: (
                    f"({self.any(d, ordered)} {self.pick('<', '<=', '>', '>=')} "
                    f"{self.any(d, ordered)})"
                ),
                lambda: f"({self.any(d, kind)} == {self.pick('null', '0', '1', 'true')})",
                lambda: f"has({self.path('map')}.{self.pick(*FIELDS)})",
                lambda: (
                    f"({self.any(d, self.pick(*SCALARS))} in "
                    f"{self.any(d, self.pick('list', 'map'))})"
                ),
                lambda: (
                    f"{self.any(d, 'maps')}.{macro}({v}, "
                    f"{self.within(v, lambda: self.any(d, 'bool'))})"
                ),
                lambda: (
                    f"{self.any(d, 'list')}.{macro}({v}, {v} "
                    f"{self.pick('==', '!=', '<', '>=')} {self.any(d, self.pick(*SCALARS))})"
                ),
                lambda: f"{self.any(d, 'string')}.{search}({self.any(d, 'string')})",
                lambda: f"{self.any(d, 'string')}.matches({pattern})",
                lambda: f"({self.any(d, 'bool')} && {self.any(d, 'bool')})",
                lambda: f"({self.any(d, 'bool')} || {self.any(d, 'bool')})",
                lambda: f"!{self.any(d, 'bool')}",
                lambda: f"{self.optional(d, kind)}.hasValue()",
                lambda: f"({self.optional(d, kind)} == {self.optional(d, kind)})",
                lambda: f"has({self.optional(d, 'map')}.{self.pick(*FIELDS)})",
                lambda: f"math.is{self.pick('NaN', 'Inf', 'Finite')}({self.any(d, 'number')})",
                lambda: f"type({self.any(d, kind)}) == {wanted}",
            ]
        )()


def make_value(source: random.Random, kind: str, depth: int) -> Any:
    """A value of the kind; one in twenty is null or of another kind.

    A list is never a map instead: the order in which a loop meets its keys is not CEL's to say.
    """
    chance = source.random()
    if chance < 0.02:
        return None
    if chance < 0.05:
        kind = source.choice(SCALARS if kind in ("maps", "list") else list(FIELDS.values()))
    if kind == "map":
        return make_document(source, depth - 1)
    if kind == "maps":
        count = source.randrange(3) if depth > 0 else 0
        return [make_document(source, depth - 1) for _ in range(count)]
    if kind == "list":
        inner = source.choice(SCALARS)
        return [source.choice(VALUES[inner]) for _ in range(source.randrange(4))]
    return source.choice(VALUES[kind])


def make_document(source: random.Random, depth: int = 2) -> dict[str, Any]:
    kept = 0.95 if depth > 0 else 0.6
    return {
        field: make_value(source, kind, depth)
        for field, kind in FIELDS.items()
        if source.random() < kept
    }
