"""The engine against Google's cel-cpp, and its two evaluators against each other.

Expressions are made from a grammar that knows what kind each part should have and errs now and
then; documents likewise. `CLOUDSEALED_FUZZ_EXAMPLES` sets how many expressions are tried.
"""

from __future__ import annotations

import copy
import ctypes
import math
import os
import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cel_expr_python import cel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudsealed.engine import BudgetExceeded, EvaluationError, compile_rule
from cloudsealed.engine.interpreter import Bound, Interpreter
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.program import SLOW, Program
from cloudsealed.engine.times import datetime_of
from cloudsealed.engine.values import Timestamp, TypeValue, UInt

if sys.version_info < (3, 12):
    # The binding gives back a reference to None too often; without spare ones Python aborts.
    ctypes.c_ssize_t.from_address(id(None)).value += 10**9

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
EXAMPLES = int(os.environ.get("CLOUDSEALED_FUZZ_EXAMPLES", "500"))
DOCUMENTS = 8

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
        write: Callable[[int], str] = getattr(self, f"write_{kind}")
        return write(depth - 1)

    def write_int(self, d: int) -> str:
        getter = self.pick("FullYear", "Month", "DayOfWeek", "DayOfYear", "Hours", "Milliseconds")
        return self.random.choice(
            [
                lambda: f"size({self.any(d, self.pick('string', 'list', 'map', 'maps'))})",
                lambda: f"({self.any(d, 'int')} {self.pick(*'+-*/%')} {self.any(d, 'int')})",
                lambda: f"int({self.any(d, self.pick('number', 'string', 'time', 'int'))})",
                lambda: f"-{self.any(d, 'int')}",
                lambda: f"{self.any(d, 'list')}[{self.any(d, 'int')}]",
                lambda: f"{self.any(d, 'map')}[{self.any(d, self.pick(*SCALARS))}]",
                lambda: f"{self.any(d, 'time')}.get{getter}()",
            ]
        )()

    def write_number(self, d: int) -> str:
        return self.random.choice(
            [
                lambda: f"({self.any(d, 'number')} {self.pick(*'+-*/')} {self.any(d, 'number')})",
                lambda: f"double({self.any(d, 'int')})",
                lambda: f"uint({self.any(d, 'int')})",
                lambda: f"-{self.any(d, 'number')}",
            ]
        )()

    def write_string(self, d: int) -> str:
        return self.random.choice(
            [
                lambda: f"({self.any(d, 'string')} + {self.any(d, 'string')})",
                lambda: f"string({self.any(d, self.pick('int', 'bool', 'string', 'time'))})",
                lambda: f"{self.any(d, 'map')}[{self.any(d, 'string')}]",
                lambda: f"{self.any(d, 'string')}.{self.pick('lower', 'upper')}Ascii()",
            ]
        )()

    def write_list(self, d: int) -> str:
        v = self.pick(*"pqs")
        relation = self.pick("!=", "==", "in")
        return self.random.choice(
            [
                lambda: f"[{self.any(d, self.pick(*SCALARS))}, {self.any(d, self.pick(*SCALARS))}]",
                lambda: f"({self.any(d, 'list')} + {self.any(d, 'list')})",
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
                lambda: f"{{{key}: {self.any(d, self.pick(*SCALARS))}}}",
            ]
        )()

    def write_time(self, d: int) -> str:
        sign = self.pick("+", "-")
        return self.random.choice(
            [
                lambda: f"timestamp({self.any(d, 'string')})",
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


def tagged(value: Any) -> Any:
    """A value with its kinds, so that true is not 1; a uint counts as an int (the binding's)."""
    if isinstance(value, list):
        return [tagged(item) for item in value]
    if isinstance(value, dict):
        return {(key.__class__.__name__, key): tagged(item) for key, item in value.items()}
    if isinstance(value, UInt):
        return ("int", int(value))
    if isinstance(value, TypeValue):
        return ("type", value.name)
    if isinstance(value, Timestamp):
        return ("datetime", datetime_of(value))
    if isinstance(value, float) and math.isnan(value):
        return "not a number"
    return (value.__class__.__name__, value)


def theirs(found: Any) -> Any:
    """The oracle's value in the same form; it returns errors as values."""
    if found.type() == cel.Type.ERROR:
        return "error"
    value = found.value()
    if isinstance(value, list):
        return [theirs(item) for item in value]
    if isinstance(value, dict):
        return {(key.__class__.__name__, key): theirs(item) for key, item in value.items()}
    return ("type", value.name()) if isinstance(value, cel.Type) else tagged(value)


def ours(program: Program, document: dict[str, Any]) -> Any:
    try:
        return tagged(program.run((document,), NOW))
    except BudgetExceeded:
        return None
    except EvaluationError as error:
        # cel-cpp converts a bool to an int; the language definition has no such conversion.
        return None if "int, not a bool" in error.message else "error"


fuzzing = settings(
    max_examples=EXAMPLES,
    derandomize="CLOUDSEALED_FUZZ_EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
oracle = cel.NewEnv(variables={"r": cel.Type.DYN})


@fuzzing
@given(st.integers(0, 2**48))
def test_every_value_and_every_error_is_that_of_cel_cpp(seed: int) -> None:
    source = random.Random(seed)
    text = Writer(source).any(source.choice([1, 2, 2, 3, 3, 4]))
    try:
        compiled = oracle.compile(text)
    except Exception:  # its type checker refuses more than ours, which knows no declarations
        return
    program = Program(text, ("r",), {}, "any")
    for _ in range(DOCUMENTS):
        document = make_document(source)
        mine = ours(program, document)
        if mine is not None:
            assert mine == theirs(compiled.eval(data={"r": document})), (text, document)


RULES = (
    (
        "resource.IpPermissions.exists(p, port_open(p, 22, 'tcp') && "
        "p.IpRanges.exists(x, cidr_is_any(x.CidrIp) || cidr_is_public(x.CidrIp)))"
    ),
    "has(resource.Policy) && policy_allows_public(resource.Policy)",
    "policy_allows(resource.Policy, 'iam:PassRole') || policy_is_admin(resource.Policy)",
    "as_list(resource.Policy.Statement).all(s, as_list(s.Action).exists(a, glob_match('s3:*', a)))",
    "tag(resource, 'env') == 'prod' && days_since(resource.At) > 90",
    "get(resource, 'Backup.Days', 0) < 7 || !get(resource, 'MultiAZ', false)",
    "version_compare(resource.Version, '1.28') < 0",
    "resource.IpPermissions.filter(p, port_in(443, p.FromPort, p.ToPort)).size() == 1",
    "resource.Tags.map(t, t.Key).exists_one(k, k.matches('^e'))",
)
GOOD: dict[str, Any] = {
    "IpPermissions": [
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
        {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
    ],
    "Policy": {
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": ["s3:*"], "Resource": "*"}]
    },
    "Tags": [{"Key": "env", "Value": "prod"}, {"Key": "owner", "Value": "me"}],
    "At": "2026-01-01T00:00:00Z",
    "Backup": {"Days": 1},
    "MultiAZ": True,
    "Version": "1.27.3",
}
WRONG = [None, True, 0, 1, -1, 2.5, "", "x", [], {}, ["x"], {"a": 1}, "0.0.0.0/0", [None], [[]]]


def damage(source: random.Random, document: Any) -> None:
    """Delete or replace one value, anywhere in the document."""
    spots: list[tuple[Any, Any]] = []
    stack = [document]
    while stack:
        holder = stack.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        spots += [(holder, key) for key in keys]
        stack += [holder[key] for key in keys if isinstance(holder[key], dict | list)]
    if not spots:
        return
    holder, key = source.choice(spots)
    if source.random() < 0.4:
        del holder[key]
    else:
        holder[key] = copy.deepcopy(source.choice(WRONG))


@pytest.mark.parametrize("text", RULES)
def test_rules_never_need_the_interpreter_on_well_formed_documents(text: str) -> None:
    rule = compile_rule(fail_when=text)
    assert rule.judge(GOOD, {}, NOW).outcome in ("fail", "pass")
    assert rule.slow_path_hits == 0


@fuzzing
@given(st.integers(0, 2**48))
def test_both_evaluators_agree_on_damaged_documents(seed: int) -> None:
    source = random.Random(seed)
    program = Program(source.choice(RULES), ("resource",), {}, "bool")
    for _ in range(DOCUMENTS):
        document = copy.deepcopy(GOOD)
        for _ in range(source.randrange(1, 4)):
            damage(source, document)
        scope = {"resource": Bound(document)}
        try:
            exact: Any = Interpreter(Meter.at(NOW)).truth(program.tree, scope)
        except EvaluationError:
            exact = "error"
        try:
            fast: Any = program.compiled(document, NOW)
        except SLOW:
            fast = exact
        assert fast is exact, (program.source, document)
        assert compile_rule(fail_when=program.source).judge(document, {}, NOW).outcome == {
            True: "fail", False: "pass", "error": "error"
        }[exact]  # fmt: skip
