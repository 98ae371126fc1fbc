"""Terraform of remediations names the resource, and no name adds anything to it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.grouped import each_policy_of

from cloudsealed.packs import PolicySpec, load_policies
from cloudsealed.packs.hcl import filled
from cloudsealed.packs.names import OWN

POLICIES = [each for each in load_policies() if each.remediation and each.remediation.terraform]
HOSTILE = ('"', "\\", '" }\nx = "', "${file(1)}", "%{for x}", "a b", "$(x)", "*/", "# x")
TEXT = re.compile(r'"((?:[^"\\$%\n]|\\["\\]|[$%](?!\{))*)"')
"""A text without templates, its quotes and backslashes escaped."""


def group(name: str) -> Any:
    return {
        "type": "aws.autoscaling.group",
        "native_id": "arn:aws:autoscaling:eu-west-1:1:autoScalingGroup:u:autoScalingGroupName/x",
        "name": name,
        "account": "1",
        "region": "eu-west-1",
    }


def read(text: str) -> str:
    """Return the value of a text of HCL that has no template."""
    found = TEXT.fullmatch(text)
    assert found is not None, text
    return re.sub(r"\\(.)", r"\1", found[1])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('name = "<GROUP>"', 'name = "web"'),
        ("name = <GROUP>", 'name = "web"'),
        ('names = [<GROUP>, "<GROUP>/*"] # <GROUP>', 'names = ["web", "web/*"] # web'),
        ('resource "aws_x" "<GROUP>" { # <REGION>', 'resource "aws_x" "web" { # eu-west-1'),
        ("name = aws_x.<GROUP>.id", "name = aws_x.<GROUP>.id"),
        ('name = "${aws_x.<GROUP>.arn}/<GROUP>"', 'name = "${aws_x.<GROUP>.arn}/web"'),
        ('a = "it\'s" # don\'t\nb = "<GROUP>"', 'a = "it\'s" # don\'t\nb = "web"'),
        ("a = <<EOT\n<GROUP>\nEOT\nb = <GROUP>", "a = <<EOT\n<GROUP>\nEOT\nb = <GROUP>"),
        ('name = "<OTHER>"', 'name = "<OTHER>"'),
    ],
)
def test_a_name_stands_where_a_value_does(line: str, expected: str) -> None:
    assert filled(line, group("web")) == expected


@given(name=st.one_of(st.text(max_size=20), st.text(alphabet='"\\$%{}ab', max_size=8)))
@example(name="$${x}")
@example(name="$")
@example(name="\\")
def test_no_name_is_more_than_a_value(name: str) -> None:
    for line in ('"<GROUP>"', '"a-<GROUP>{"', '"$<GROUP>"', '"<GROUP><GROUP>"'):
        text = filled(f"name = {line}", group(name)) or ""
        value = read(text.removeprefix("name = "))
        written = line.strip('"')
        assert value in (written.replace("<GROUP>", name), written)
    bare = filled("name = <GROUP>", group(name)) or ""
    assert bare == "name = <GROUP>" or read(bare.removeprefix("name = ")) == name


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_ends_no_comment_and_is_no_label(name: str) -> None:
    block = 'resource "aws_x" "<GROUP>" { /* <GROUP> */ # <GROUP>\n}'
    text = filled(block, group(name)) or ""
    assert text.startswith('resource "aws_x" "<GROUP>" { /* <GROUP> */ # ')
    assert text.endswith("\n}")
    assert text.count("\n") == 1


@each_policy_of(POLICIES)
def test_built_in_terraform_names_the_resource(policy: PolicySpec) -> None:
    assert policy.remediation is not None
    text = policy.remediation.terraform or ""
    for kind in policy.resource_types:
        said = filled(text, {**group("the-name"), "type": kind, "native_id": ARN}) or ""
        assert said != text or kind == "aws.account", said
        assert not OWN.get(kind, {}).keys() & set(re.findall("<([A-Z_]+)>", said))


ARN = "arn:aws:s:eu-west-1:111122223333:t/the-parent/the-id"
