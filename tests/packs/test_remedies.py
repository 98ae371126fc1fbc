"""A policy's remediation becomes that of its resources."""

from __future__ import annotations

from typing import Any

from cloudsealed.packs.remedies import for_resources

REMEDY = {
    "summary": "Close it.",
    "caution": "It is closed.",
    "first": "aws ec2 describe-security-groups --group-ids <GROUP_ID>\naws sts get-caller-identity",
    "cli": None,
    "terraform": 'security_group_id = "<GROUP_ID>"',
    "effort": "low",
}


def group(ident: str) -> Any:
    arn = f"arn:aws:ec2:eu-west-1:111122223333:security-group/{ident}"
    place = {"account": "111122223333", "region": "eu-west-1"}
    return {"type": "aws.ec2.security_group", "native_id": arn, "name": "web", **place}


def test_one_resource_has_its_own_commands_and_terraform() -> None:
    assert for_resources(REMEDY, [group("sg-1")]) == {
        **REMEDY,
        "first": "aws ec2 describe-security-groups --group-ids sg-1 --region eu-west-1\n"
        "aws sts get-caller-identity --region eu-west-1",
        "terraform": 'security_group_id = "sg-1"',
    }


def test_several_have_each_text_once_and_the_policys_terraform() -> None:
    several = for_resources(REMEDY, [group("sg-1"), group("sg-2"), group("sg-1")])
    assert several["first"].count("sg-1") == several["first"].count("sg-2") == 1
    assert several["cli"] is None
    assert several["terraform"] == REMEDY["terraform"]
