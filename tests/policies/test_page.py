"""The page of a policy says everything that its file does, and nothing of it becomes markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from tests.grouped import each_policy_of

from cloudsealed.collectors.asked import calls_of
from cloudsealed.collectors.providers import provider_of
from cloudsealed.collectors.registry import rows_of
from cloudsealed.kit.markdown import text
from cloudsealed.packs import PolicyFileError, PolicySpec, load_policies
from cloudsealed.policies.files import read_policy, rule_of
from cloudsealed.policies.frameworks import builtin_controls, controls_of, frameworks
from cloudsealed.policies.model import public
from cloudsealed.policies.needs import needs_of
from cloudsealed.policies.page import page
from cloudsealed.testing.factories import make_policy

POLICIES = {policy.key: policy for policy in load_policies()}
PARSER = MarkdownIt("commonmark").enable("table")
each_policy = each_policy_of(POLICIES.values())

OWN = """\
key: queue-name
title: "Queue *is* called <b>orders</b> | 1 &amp; 2"
dimension: compliance
severity: low
resource_types: [aws.sqs.queue]
description: |
  # Names
  say [what](x) a thing is.

  - and `where`
fail_when: resource.QueueUrl.endsWith("orders")
remediation: {summary: Rename it., cli: "echo '```'", effort: low}
references: ["![x](y)"]
examples:
  fail:
    - resource: {QueueUrl: https://example.com/orders}
"""


def own() -> PolicySpec:
    return read_policy(OWN, file="own.yaml")


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or ()]


def heads(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", text, re.MULTILINE)


def fences(text: str, language: str) -> list[str]:
    return [t.content for t in PARSER.parse(text) if t.type == "fence" and t.info == language]


@each_policy
def test_a_built_in_policy_has_every_part_once_and_in_its_order(policy: PolicySpec) -> None:
    found = heads(page(policy))[1:]
    usual = [
        "Why it matters",
        "How to fix it",
        "How it decides",
        "Examples",
        "One that fails",
        "One that passes",
        "Controls",
        "What it reads",
        "References",
    ]
    assert found == [head for head in usual if head in found]
    missing = set(usual) - set(found)
    assert missing <= {"Controls", "What it reads", "References"}


@each_policy
def test_its_expressions_params_and_examples_are_there_as_they_are(policy: PolicySpec) -> None:
    text = page(policy)
    degrees = [each.when for each in policy.severity_when]
    saved = [f"{each.price}\n{each.quantity}" for each in policy.savings]
    rules = (policy.applies_when, policy.fail_when, *degrees, *saved)
    expressions = [each for each in rules if each]
    assert fences(text, "cel") == [f"{each.rstrip()}\n" for each in expressions]
    *params, fails, passes = (json.loads(each) for each in fences(text, "json"))
    assert params == ([policy.params] if policy.params else [])
    documents = [example.resource for example in policy.examples]
    assert fails["resource"] in documents
    assert passes["resource"] in documents


@each_policy
def test_it_names_its_controls_by_framework(policy: PolicySpec) -> None:
    lines = page(policy).splitlines()
    for served in builtin_controls().get(policy.key, ()):
        framework = frameworks()[served["framework"]]
        head = f"| {text(framework.title)} | {text(framework.version)} | "
        (line,) = (line for line in lines if line.startswith(head))
        named = line.removeprefix(head).split("; ")
        assert any(each.startswith(f"{text(served['control'])} ") for each in named), served


def test_a_policy_of_ones_own_has_the_same_page_and_only_the_parts_that_it_has() -> None:
    assert heads(page(own()))[1:] == [
        "Why it matters",
        "How to fix it",
        "How it decides",
        "Examples",
        "One that fails",
        "What it reads",
        "References",
    ]


def test_a_policy_of_ones_own_names_the_controls_that_it_serves_known_or_not() -> None:
    served = "[{framework: cis-aws-5.0, control: 2.1.1}, {framework: house-rules, control: A}]"
    said = page(read_policy(OWN.replace("fail_when:", f"controls: {served}\nfail_when:"), file="x"))
    (asks,) = (c.title for c in frameworks()["cis-aws-5.0"].controls if c.id == "2.1.1")
    assert f"| CIS Amazon Web Services Foundations Benchmark | 5.0.0 | 2.1.1 {asks} |" in said
    assert "| house-rules |  | A |" in said


def test_what_the_api_answers_of_a_policy_has_the_same_page_but_for_examples() -> None:
    spec = own()
    words = {**spec.words, "controls": [{"framework": "cis-aws-5.0", "control": "2.1.1"}]}
    policy = make_policy(key=spec.key, spec=words)
    answered = public(policy, controls_of(policy.key, policy.spec)).decode()
    said = page(read_policy(answered, file="answer.json"))
    assert said == page(replace(spec, examples=(), controls=(("cis-aws-5.0", "2.1.1"),)))
    with pytest.raises(PolicyFileError, match="kind must be one of: check"):
        read_policy(answered.replace('"kind":"check"', '"kind":"classification"'), file="x")


def test_nothing_that_a_file_says_becomes_markup() -> None:
    tokens = PARSER.parse(page(own()))
    assert {token.type for token in inline(tokens)} == {"text", "code_inline"}
    assert "html_block" not in {token.type for token in tokens}
    said = [token.content for token in inline(tokens)]
    assert said[0] == "Queue *is* called <b>orders</b> | 1 &amp; 2"
    assert "# Names say [what](x) a thing is." in said
    assert "- and `where`" in said
    assert "![x](y)" in said
    assert fences(page(own()), "sh") == ["echo '```'\n"]


def test_the_outcome_of_an_example_is_judged_and_not_copied() -> None:
    policy = POLICIES["aws-s3-bucket-public-read"]
    said = page(policy)
    assert "the outcome is `fail`, titled `Bucket b lets everybody read`." in said
    assert "the outcome is `pass`." in said
    wrong = read_policy(OWN.replace("com/orders", "com/invoices"), file="own.yaml")
    assert "the outcome is `pass`." in page(wrong)


def calls(key: str) -> list[tuple[str, str]]:
    policy = POLICIES[key]
    return [(need.type, need.call) for need in needs_of(policy, rule_of(policy))]


def test_only_calls_that_a_verdict_rests_on_are_needed() -> None:
    assert calls("aws-s3-bucket-public-read") == [
        ("aws.s3.bucket", "s3:ListBuckets"),
        ("aws.s3.bucket", "s3:GetBucketPolicy"),
        ("aws.s3.bucket", "s3:GetBucketAcl"),
        ("aws.s3.bucket", "s3:GetPublicAccessBlock"),
        ("aws.s3.bucket", "s3:GetBucketOwnershipControls"),
        ("aws.s3.account", "s3control:GetPublicAccessBlock"),
    ]


def test_the_calls_of_relations_and_parents_are_needed_too() -> None:
    assert ("aws.ec2.security_group", "ec2:DescribeSecurityGroups") in calls(
        "aws-ec2-instance-exposed"
    )
    assert calls("aws-ecs-service-single-task")[0] == ("aws.ecs.service", "ecs:ListClusters")


def test_a_relation_that_no_expression_reads_needs_no_call() -> None:
    unread = "related: {topics: {type: aws.sns.topic}}\nfail_when:"
    spec = read_policy(OWN.replace("fail_when:", unread), file="own.yaml")
    assert {need.type for need in needs_of(spec, rule_of(spec))} == {"aws.sqs.queue"}


@each_policy
def test_no_action_is_needed_that_collection_would_not_ask_for(policy: PolicySpec) -> None:
    types = {*policy.resource_types, *(each.type for each in policy.related.values())}
    actions = {need.action for need in needs_of(policy, rule_of(policy))}
    assert actions <= {
        provider_of(row.provider).permission_of(*call)
        for row in rows_of(types)
        for call in calls_of(row)
    }
    assert actions or types == {"aws.account"}
