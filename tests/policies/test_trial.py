"""An example may say what could not be read: then the policy is judged with gaps."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.packs import PolicyFileError, PolicySpec, parse_policy
from cloudsealed.policies.files import rule_of
from cloudsealed.policies.trial import trials

OPEN = "{groups: [{GroupName: open}]}"
POLICY = """\
key: groups-are-closed
version: 1
title: Groups are closed
dimension: security
severity: high
resource_types: [aws.ec2.instance]
related:
  groups: {type: aws.ec2.security_group}
applies_when: resource.State.Name == "running"
fail_when: |-
  resource.EbsOptimized || related.groups.exists(g, g.GroupName == "open")
examples:
"""


def policy(examples: str) -> PolicySpec:
    return parse_policy(POLICY + examples, file="p.yaml")


def ended(examples: str) -> list[tuple[str, bool]]:
    spec = policy(examples)
    return [(each.ended, each.right) for each in trials(rule_of(spec), spec.examples, "high")]


@pytest.mark.parametrize(
    ("example", "outcome"),
    [
        ("{resource: {State: {Name: running}}, unread: [EbsOptimized]}", "unknown"),
        ("{resource: {EbsOptimized: false}, unread: [State]}", "unknown"),
        (
            "{resource: {State: {Name: running}, EbsOptimized: false}, unread: [related.groups]}",
            "unknown",
        ),
        ("{resource: {State: {Name: running}}, related: OPEN, unread: [EbsOptimized]}", "fail"),
        (
            "{resource: {State: {Name: running}, EbsOptimized: true}, unread: [related.groups]}",
            "fail",
        ),
        ("{resource: {State: {Name: stopped}}, unread: [EbsOptimized]}", "not_applicable"),
    ],
)
def test_a_gap_spoils_only_what_it_could_change(example: str, outcome: str) -> None:
    example = example.replace("OPEN", OPEN)
    ((said, right),) = ended(f"  {outcome}:\n    - {example}\n")
    assert said.split()[0] == outcome
    assert right
    other = "pass" if outcome != "pass" else "fail"
    assert not ended(f"  {other}:\n    - {example}\n")[0][1]


@pytest.mark.parametrize(
    ("unread", "said"),
    [
        ("[related.grups]", "grups"),
        ("[a.b]", "unread[0]"),
        ("[EbsOptimized, EbsOptimized]", "twice"),
        ("EbsOptimized", "must be a list"),
    ],
)
def test_what_is_unread_is_named_rightly(unread: Any, said: str) -> None:
    with pytest.raises(PolicyFileError, match=said.replace("[", r"\[").replace("]", r"\]")):
        policy(f"  unknown:\n    - {{resource: {{}}, unread: {unread}}}\n")
