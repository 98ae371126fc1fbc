"""ISO/IEC 27001: its controls are those that the publisher has, and what an auditor looks for first
is under them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from cloudsealed.packs import Control, load_frameworks, load_policies
from cloudsealed.vocabulary import Responsibility

FRAMEWORKS = {framework.key: framework for framework in load_frameworks()}


def controls(key: str) -> dict[str, Control]:
    return {control.id: control for control in FRAMEWORKS[key].controls}


def numbered(chapter: str, count: int) -> list[str]:
    return [f"{chapter}.{number}" for number in range(1, count + 1)]


KEYS = ("iso-27001-2022",)


@pytest.mark.parametrize("key", KEYS)
def test_every_policy_that_is_named_exists(key: str) -> None:
    named = {policy for control in FRAMEWORKS[key].controls for policy in control.policies}
    assert named <= {policy.key for policy in load_policies()}


def lacking(key: str, expected: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    """The controls that should name a policy and do not, each with its policy."""
    named = {ident: control.policies for ident, control in controls(key).items()}
    return [(c, f"aws-{p}") for c, ps in expected.items() for p in ps if f"aws-{p}" not in named[c]]


def test_iso_27001_has_the_93_controls_of_annex_a() -> None:
    sections = FRAMEWORKS["iso-27001-2022"].sections
    expected = {"5": 37, "6": 8, "7": 14, "8": 34}
    assert {s.id: [c.id for c in s.controls] for s in sections} == {
        chapter: numbered(chapter, count) for chapter, count in expected.items()
    }


def test_iso_27001_has_what_an_auditor_expects_of_aws() -> None:
    expected = {
        "5.17": ["iam-password-policy-short", "iam-user-access-key-old"],
        "8.2": ["iam-policy-admin", "iam-root-access-key"],
        "8.3": ["s3-bucket-public-read", "rds-snapshot-public"],
        "8.5": ["iam-user-console-mfa-off", "iam-root-mfa-off"],
        "8.7": ["guardduty-malware-off"],
        "8.8": ["inspector2-off", "ssm-patches-missing"],
        "8.13": ["backup-no-plan", "rds-instance-backup-short"],
        "8.14": ["rds-instance-single-az"],
        "8.15": ["cloudtrail-missing", "cloudtrail-validation-off"],
        "8.20": ["ec2-sg-ssh-open", "ec2-sg-rdp-open"],
        "8.24": ["ec2-volume-unencrypted", "kms-key-rotation-off", "elbv2-weak-tls"],
    }
    assert lacking("iso-27001-2022", expected) == []


def test_people_are_asked_of_iso_27001_what_no_machine_sees_and_the_provider_has_its_part() -> None:
    found = controls("iso-27001-2022")
    assert all(found[ident].manual for ident in numbered("6", 8))
    assert not any(found[ident].policies for ident in numbered("7", 14))
    inherited = {i for i, c in found.items() if c.responsibility == Responsibility.PROVIDER}
    assert inherited == {"7.8", "7.11", "7.12", "7.13"}
