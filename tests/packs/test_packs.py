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
from tests.grouped import each_policy_of

from cloudsealed.collectors.attributes import attributes_of
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.engine import DocumentType, PartialList, Rule, Unknown, compile_expression
from cloudsealed.engine.functions.identities import IDENTITIES
from cloudsealed.engine.functions.kubernetes.rbac import RBAC
from cloudsealed.engine.functions.marks import MARKS
from cloudsealed.engine.functions.network import NETWORK
from cloudsealed.engine.functions.policies import IAM
from cloudsealed.engine.functions.resource_policies import RESOURCE_POLICIES
from cloudsealed.kit.shapes import Use
from cloudsealed.packs import (
    EXAMPLES_AT,
    Example,
    Framework,
    PolicySpec,
    Relation,
    check_form,
    load_frameworks,
    load_policies,
    parse_policy,
)
from cloudsealed.policies.files import rule_of
from cloudsealed.policies.trial import judged
from cloudsealed.vocabulary import Dimension, Outcome, Provider

POLICIES = load_policies()
POLICY_FIELDS = tuple(check_form().of(Use.FILE).known)
FIRST = ("key", "version")
FILE_FIELDS = ("key", "version", "like", "with", *(n for n in POLICY_FIELDS if n not in FIRST))
KEYS = {policy.key for policy in POLICIES}
each_policy = each_policy_of(POLICIES)
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
    written = yaml.load(text_of(policy), LOADER)
    fields = list(written)
    assert fields == [name for name in FILE_FIELDS if name in fields]
    assert policy.key.startswith(("aws-", "k8s-"))
    assert policy.description
    assert policy.message
    assert policy.remediation
    assert "like" in written or "effort" in written["remediation"]


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
    for functions in (IAM, IDENTITIES, MARKS, NETWORK, RBAC, RESOURCE_POLICIES)
    for function in functions
}
"""What is called of policy documents, of roles, of the network and of secrets."""


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
def test_its_examples_have_only_fields_that_the_provider_answers(policy: PolicySpec) -> None:
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
    for_authors = ("kind", "applies_because", "equivalents", "examples")
    said = [name for name in POLICY_FIELDS if name not in for_authors]
    left_out: dict[str, Any] = {"foreign": False, "severity_when": (), "savings": ()}
    left_out |= {"unpriced": None, "yields_to": ()}
    absent = [name for name, nothing in left_out.items() if getattr(policy, name) == nothing]
    assert list(policy.as_dict()) == [name for name in said if name not in absent]


def test_each_key_and_each_earlier_key_is_there_once() -> None:
    names = [name for policy in POLICIES for name in (policy.key, *policy.formerly)]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_the_four_dimensions_have_their_share() -> None:
    counts = Counter(policy.dimension for policy in POLICIES)
    assert counts[Dimension.SECURITY] >= 34
    assert min(counts[each] for each in Dimension) >= 12


FRAMEWORKS = {framework.key: framework for framework in load_frameworks()}
each_framework = pytest.mark.parametrize(
    "framework", FRAMEWORKS.values(), ids=lambda each: each.key
)


def named_in(framework: Framework) -> list[str]:
    """The keys of the policies under a framework's controls, one for each control."""
    return [key for control in framework.controls for key in control.policies]


def providers_of(policy: PolicySpec) -> set[str]:
    return {Provider.of_type(name).value for name in policy.resource_types}


@each_framework
def test_the_policies_of_a_framework_exist_and_are_of_its_provider(framework: Framework) -> None:
    of_provider = {p.key for p in POLICIES if providers_of(p) == {framework.provider}}
    assert set(named_in(framework)) <= of_provider


@each_framework
def test_each_control_of_a_framework_is_there_once(framework: Framework) -> None:
    ids = Counter(control.id for control in framework.controls)
    assert [ident for ident, count in ids.items() if count > 1] == []
    assert all(control.level in (1, 2) for control in framework.controls)


@each_framework
def test_each_control_of_a_framework_for_kubernetes_is_decided_or_left_to_a_person(
    framework: Framework,
) -> None:
    if framework.provider == Provider.KUBERNETES:
        undecided = [c.id for c in framework.controls if not c.policies and not c.manual]
        assert undecided == []


def test_the_baselines_hold_every_policy_once_each_those_of_its_provider() -> None:
    baselines = [each for key, each in FRAMEWORKS.items() if key.startswith("cloudsealed-baseline")]
    assert {each.provider for each in baselines} == {provider.value for provider in Provider}
    assert sorted(key for each in baselines for key in named_in(each)) == sorted(KEYS)


@pytest.mark.parametrize("key", [key for key in FRAMEWORKS if key.startswith("cloudsealed-")])
def test_a_baseline_has_each_policy_under_its_dimension(key: str) -> None:
    dimensions = {policy.key: policy.dimension.value for policy in POLICIES}
    for section in FRAMEWORKS[key].sections:
        assert all(control.id.startswith(f"{section.id}.") for control in section.controls)
        held = {policy for control in section.controls for policy in control.policies}
        assert {dimensions[policy] for policy in held} == {section.id}


@pytest.mark.parametrize(
    "key", [key for key, framework in FRAMEWORKS.items() if framework.services]
)
def test_a_baseline_says_what_people_call_each_service_and_no_other(key: str) -> None:
    held = {policy.split("-", 2)[1] for policy in named_in(FRAMEWORKS[key])}
    assert set(FRAMEWORKS[key].services) == held


