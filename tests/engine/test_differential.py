"""The engine against Google's cel-cpp, and its two evaluators against each other.

`make fuzz` runs the first for long; here is a short run that is always the same.
"""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from tests.engine.oracle import DOCUMENTS, NOW, evaluations

from cloudsealed.engine import EvaluationError, compile_rule
from cloudsealed.engine.language.interpreter import Bound, Interpreter
from cloudsealed.engine.language.program import SLOW, Program
from cloudsealed.engine.meter import Meter

EXPRESSIONS = 800


def test_every_value_and_every_error_is_that_of_cel_cpp() -> None:
    done = [each for seed in range(EXPRESSIONS) for each in evaluations(seed)]
    assert [each for each in done if each.differs] == []
    compared = [each for each in done if each.ours is not None]
    assert len(compared) > 2_000
    assert sum(each.ours == "error" for each in compared) > len(compared) / 20


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


@pytest.mark.parametrize("seed", range(300))
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
        assert (
            compile_rule(fail_when=program.source).judge(document, {}, NOW).outcome
            == {True: "fail", False: "pass", "error": "error"}[exact]
        )
