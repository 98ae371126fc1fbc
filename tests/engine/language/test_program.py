from __future__ import annotations

import ast
from collections.abc import Mapping
from datetime import datetime
from types import FunctionType

import pytest

from cloudsealed.engine import EvaluationError, compile_expression, compile_rule
from cloudsealed.engine.language import program as program_module
from cloudsealed.engine.language.program import Program, _load


def program(source: str) -> Program:
    return Program(source, ("resource",), {}, "bool")


def test_well_formed_documents_never_need_the_interpreter(now: datetime) -> None:
    rule = program(
        "resource.IpPermissions.exists(p, (p.IpProtocol == '-1' || (has(p.FromPort) && "
        "p.FromPort <= 22 && p.ToPort >= 22)) && p.IpRanges.exists(x, x.CidrIp == '0.0.0.0/0'))"
    )
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": []}
    every = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    assert rule.run(({"IpPermissions": [ssh, every]},), now) is True
    assert rule.run(({"IpPermissions": [ssh]},), now) is False
    assert rule.slow_path_hits == 0


def test_the_interpreter_decides_where_the_function_stopped(now: datetime) -> None:
    rule = program("resource.a == 1 || resource.b == 2")
    assert rule.run(({"b": 2},), now) is True
    assert rule.slow_path_hits == 1


def test_a_fault_of_the_generator_is_seen(now: datetime) -> None:
    rule = program("resource.a == 1")

    def broken(*_: object) -> object:
        return missing  # type: ignore[name-defined]  # noqa: F821

    rule.compiled = broken
    with pytest.raises(NameError):
        rule.run(({"a": 1},), now)
    assert rule.slow_path_hits == 0


@pytest.mark.parametrize(
    "source",
    [
        "resource.__class__.__mro__ == 1",
        "resource['__class__'] == 1",
        "resource[\"'] or __import__('os').system('id') or v0['\"] == 1",
        "resource.a == '\\'); import os; (\\''",
        r'resource.a == "\\" || resource.b == "\"\n\u2028{0}{x!r}%s"',
        "resource.a == '''\n    return True\n'''",
        'resource.a == """\'\'\'"""',
        "resource.`a-b c` == r'\\'",
        "resource.exists(lambda, lambda == '__builtins__')",
        "resource.exists(now, now == 'a')",
    ],
)
def test_text_of_an_expression_is_never_code(source: str, now: datetime) -> None:
    rule = program(source)
    names = {node.id for node in ast.walk(ast.parse(rule.generated)) if isinstance(node, ast.Name)}
    made = all(
        name[0] == "_" or name[1:].isdigit() or name in ("now", "used", "evidence")
        for name in names
    )
    assert made, names
    with pytest.raises(EvaluationError):
        rule.run(([],) if "exists" not in source else (None,), now)


def test_a_document_cannot_hide_an_object_behind_a_field(now: datetime) -> None:
    with pytest.raises(EvaluationError, match="no field '__class__'"):
        program("resource.__class__ == 1").run(({"a": 1},), now)


@pytest.mark.parametrize(
    "code",
    [
        "import os",
        "lambda: 1",
        "x.__dict__",
        "meter.__dict__",
        "x.left",
        "__import__('os')",
        "[x for x in y]",
        "f'{x}'",
        "v0 ** 9",
        "[x1 for x1 in v0]",
        "v0.__class__.__mro__",
        "v0.left",
        "meter.left.real",
        "v0['a'].format",
        "f'{v0}'",
        "k1 if lambda: v0",
        "{v0}",
        "v0; v0",
        "@v0",
        "_v__class__",
        "now_",
        "'a' 'b\n'",
        "del x",
        "while 1: pass",
    ],
)
def test_the_second_barrier_refuses_foreign_code(code: str) -> None:
    with pytest.raises(AssertionError, match="generated code may not hold"):
        _load(code, {})


@pytest.mark.parametrize(
    "code",
    [
        "v0[1:2]",
        "_has(*v0)",
        "v0 is not v1 if _has(v0, now=v1) else v2",
        "v0: v1 = 1",
        "v0 -= v1[:]",
    ],
)
def test_the_third_barrier_refuses_other_kinds_of_nodes(code: str) -> None:
    with pytest.raises(AssertionError, match=r"may not hold (Slice|Starred|keyword|AnnAssign)"):
        _load(code, {})


def test_generated_functions_have_no_builtins(now: datetime) -> None:
    rule = program("resource.a == 1")
    assert rule.compiled.__globals__["__builtins__"] == {}
    assert rule.run(({"a": 1},), now) is True


