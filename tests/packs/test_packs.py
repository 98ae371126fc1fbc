"""Every built-in policy and framework: its file, its examples, and the attributes that it reads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import jmespath
import pytest
import yaml

from cloudsealed.collectors.attributes import attributes_of
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.engine import DocumentType, PartialList, Rule, Unknown, compile_expression
from cloudsealed.engine.functions.identities import IDENTITIES
from cloudsealed.engine.functions.marks import MARKS
from cloudsealed.engine.functions.network import NETWORK
from cloudsealed.engine.functions.policies import IAM
from cloudsealed.engine.functions.resource_policies import RESOURCE_POLICIES
from cloudsealed.kit.shapes import Use
from cloudsealed.packs import (
    EXAMPLES_AT,
    Example,
    PolicySpec,
    Relation,
    check_form,
    load_frameworks,
    load_policies,
    parse_policy,
)
from cloudsealed.policies.files import rule_of
from cloudsealed.policies.trial import judged
from cloudsealed.vocabulary import Dimension, Outcome

POLICIES = load_policies()
POLICY_FIELDS = tuple(check_form().of(Use.FILE).known)
KEYS = {policy.key for policy in POLICIES}
each_policy = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.key)


def text_of(policy: PolicySpec) -> str:
    path = files("cloudsealed.packs") / policy.dimension.value / f"{policy.key}.yaml"
    return path.read_text("utf-8")


def document_type(*types: str) -> DocumentType:
    return DocumentType.any_of([DocumentType(name, attributes_of(name)) for name in types])


def compiled(policy: PolicySpec) -> Rule:
    return rule_of(policy)


def strangers(value: Any, known: Mapping[str, Any] | None, path: str = "") -> list[str]:
    """The paths in `value` that no document of the type has."""
    if known is None:
        return []
    if isinstance(value, list):
        return [found for item in value for found in strangers(item, known, path)]
    if not isinstance(value, dict) or "redacted" in value:
        return []
    unknown = [f"{path}.{name}" for name in value if name not in known]
    below = [(value[name], known[name], f"{path}.{name}") for name in value if name in known]
    return unknown + [found for each in below for found in strangers(*each)]


@each_policy
def test_the_file_is_named_by_its_key_and_has_its_fields_in_the_usual_order(
    policy: PolicySpec,
) -> None:
    fields = list(yaml.safe_load(text_of(policy)))
    assert fields == [name for name in POLICY_FIELDS if name in fields]
    assert policy.key.startswith("aws-")
    assert policy.description
    assert policy.message
    assert policy.remediation
    assert "effort" in yaml.safe_load(text_of(policy))["remediation"]


@each_policy
def test_it_asks_for_types_that_are_collected(policy: PolicySpec) -> None:
    asked = {*policy.resource_types, *(relation.type for relation in policy.related.values())}
    assert asked <= set(RESOURCE_TYPES)


@each_policy
def test_it_compiles_against_the_attributes_of_its_types(policy: PolicySpec) -> None:
    assert compiled(policy).reads


@each_policy
def test_its_examples_end_as_they_say_without_the_slow_path(policy: PolicySpec) -> None:
    rule = compiled(policy)
    before = rule.slow_path_hits  # a rule is compiled once, and may have judged elsewhere
    found = [(judged(rule, example), example.outcome) for example in policy.examples]
    assert [(j.outcome, j.error) for j, _ in found] == [(o.value, None) for _, o in found]
    wanted = set(Outcome) if policy.applies_when else {*Outcome} - {Outcome.NOT_APPLICABLE}
    assert wanted <= {outcome for _, outcome in found}
    assert rule.slow_path_hits == before
    said = [(j, e.severity) for (j, _), e in zip(found, policy.examples, strict=True)]
    assert all((j.severity or policy.severity) == severity for j, severity in said if severity)
    severities = {j.severity for j, _ in found if j.outcome == "fail"}
    assert {each.severity for each in policy.severity_when} <= severities


HARD_TO_JUDGE = {
    function.name
    for functions in (IAM, IDENTITIES, MARKS, NETWORK, RESOURCE_POLICIES)
    for function in functions
}
"""What is called of policy documents, of the network and of secrets."""


@each_policy
def test_what_is_hard_to_judge_is_tried_thrice_in_both_directions(policy: PolicySpec) -> None:
    if HARD_TO_JUDGE & compiled(policy).functions:
        tried = Counter(example.outcome for example in policy.examples)
        assert min(tried[Outcome.FAIL], tried[Outcome.PASS]) >= 3


@each_policy
def test_what_decides_and_was_not_read_leaves_it_unknown(policy: PolicySpec) -> None:
    rule, said = compiled(policy), set()
    for example in (each for each in policy.examples if each.outcome is Outcome.FAIL):
        for resource, related in unread(example, rule):
            said.add(rule.judge_partly(resource, related, now=EXAMPLES_AT).outcome)
    assert {"unknown"} <= said <= {"unknown", "fail"}


def unread(example: Example, rule: Rule) -> Iterator[tuple[Any, Any]]:
    """Yield the documents of an example, in each of which one attribute or list was not read."""
    denied = frozenset({"denied"})
    for name in {path[1] for path in rule.reads if path[0] == "resource" and path[1:]}:
        yield {**example.resource, name: Unknown(denied)}, example.related
    for name in example.related:
        nothing = PartialList((), denied, is_open=True)
        yield example.resource, {**example.related, name: nothing}


@each_policy
def test_its_message_names_the_resource_of_each_failing_example(policy: PolicySpec) -> None:
    rule = compiled(policy)
    for example in policy.examples:
        judgement = judged(rule, example)
        if judgement.outcome == "fail":
            assert judgement.message
            assert "{" not in judgement.message
            assert not judgement.message.endswith(": -")
            assert " - " not in judgement.message


@each_policy
def test_its_examples_have_only_fields_that_aws_answers(policy: PolicySpec) -> None:
    known = document_type(*policy.resource_types).fields
    for example in policy.examples:
        assert strangers(example.resource, known) == []
        for name, documents in example.related.items():
            assert strangers(documents, attributes_of(policy.related[name].type)) == []


@each_policy
def test_the_examples_of_a_join_are_joined(policy: PolicySpec) -> None:
    joins: list[tuple[str, Relation]] = [
        (name, relation) for name, relation in policy.related.items() if relation.key
    ]
    for example in policy.examples:
        for name, relation in joins:
            ids = jmespath.search(relation.source, example.resource)
            for document in example.related[name]:
                key = jmespath.search(relation.key, document)
                assert shares(ids, key), f"{name}: {ids!r} and {key!r}"


def shares(one: Any, other: Any) -> bool:
    first, second = (each if isinstance(each, list) else [each] for each in (one, other))
    return None not in first and not set(first).isdisjoint(second)


@each_policy
def test_it_uses_every_relation_and_every_parameter_that_it_declares(policy: PolicySpec) -> None:
    read = {path[1] for path in compiled(policy).reads if path[0] == "related" and path[1:]}
    assert read == set(policy.related)
    degrees = [degree.when for degree in policy.severity_when]
    text = "\n".join([policy.applies_when or "", policy.fail_when, *degrees])
    assert set(re.findall(r"\bparams\.([a-z0-9_]+)", text)) == set(policy.params)


@each_policy
def test_its_digest_covers_everything_but_the_examples(policy: PolicySpec) -> None:
    text = text_of(policy)
    without = text[: text.index("\nexamples:") + 1]
    same = parse_policy(without, file="x.yaml")
    assert same.as_dict() == policy.as_dict()
    for_authors = ("kind", "applies_because", "examples")
    said = [name for name in POLICY_FIELDS if name not in for_authors]
    left_out = {"foreign": False, "severity_when": (), "yields_to": ()}
    absent = [name for name, nothing in left_out.items() if getattr(policy, name) == nothing]
    assert list(policy.as_dict()) == [name for name in said if name not in absent]


def test_each_key_and_each_earlier_key_is_there_once() -> None:
    names = [name for policy in POLICIES for name in (policy.key, *policy.formerly)]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_the_four_dimensions_have_their_share() -> None:
    counts = Counter(policy.dimension for policy in POLICIES)
    assert counts[Dimension.SECURITY] >= 34
    assert min(counts[each] for each in Dimension) >= 12


def test_policies_of_frameworks_exist() -> None:
    for framework in load_frameworks():
        named = {key for control in framework.controls for key in control.policies}
        assert named <= KEYS, framework.key


def test_the_baseline_holds_every_policy_once() -> None:
    (baseline,) = (each for each in load_frameworks() if each.key == "cloudsealed-baseline")
    named = [key for control in baseline.controls for key in control.policies]
    assert sorted(named) == sorted(KEYS)


def test_cis_5_0_has_its_63_controls() -> None:
    (cis,) = (each for each in load_frameworks() if each.key == "cis-aws-5.0")
    parts = {"1": 21, "2.1": 4, "2.2": 4, "2.3": 1, "3": 9, "4": 16, "5.1": 2}
    expected = [f"{part}.{n}" for part, count in parts.items() for n in range(1, count + 1)]
    expected += [f"5.{n}" for n in range(2, 8)]
    assert [control.id for control in cis.controls] == expected
    assert all(control.level in (1, 2) for control in cis.controls)


STATES = re.compile(r"State|Status|Health|Enabled|Available|Active")
"""What the name of an attribute holds that something may change from one day to the next."""


@each_policy
def test_a_state_that_decides_whether_it_applies_has_its_reason(policy: PolicySpec) -> None:
    names = {"resource", "related", "params"}
    reads = policy.applies_when and compile_expression(policy.applies_when, variables=names).reads
    states = {path for path in reads or () if any(STATES.search(step) for step in path)}
    # Where the problem itself ends such a state, an outcome that got worse would count as fixed.
    assert bool(states) == (policy.applies_because is not None), states


@each_policy
def test_it_names_no_partition(policy: PolicySpec) -> None:
    rule = f"{policy.applies_when} {policy.fail_when}"
    assert "arn:aws" not in rule + text_of(policy).partition("\nexamples:")[0]
    assert not re.search(r"endsWith\(\"[^\"]*:policy/", rule)  # a name that an own policy may have


def test_a_certificate_that_expires_goes_on_failing() -> None:
    rule = compiled(next(p for p in POLICIES if p.key == "aws-acm-certificate-expiring"))
    for status, until in (("ISSUED", "2026-01-11T00:00:00Z"), ("EXPIRED", "2025-12-31T00:00:00Z")):
        certificate = {"DomainName": "example.com", "Status": status, "NotAfter": until}
        judgement = rule.judge({"Certificate": certificate}, {}, EXAMPLES_AT)
        assert judgement.outcome == "fail"
