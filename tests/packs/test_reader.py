"""Broken policy and framework files: each is refused at its place, with what was probably meant."""

from __future__ import annotations

import pytest

from cloudsealed.engine import ExpressionError, compile_rule
from cloudsealed.packs import (
    PolicyFileError,
    PolicySpec,
    parse_framework,
    parse_policy,
    read_policies,
)
from cloudsealed.packs.reader import policy_of
from cloudsealed.vocabulary import Outcome

GOOD = """\
key: my-policy
title: A title
dimension: security
severity: high
resource_types: [aws.s3.bucket]
description: Why it matters.
params: {limit: 3}
related:
  account: {type: aws.s3.account, scope: region}
applies_when: has(resource.Name)
fail_when: |-
  size(resource.Name) >
    params.limit
message: "Bucket {resource.Name}"
remediation: {summary: Rename it., effort: low}
examples:
  fail: [{resource: {Name: long}}]
"""


def compile_spec(spec: PolicySpec) -> None:
    compile_rule(
        fail_when=spec.fail_when,
        applies_when=spec.applies_when,
        params=spec.params,
        related=tuple(spec.related),
        message=spec.message,
    )


def refused(text: str) -> PolicyFileError:
    with pytest.raises(PolicyFileError) as caught:
        parse_policy(text, file="my.yaml", compile=compile_spec)
    return caught.value


def test_a_good_file_is_read() -> None:
    spec = parse_policy(GOOD, file="my.yaml", compile=compile_spec)
    assert spec.version == 1
    assert spec.params == {"limit": 3}
    assert spec.related["account"].scope == "region"
    assert spec.fail_when == "size(resource.Name) >\n  params.limit"
    assert [example.outcome for example in spec.examples] == [Outcome.FAIL]
    assert spec.examples[0].related == {"account": []}


def marked(text: str, old: str, new: str) -> tuple[str, int, int]:
    """`text` with `new` for `old`, and where in it the mark ¦ of `new` stood."""
    text = text.replace(old, new, 1)
    before, _, after = text.partition("¦")
    return before + after, before.count("\n") + 1, len(before) - before.rfind("\n")


@pytest.mark.parametrize(
    ("old", "new", "message", "suggestion"),
    [
        ("severity:", "¦severty:", "unknown field 'severty'", "severity"),
        ("high", "¦hihg", "severity must be one of", "high"),
        ("key: my-policy\ntitle: A title", "¦key: my-policy", "missing field 'title'", None),
        ("title: A title", "title: ¦3", "title must be a string", None),
        ("title: A title", "title: ¦''", "title must be a string", None),
        ("title: A title", "¦key: again", "duplicate key 'key'", None),
        ("my-policy", "¦My_Policy", "key must match", None),
        ("my-policy", f"¦{'x' * 101}", "key must be a string of 1 to 100 characters", None),
        ("A title", f"¦{'x' * 201}", "title must be a string of 1 to 200 characters", None),
        ("A title", "A title\n¦enabled: true", "unknown field 'enabled'", None),
        ("A title", "A title\nkind: ¦classification", "kind must be one of: check", None),
        ("[aws.s3.bucket]", "¦[]", "must be a list of at least 1", None),
        ("[aws.s3.bucket]", "[aws.s3.bucket, ¦aws.s3.bucket]", "is twice", None),
        ("[aws.s3.bucket]", "¦aws.s3.bucket", "resource_types must be a list", None),
        ("{limit: 3}", "¦[3]", "params must be a mapping", None),
        ("account: {", "¦Account: {", "related.Account is no name", None),
        ("{limit: 3}", "{limit: {a: 1, ¦a: 2}}", "duplicate key 'a'", None),
        ("{limit: 3}", "{limit: {¦1: 1}}", "a key must be a string", None),
        ("scope: region", "scope: ¦regoin", "scope must be one of", "region"),
        ("{type: aws.s3.account,", "¦{type: aws.s3.account, key: K,", "go together", None),
        ("effort: low", "¦efort: low", "unknown field 'efort'", "effort"),
        ("effort: low", "effort: ¦none", "effort must be one of", None),
        ("fail: [", "¦fails: [", "unknown field 'fails'", "fail"),
        ("{resource: {Name: long}}", "¦{related: {}}", "missing field 'resource'", None),
        ("Name: long}}", "}, related: {¦acount: []}}", "unknown field 'acount'", "account"),
        (
            "Name: long}}",
            "}, related: {account: [¦1]}}",
            "related.account[0] must be a mapping",
            None,
        ),
        ("A title\n", "[A\ndimension¦: x\n", "not YAML", None),
        ("A title", "¦&a A title", "quote the text", None),
        ("A title", "¦!!python/name:os.system x", "tag", None),
        ("A title", "title\nversion: ¦0", "version must be an integer", None),
        ("A title", "title\nversion: ¦true", "version must be an integer", None),
        ("limit: 3", "limit: ¦99999999999999999999", "must fit in 64 bits", None),
        ("limit: 3", "limit: ¦1e+999", "out of range", None),
    ],
)
def test_a_mistake_is_named_at_its_place(
    old: str, new: str, message: str, suggestion: str | None
) -> None:
    text, line, column = marked(GOOD, old, new)
    error = refused(text)
    assert message in error.message
    assert (error.file, error.line, error.column) == ("my.yaml", line, column)
    assert error.suggestion == suggestion
    assert str(error).startswith(f"my.yaml:{line}:{column}: ")


