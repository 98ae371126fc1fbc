"""A file that is like a template is read as if it had everything itself."""

from __future__ import annotations

import pytest
import yaml

from cloudsealed.packs import PolicyFileError, parse_policy, templates
from cloudsealed.packs.document import Document
from cloudsealed.packs.templates import expanded, texts

TEMPLATE = """
parameters: {noun: What it is, flag: The attribute, days: How long}
policy:
  title: "[[noun]] has no lock"
  dimension: security
  severity: low
  description: A [[noun]] without a lock for [[days]] days [[is]] open.
  params: {days: "[[days]]"}
  fail_when: resource.[[flag]] == false
  message: "[[noun]] {resource.Name} has no lock"
  remediation:
    summary: Lock the [[noun]].
    terraform: "x = [[1]]"
    effort: low
  examples:
    fail:
      - {resource: {"[[flag]]": false}}
"""
FILE = """
key: my-lock
like: lock
with: {noun: Door, flag: Locked, days: 3}
resource_types: [aws.s3.bucket]
severity: high
remediation:
  cli: lock
"""
WHOLE = """
key: my-lock
resource_types: [aws.s3.bucket]
severity: high
remediation: {cli: lock, summary: Lock the Door., terraform: "x = [[1]]", effort: low}
title: Door has no lock
dimension: security
description: A Door without a lock for 3 days [[is]] open.
params: {days: 3}
fail_when: resource.Locked == false
message: "Door {resource.Name} has no lock"
examples: {fail: [{resource: {Locked: false}}]}
"""


@pytest.fixture(autouse=True)
def lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "texts", lambda: {"lock": TEMPLATE})
    monkeypatch.setattr(templates, "_template", lambda name: Document(TEMPLATE, name))


def test_it_says_what_the_template_says_and_its_own_before_that() -> None:
    assert parse_policy(FILE, file="x.yaml") == parse_policy(WHOLE, file="x.yaml")


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("like: lock", "like: lok", (3, 7), "like must be a template: lock"),
        ("noun: Door", "nuon: Door", (4, 8), "unknown parameter 'nuon'"),
        ("like: lock", "like: [lock]", (3, 7), "like must be a template: lock"),
        ("like: lock", "like: null", (3, 7), "like must be a template: lock"),
        ("noun: Door", "noun: [Door]", (4, 14), "parameter 'noun' must be a text"),
        ("with: {noun: Door, flag: Locked, days: 3}", "with: 3", (4, 7), "missing parameter"),
        (", days: 3", "", (4, 7), "missing parameter 'days' of lock"),
        ("with: {noun: Door, flag: Locked, days: 3}\n", "", (3, 7), "missing parameter 'noun'"),
        ("severity: high", "severity: hihg", (6, 11), "severity must be"),
        ("severity: high", "params: 3", (6, 9), "params"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(
    old: str, new: str, place: tuple[int, int], said: str
) -> None:
    with pytest.raises(PolicyFileError) as caught:
        parse_policy(FILE.replace(old, new), file="x.yaml")
    assert (caught.value.line, caught.value.column) == place
    assert said in caught.value.message


def test_what_the_template_makes_wrong_is_told_where_it_is_asked_for() -> None:
    def refuse(_spec: object) -> None:
        error = ValueError("no")
        error.field, error.line, error.column = "fail_when", 1, 5  # type: ignore[attr-defined]
        raise error

    with pytest.raises(PolicyFileError) as caught:
        parse_policy(FILE, file="x.yaml", compile=refuse)
    assert (caught.value.line, caught.value.column) == (3, 7)


def test_a_file_that_is_like_nothing_stays_what_it_is() -> None:
    document = Document(WHOLE, "x.yaml")
    assert expanded(document) is document


def test_each_built_in_template_says_its_parameters_and_uses_them() -> None:
    for name, text in texts().items():
        said = yaml.safe_load(text)
        assert said.keys() == {"parameters", "policy"}, name
        assert [each for each in said["parameters"] if f"[[{each}]]" not in text] == [], name