def numbered(parts: Mapping[str, int]) -> list[str]:
    """The controls' ids that chapters have, by how many there are in each."""
    return [f"{part}.{number}" for part, count in parts.items() for number in range(1, count + 1)]


def test_cis_5_0_has_its_63_controls() -> None:
    expected = numbered({"1": 21, "2.1": 4, "2.2": 4, "2.3": 1, "3": 9, "4": 16, "5.1": 2})
    expected += [f"5.{n}" for n in range(2, 8)]
    assert [control.id for control in FRAMEWORKS["cis-aws-5.0"].controls] == expected


CIS_KUBERNETES = {
    "cis-kubernetes-1.11": (
        {"1.1": 21, "1.2": 30, "1.3": 7, "1.4": 2, "2": 7, "3.1": 3, "3.2": 2, "4.1": 10}
        | {"4.2": 15, "4.3": 1, "5.1": 13, "5.2": 13, "5.3": 2, "5.4": 2, "5.5": 1, "5.6": 4},
        {"1.2.12", "1.2.13", "1.2.14", "2.7", "3.2.2", "4.2.8", "4.2.15", "5.2.7", "5.2.10"}
        | {"5.3.2", "5.4.1", "5.4.2", "5.5.1", "5.6.2", "5.6.3", "5.6.4"},
    ),
    "cis-eks-1.8": (
        {"2.1": 2, "3.1": 4, "3.2": 9, "4.1": 12, "4.2": 5, "4.3": 2, "4.4": 2, "4.5": 2}
        | {"5.1": 4, "5.2": 1, "5.3": 1, "5.4": 5, "5.5": 1},
        {"3.2.7", "3.2.8", "4.3.2", "4.4.1", "4.4.2", "4.5.2", "5.1.4", "5.4.2", "5.4.5", "5.5.1"},
    ),
    "cis-gke-1.9": (
        {"3.1": 4, "4.1": 10, "4.2": 1, "4.3": 2, "4.4": 2, "4.5": 1, "4.6": 4, "5.1": 4, "5.2": 2}
        | {"5.3": 1, "5.4": 1, "5.5": 7, "5.6": 7, "5.7": 2, "5.8": 3, "5.9": 2, "5.10": 4},
        {"4.1.8", "4.3.2", "4.4.1", "4.4.2", "4.5.1", "4.6.2", "4.6.3", "4.6.4", "5.1.1", "5.1.2"}
        | {"5.1.3", "5.1.4", "5.2.2", "5.3.1", "5.4.1", "5.5.2", "5.5.3", "5.5.7", "5.6.1"}
        | {"5.6.3", "5.6.4", "5.6.6", "5.6.7", "5.7.2", "5.8.2", "5.9.1", "5.9.2"}
        | {"5.10.3", "5.10.4"},
    ),
}
"""How many controls each chapter of a benchmark has, and which of them are of its level 2."""


@pytest.mark.parametrize("key", CIS_KUBERNETES)
def test_cis_for_kubernetes_has_its_controls(key: str) -> None:
    parts, second = CIS_KUBERNETES[key]
    controls = FRAMEWORKS[key].controls
    assert [control.id for control in controls] == numbered(parts)
    assert {control.id for control in controls if control.level == 2} == second


POD_SECURITY = {
    "host-process": ("hostProcess",),
    "host-namespaces": ("hostNetwork", "hostPID", "hostIPC"),
    "privileged": ("privileged",),
    "capabilities": ("capabilities",),
    "host-path": ("hostPath",),
    "host-ports": ("hostPort",),
    "host-probes": ("host",),
    "apparmor": ("appArmorProfile",),
    "selinux": ("seLinuxOptions",),
    "proc-mount": ("procMount",),
    "seccomp": ("seccompProfile",),
    "sysctls": ("sysctls",),
}
"""What the Pod Security Standards list at the level baseline, and the fields that each is about."""

POD_SECURITY_RESTRICTED = {
    "volume-types": ("volumes",),
    "privilege-escalation": ("allowPrivilegeEscalation",),
    "non-root": ("runAsNonRoot",),
    "non-root-user": ("runAsUser",),
    "seccomp": ("seccompProfile",),
    "capabilities": ("capabilities",),
}
"""What the level restricted adds, or asks for more strictly."""


@pytest.mark.parametrize(
    ("key", "listed", "level"),
    [
        ("pss-baseline", POD_SECURITY, "baseline"),
        ("pss-restricted", POD_SECURITY, "baseline"),
        ("pss-restricted", POD_SECURITY_RESTRICTED, "restricted"),
    ],
)
def test_the_pod_security_standards_have_what_they_list_and_policies_read_it(
    key: str, listed: Mapping[str, tuple[str, ...]], level: str
) -> None:
    rules = {policy.key: policy.fail_when for policy in POLICIES}
    for name, fields in listed.items():
        (section,) = (each for each in FRAMEWORKS[key].sections if each.id == name)
        controls = [each for each in section.controls if each.id.startswith(f"{level}.")]
        read = "\n".join(rules[policy] for control in controls for policy in control.policies)
        assert [field for field in fields if not re.search(rf"\b{field}\b", read)] == [], name


def test_the_restricted_pod_security_standard_holds_the_baseline() -> None:
    baseline, restricted = FRAMEWORKS["pss-baseline"], FRAMEWORKS["pss-restricted"]
    assert set(POD_SECURITY) == {section.id for section in baseline.sections}
    assert {*POD_SECURITY, *POD_SECURITY_RESTRICTED} == {each.id for each in restricted.sections}
    assert set(baseline.controls) <= set(restricted.controls)


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