APPLIES = "has(resource.Name)"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    params.limit", "    ¦parms.limit"),
        ("|-\n  size(resource.Name) >\n    ", ">-\n  size(resource.Name) >\n  ¦parms.limit + "),
        ("|-\n  size", "|2-  # size(r\n\n  size(¦resorce.Name) + size"),
        (APPLIES, "has(¦resorce.Name)"),
        (APPLIES, '"has(¦resorce.Name)"'),
        (APPLIES, "'''a'' == ¦resorce.Name'"),
        (APPLIES, '"\\"a\\" == ¦resorce.Name"'),
        (APPLIES, "true ||\n  ¦resorce.Name == 1"),
    ],
)
def test_a_mistake_in_an_expression_is_named_at_its_place_in_the_file(old: str, new: str) -> None:
    text, line, column = marked(GOOD, old, new)
    error = refused(text)
    assert (error.line, error.column) == (line, column), error
    assert error.suggestion in {"resource", "params"}


def test_a_mistake_in_the_message_is_named_in_its_line() -> None:
    error = refused(GOOD.replace("{resource.Name}", "{resource..Name}", 1))
    assert error.line == 14
    assert error.message.startswith("message: ")


def test_an_error_of_the_compiler_itself_is_not_hidden() -> None:
    def broken(_: PolicySpec) -> None:
        raise NameError("x")

    with pytest.raises(NameError):
        parse_policy(GOOD, file="my.yaml", compile=broken)


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "- a\n", "text", "a: 1\n---\nb: 2\n", "a: \x00"]
)
def test_what_is_no_mapping_is_refused(text: str) -> None:
    assert refused(text).file == "my.yaml"


@pytest.mark.parametrize("text", ["[" * 60_000, "- " * 30_000, "? " * 30_000, "{a: " * 15_000])
def test_deep_nesting_is_refused_before_anything_recurses(text: str) -> None:
    assert "nested deeper" in refused(text).message


def test_a_file_that_is_too_long_is_refused() -> None:
    assert "longer than" in refused(GOOD + "#" * 70_000).message


@pytest.mark.parametrize("word", ["yes", "on", "2026-01-01", "012345678901", "0x10", "1_000", "<<"])
def test_a_word_that_only_yaml_1_1_reads_otherwise_stays_a_string(word: str) -> None:
    spec = parse_policy(GOOD.replace("limit: 3", f"limit: {word}", 1), file="my.yaml")
    assert spec.params == {"limit": word}


FRAMEWORK = """\
key: mine
title: Mine
version: "1"
source: Us
provider: aws
sections:
  - id: "1"
    title: First
    controls:
      - {id: "1.1", title: One, level: 1, policies: [my-policy], manual: false}
      - {id: "1.2", title: Two, level: 2, policies: [], manual: true}
"""


