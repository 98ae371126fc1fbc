"""A draft's faults stand where people wrote them, and what is stored is edited as it was said."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from cloudsealed.console.diffs import Version, compared
from cloudsealed.console.drafts import Draft, change_of, text_of
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.packs import load_policies
from cloudsealed.policies.body import read_change, read_policy_body
from cloudsealed.policies.model import Policy, public
from cloudsealed.policies.rules import refuse_broken
from cloudsealed.testing.factories import make_policy

TEXT = """\
key: buckets-have-owners
title: Bucket has no owner
dimension: compliance
severity: low
resource_types: [aws.s3.bucket]
fail_when: tag(resource, "owner") == null
"""


def _wrong(text: str) -> list[tuple[int, int, str]]:
    """Return what the API finds wrong, at its place in the text."""
    draft = Draft(text)
    if draft.is_yaml:
        try:
            said = read_policy_body(draft.body)
            refuse_broken(said.kind, said.words)
        except CloudSealedError as error:
            draft.place(error.details)
    return [
        (each.line, each.column, text.split("\n")[each.line - 1][each.column - 1 : each.end - 1])
        for each in draft.problems
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("severity: low", "severity: lowest", (4, 11, "lowest")),
        ("dimension", "dimensoin", (3, 1, "dimensoin")),
        ("fail_when: tag(", "fail_when: tga(", (6, 12, 'tga(resource, "owner")')),
        ("aws.s3.bucket", "aws.s3.bukket", (5, 18, "aws.s3.bukket")),
        (
            'fail_when: tag(resource, "owner") == null',
            "fail_when: >\n  true &&\n  nothing",
            (8, 3, "nothing"),
        ),
        ("key: b", "key: &b", (1, 6, "&")),
    ],
)
def test_each_fault_stands_where_it_was_written(
    old: str, new: str, expected: tuple[int, int, str]
) -> None:
    assert _wrong(TEXT) == []
    assert expected in _wrong(TEXT.replace(old, new))


@pytest.mark.parametrize("text", ["", "null", "[1]", "x", "a: [", "a: 1\na: 2", "\t", "- - -", "#"])
def test_a_text_that_is_no_policy_has_a_fault_in_it(text: str) -> None:
    assert _wrong(text)


def _answered(policy: Policy) -> Any:
    return orjson.loads(public(policy, policy.spec.get("controls", [])))


@pytest.mark.parametrize("number", range(0, 160, 40))
def test_a_policy_is_edited_as_what_it_says(number: int) -> None:
    words = load_policies()[number].words
    said = Draft(text_of(_answered(make_policy(key="x", spec=words)))).body
    read = read_policy_body(said)
    assert {name: read.words.get(name) for name in words} == words


def test_what_a_draft_leaves_out_is_left_out_once_it_is_stored() -> None:
    words = dict(read_policy_body({**Draft(TEXT).body, "description": "d", "foreign": True}).words)
    policy = make_policy(key="buckets-have-owners", spec=words)
    change = change_of(Draft(TEXT), "check")
    assert read_change(change, policy).words == read_policy_body(Draft(TEXT).body).words


def test_versions_tell_what_each_changed_of_the_one_before() -> None:
    texts = ("a\nb\nc\n", "a\nB\nc\n", "a\nB\nc\n")
    versions = [Version(3 - index, "", text) for index, text in enumerate(reversed(texts))]
    newest, changed, first = compared(versions)
    assert newest.lines == []
    assert first.lines is None
    assert changed.lines is not None
    assert [(line.kind, line.text) for line in changed.lines if line.kind != "place"] == [
        ("", "a"),
        ("removed", "b"),
        ("added", "B"),
        ("", "c"),
    ]