def test_an_error_names_the_path_that_was_read(now: datetime) -> None:
    cases = {
        "resource.Versioning.Status == 'a'": "resource.Versioning",
        "resource.L.all(x, x.Name == 'a')": "resource.L[1].Name",
        "resource.L.filter(x, has(x.B)).all(y, y.Name == 'a')": "resource.L[1].Name",
        "as_list(resource.M).all(x, x.Name == 'a')": "resource.M.Name",
        "resource.N + 'a' == 'b'": "resource.N",
        "resource.N.startsWith('a')": "resource.N",
        "resource.L[7] == 1": "resource.L[7]",
        "resource.L.all(x, cidr_is_any(x.Cidr))": "resource.L[0].Cidr",
        "!resource.N": "resource.N",
        "resource['a b'] == 1": "resource['a b']",
        "1 / 0 == 1": "",
    }
    document = {"L": [{"Name": "a", "Cidr": 5}, {"B": 1}], "M": {}, "N": 1}
    for source, path in cases.items():
        with pytest.raises(EvaluationError) as caught:
            program(source).run((document,), now)
        assert caught.value.path == path, source


def test_deep_trees_of_every_operator_compile(now: datetime) -> None:
    shapes = {
        "({} == 1)": "true",
        "(!{})": "true",
        "({} ? true : false)": "true",
        "[{}][0]": "true",
        "({} < 5)": "1",
        "(-{})": "1",
        "({} + 1)": "1",
        "get({{'a': {}}}, 'a', 1)": "1",
        "as_list({})": "1",
        "tag({}, 'a')": "{'Tags': {'a': 'b'}}",
        "string({})": "1",
        "({} && resource.exists(x, true))": "true",
        "(resource.exists(x, true) || {})": "true",
    }
    for shape, leaf in shapes.items():
        source = leaf
        for _ in range(12):
            source = shape.format(source)
        assert Program(source, ("resource",), {}, "any").compiled


def test_a_document_nested_without_end_ends_in_an_error(now: datetime) -> None:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    twin: list[object] = []
    for _ in range(5_000):
        twin = [twin]
    with pytest.raises(EvaluationError, match="nested too deeply"):
        program("resource.a == resource.b").run(({"a": deep, "b": twin},), now)


def test_a_text_that_names_no_parameter_is_compiled_once() -> None:
    one, two = program("resource.a == 1"), program("resource.a == 1")
    assert one.compiled is two.compiled
    other = Program("resource.a == 1", ("resource", "related"), {}, "bool")
    assert other.compiled is not one.compiled


def test_a_function_is_made_when_it_first_runs(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def load(source: str, names: Mapping[str, object]) -> FunctionType:
        made.append(source)
        return _load(source, names)

    monkeypatch.setattr(program_module, "_load", load)
    rule = compile_rule(fail_when="resource.made_late == 1", applies_when="resource.late")
    assert (rule.reads, made) == ({("resource", "late"), ("resource", "made_late")}, [])
    for _ in range(2):
        assert rule.judge({"late": True, "made_late": 1}, {}, now).outcome == "fail"
    assert len(made) == 2


def test_what_is_written_is_loaded_before_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, names: Mapping[str, object]) -> FunctionType:
        assert "'kept'" not in source
        return _load(source, names)

    monkeypatch.setattr(program_module, "_load", refuse)
    for made in (
        compile_rule(fail_when="resource.kept == 1"),
        compile_rule(fail_when="true", severity_when=[("resource.kept == 2", "high")]),
        compile_expression("resource.kept == 3", variables=("resource",)),
    ):
        with pytest.raises(AssertionError):
            made.ready()


def test_a_parameter_is_never_shared(now: datetime) -> None:
    limits = [
        Program("resource.a > params.n", ("resource",), {"params": {"n": n}}, "bool")
        for n in (1, 9)
    ]
    assert [limit.run(({"a": 5},), now) for limit in limits] == [True, False]


def test_what_is_shared_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        program("resource.a == 1")._shared.source = "true"  # type: ignore[misc]  # that is the test


def test_optional_syntax_needs_no_interpreter(now: datetime) -> None:
    rule = program(
        "resource.?a.b.orValue(0) > 1 || resource.?l[?0].optMap(x, x + 1).orValue(1) == 3"
    )
    outcomes = [rule.run((document,), now) for document in ({}, {"a": {"b": 2}}, {"l": [2]})]
    assert outcomes == [False, True, True]
    assert rule.slow_path_hits == 0