def test_a_framework_is_read() -> None:
    framework = parse_framework(FRAMEWORK, file="mine.yaml")
    assert [control.id for control in framework.controls] == ["1.1", "1.2"]
    assert [control.manual for control in framework.controls] == [False, True]


def test_a_framework_may_be_longer_than_a_policy_and_has_its_end_too() -> None:
    long = FRAMEWORK + "#" * 70_000
    assert len(parse_framework(long, file="mine.yaml").controls) == 2
    with pytest.raises(PolicyFileError, match="longer than"):
        parse_framework(FRAMEWORK + "#" * 300_000, file="mine.yaml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"1.2"', '¦"1.1"', "is there twice"),
        ("[], manual: true", "[my-policy], manual: ¦true", "a manual control has no policies"),
        ("manual: false", "manual: ¦no", "manual must be true or false"),
        ("level: 2", "level: ¦two", "level must be an integer"),
        ("controls:", "¦control:", "unknown field 'control'"),
    ],
)
def test_a_mistake_in_a_framework_is_named_at_its_place(old: str, new: str, message: str) -> None:
    text, line, column = marked(FRAMEWORK, old, new)
    with pytest.raises(PolicyFileError) as caught:
        parse_framework(text, file="mine.yaml")
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)


DEGREES = """\
severity_when:
  - {when: resource.Name == "a", severity: low}
  - when: resource.Name +
    severity: critical
"""


def test_a_wrong_condition_of_the_severity_is_named_at_its_place() -> None:
    text, line, column = marked(GOOD + DEGREES, "resource.Name +", "resource.¦Nmae")

    def compile_degrees(spec: PolicySpec) -> None:
        for index, degree in enumerate(spec.severity_when):
            if "Nmae" in degree.when:
                error = ExpressionError("no such field", degree.when, degree.when.index("Nmae"))
                error.field = f"severity_when[{index}].when"
                raise error

    with pytest.raises(PolicyFileError, match=r"severity_when\[1\]\.when: no such field") as caught:
        parse_policy(text, file="my.yaml", compile=compile_degrees)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_an_example_that_fails_may_say_its_severity_and_no_other_may() -> None:
    said = GOOD.replace("{resource: {Name: long}}", "{resource: {Name: long}, severity: low}")
    assert parse_policy(said, file="my.yaml").examples[0].severity == "low"
    passes = said.replace("fail: [", "pass: [")
    with pytest.raises(PolicyFileError, match="unknown field 'severity'"):
        parse_policy(passes, file="my.yaml")


def one(key: str, *others: str, kind: str = "aws.s3.bucket") -> tuple[str, str]:
    text = GOOD.replace("my-policy", key).replace("aws.s3.bucket", kind, 1)
    return f"{key}.yaml", f"{text}yields_to: [{', '.join(others)}]\n"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([one("a", "a")], r"a\.yaml:\d+:13: yields_to\[0\] must be another policy"),
        (
            [one("aa", "bbbbb"), one("bbbb")],
            r"yields_to\[0\] is the key of no check: 'bbbbb'; did you mean 'bbbb'\?",
        ),
        (
            [one("a", "b"), one("b", kind="aws.sqs.queue")],
            "must judge a resource type of this policy, and 'b' judges none",
        ),
        (
            [one("a", "d", "b"), one("b", "c"), one("c", "a"), one("d")],
            r"yields_to\[1\] goes in a circle: a yields to b yields to c yields to a",
        ),
    ],
)
def test_what_a_policy_cannot_yield_to_is_refused(
    files: list[tuple[str, str]], message: str
) -> None:
    with pytest.raises(PolicyFileError, match=message):
        read_policies(files)


def test_policies_may_yield_in_chains_and_to_several() -> None:
    files = [one("a", "c", "b"), one("b", "c"), one("c")]
    found = [policy_of(values) for values in read_policies(files)]
    assert [spec.yields_to for spec in found] == [("c", "b"), ("c",), ()]
    assert "yields_to" not in found[2].words
