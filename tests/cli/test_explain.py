"""`cloudsealed policy explain` in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run

POLICY = """\
key: queue-names
title: Queue is called orders
dimension: compliance
severity: low
resource_types: [aws.sqs.queue]
description: Names say what a thing is.
applies_when: resource.QueueUrl != ""
fail_when: |-
  resource.QueueUrl.endsWith("orders")
    || resource.Attributes.exists(a, a.Name == "old")
message: "{resource.QueueUrl} is called orders"
remediation: {summary: Rename it., effort: low}
examples:
  fail:
    - resource: {QueueUrl: https://example.com/orders}
  pass:
    - resource: {QueueUrl: https://example.com/invoices, Attributes: [{Name: new}]}
"""


@pytest.fixture(autouse=True)
def policy(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)


def test_the_first_example_that_fails_is_explained_as_indented_text(run: Run) -> None:
    done = run("policy", "explain", "policy.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "fail  https://example.com/orders is called orders  (example 1)",
        "applies_when",
        '  * resource.QueueUrl != "" → true',
        '    * resource.QueueUrl → "https://example.com/orders"',
        "fail_when",
        (
            '  * resource.QueueUrl.endsWith("orders") || '
            'resource.Attributes.exists(a, a.Name == "old") → true'
        ),
        '    * resource.QueueUrl.endsWith("orders") → true',
        '      * resource.QueueUrl → "https://example.com/orders"',
        '      resource.Attributes.exists(a, a.Name == "old") → not looked at',
    ]


def test_another_example_is_chosen_by_its_number(run: Run) -> None:
    done = run("policy", "explain", "policy.yaml", "--example", "2")
    assert done.stdout.startswith("pass  (example 2)")
    assert 'a.Name → "new"  Attributes[0].Name' in done.stdout
    none = run("policy", "explain", "policy.yaml", "--example", "9")
    assert none.returncode == 1
    assert "there is no example 9, the file has 2" in none.stderr


def test_a_document_is_explained_as_json(run: Run, tmp_path: Path) -> None:
    (tmp_path / "queue.json").write_text('{"QueueUrl": "q", "Attributes": 1}')
    done = run("policy", "explain", "policy.yaml", "--resource", "queue.json", "--json")
    found = json.loads(done.stdout)
    assert found["outcome"] == "error"
    assert found["error"]["path"] == "resource.Attributes"
    assert [each["field"] for each in found["conditions"]] == ["applies_when", "fail_when"]
    failing = found["conditions"][1]["step"]["steps"][1]
    assert (failing["state"], failing["decided"], failing["line"]) == ("error", True, 2)


def test_relations_are_given_beside_the_document(run: Run, tmp_path: Path) -> None:
    text = POLICY.replace(
        'applies_when: resource.QueueUrl != ""',
        "related: {topics: {type: aws.sns.topic, from: TopicArn, key: TopicArn}}",
    ).replace('|| resource.Attributes.exists(a, a.Name == "old")', "|| related.topics.size() > 0")
    (tmp_path / "policy.yaml").write_text(text)
    (tmp_path / "queue.json").write_text('{"QueueUrl": "q"}')
    (tmp_path / "related.json").write_text('{"topics": [{"TopicArn": "t"}]}')
    arguments = ("policy", "explain", "policy.yaml", "--resource", "queue.json")
    assert run(*arguments).stdout.startswith("pass")
    with_topics = run(*arguments, "--related", "related.json")
    assert with_topics.stdout.startswith("fail"), with_topics.stderr
    (tmp_path / "related.json").write_text('{"topics": 1}')
    assert "topics must be a list" in run(*arguments, "--related", "related.json").stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"QueueUrl": "q",\n  oops}', "queue.json:2:3: "),
        ("[]", "queue.json:1:1: a document is a JSON object"),
        ("[" * 200_000, "queue.json: the document is nested too deeply"),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(
    run: Run, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "queue.json").write_text(text)
    done = run("policy", "explain", "policy.yaml", "--resource", "queue.json")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_gets_a_tree_with_what_decided_in_bold(run: Run) -> None:
    done = run("policy", "explain", "policy.yaml", FORCE_COLOR="1", TERM="xterm-256color")
    assert "└── " in done.stdout
    assert '\x1b[1mresource.QueueUrl.endsWith("orders")\x1b[0m' in done.stdout
    assert "\x1b[32mtrue\x1b[0m" in done.stdout


def test_a_document_cannot_move_the_cursor(run: Run, tmp_path: Path) -> None:
    (tmp_path / "queue.json").write_text('{"QueueUrl": "\\u001b[2J\\u009b2Jorders"}')
    done = run("policy", "explain", "policy.yaml", "--resource", "queue.json")
    assert done.stdout.startswith("fail")
    assert not {"\x1b", "\x9b"} & set(done.stdout)


def test_what_gave_a_fail_its_severity_is_shown(run: Run, tmp_path: Path) -> None:
    degrees = "severity_when: [{when: resource.QueueUrl != '', severity: low}]\n"
    (tmp_path / "policy.yaml").write_text(POLICY + degrees)
    lines = run("policy", "explain", "policy.yaml").stdout.splitlines()
    assert lines[0].startswith("fail, low  https://example.com/orders")
    assert lines[-3:] == [
        "severity_when[0].when",
        "  * resource.QueueUrl != '' → true",
        '    * resource.QueueUrl → "https://example.com/orders"',
    ]
