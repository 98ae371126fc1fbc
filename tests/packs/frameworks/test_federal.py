"""The frameworks of NIST, FedRAMP and CISA, and that of payment cards: their controls, a few ties.

How many controls a chapter has is the publisher's figure.
"""

from __future__ import annotations

from collections import Counter

import pytest

from cloudsealed.packs import Control, load_frameworks, load_policies

FRAMEWORKS = {each.key: each for each in load_frameworks()}
KEYS = {policy.key for policy in load_policies()}

CHAPTERS = {
    "nist-800-53-r5": (
        {"AC": 46, "AT": 6, "AU": 25, "CA": 14, "CM": 32, "CP": 35, "IA": 26, "IR": 18, "MA": 12}
        | {"MP": 10, "PE": 25, "PL": 7, "PS": 10, "RA": 11, "SA": 21, "SC": 30, "SI": 28, "SR": 14}
    ),
    "fedramp-moderate-r5": (
        {"AC": 43, "AT": 6, "AU": 16, "CA": 14, "CM": 27, "CP": 23, "IA": 27, "IR": 17, "MA": 10}
        | {"MP": 7, "PE": 19, "PL": 7, "PS": 10, "RA": 11, "SA": 21, "SC": 29, "SI": 24, "SR": 12}
    ),
    "nist-csf-2.0": (
        {"GV.OC": 5, "GV.RM": 7, "GV.RR": 4, "GV.PO": 2, "GV.OV": 3, "GV.SC": 10}
        | {"ID.AM": 7, "ID.RA": 10, "ID.IM": 4, "PR.AA": 6, "PR.AT": 2, "PR.DS": 4, "PR.PS": 6}
        | {"PR.IR": 4, "DE.CM": 5, "DE.AE": 6, "RS.MA": 5, "RS.AN": 4, "RS.CO": 2, "RS.MI": 2}
        | {"RC.RP": 6, "RC.CO": 2}
    ),
    "nist-800-171-r2": (
        {"3.1": 22, "3.2": 3, "3.3": 9, "3.4": 9, "3.5": 11, "3.6": 3, "3.7": 6, "3.8": 9}
        | {"3.9": 2, "3.10": 6, "3.11": 3, "3.12": 4, "3.13": 16, "3.14": 7}
    ),
    "cisa-cyber-essentials": {
        "your-systems": 3,
        "your-surroundings": 4,
        "your-data": 5,
        "your-crisis-response": 1,
        "booting-up-thing-to-do-first": 3,
    },
}
"""How many controls each chapter has, in the order of the document."""

TIES = {
    "nist-800-53-r5": {
        "AC-2(3)": "aws-iam-user-console-unused",
        "AC-17(2)": "aws-rds-instance-tls-not-required",
        "AU-9": "aws-cloudtrail-validation-off",
        "IA-2(1)": "aws-iam-root-mfa-off",
        "SC-7": "aws-ec2-sg-ssh-open",
        "SC-28(1)": "aws-ec2-volume-unencrypted",
        "SI-2": "aws-ssm-patches-missing",
    },
    "fedramp-moderate-r5": {
        "AC-6": "aws-iam-policy-admin",
        "AU-12": "aws-cloudtrail-missing",
        "CP-9": "aws-backup-no-plan",
        "RA-5": "aws-inspector2-off",
        "SC-8(1)": "aws-elbv2-listener-without-tls",
        "SC-13": "aws-transfer-no-fips",
    },
    "nist-csf-2.0": {
        "PR.AA-03": "aws-iam-user-console-mfa-off",
        "PR.AA-05": "aws-iam-policy-admin",
        "PR.DS-01": "aws-s3-bucket-public-read",
        "PR.DS-11": "aws-rds-instance-backup-short",
        "PR.PS-04": "aws-cloudtrail-missing",
        "DE.CM-01": "aws-guardduty-off",
    },
    "nist-800-171-r2": {
        "3.1.1": "aws-s3-bucket-public-read",
        "3.3.1": "aws-cloudtrail-missing",
        "3.5.3": "aws-iam-user-console-mfa-off",
        "3.5.8": "aws-iam-password-policy-reuse",
        "3.13.6": "aws-ec2-sg-rdp-open",
        "3.13.16": "aws-rds-instance-unencrypted",
    },
    "cisa-cyber-essentials": {
        "your-surroundings-2": "aws-iam-root-mfa-off",
        "your-data-3": "aws-route53-dnssec-off",
        "your-data-4": "aws-backup-no-plan",
        "booting-up-thing-to-do-first-3": "aws-ssm-patches-missing",
    },
}
"""What any auditor expects: by control a policy that is evidence of its breach."""

PROVIDED = {
    "nist-800-53-r5": {"PE-2", "PE-13", "MP-6"},
    "fedramp-moderate-r5": {"PE-3", "PE-14", "MP-4"},
    "nist-csf-2.0": {"PR.AA-06", "PR.IR-02"},
    "nist-800-171-r2": {"3.10.1", "3.8.3"},
    "cisa-cyber-essentials": set(),
}
"""What the cloud's provider answers for."""

each_framework = pytest.mark.parametrize("key", CHAPTERS)


def controls_of(key: str) -> dict[str, Control]:
    return {control.id: control for control in FRAMEWORKS[key].controls}


@each_framework
def test_each_chapter_has_as_many_controls_as_the_publisher_has(key: str) -> None:
    sections = FRAMEWORKS[key].sections
    assert {section.id: len(section.controls) for section in sections} == CHAPTERS[key]
    assert [section.id for section in sections] == list(CHAPTERS[key])
    assert set(Counter(c.id for c in FRAMEWORKS[key].controls).values()) == {1}


@each_framework
def test_each_policy_that_is_named_exists_and_stands_under_no_control_twice(key: str) -> None:
    for control in FRAMEWORKS[key].controls:
        assert set(control.policies) <= KEYS, control.id
        assert len(set(control.policies)) == len(control.policies), control.id


@each_framework
def test_what_any_auditor_expects_is_looked_at(key: str) -> None:
    controls = controls_of(key)
    missed = [i for i, policy in TIES[key].items() if policy not in controls[i].policies]
    assert missed == []


@each_framework
def test_what_a_person_attests_or_the_provider_answers_for_names_no_policy(key: str) -> None:
    controls = controls_of(key)
    provided = {i for i, control in controls.items() if control.responsibility == "provider"}
    assert PROVIDED[key] <= provided
    assert [i for i in provided if controls[i].policies] == []
    assert [i for i, control in controls.items() if control.manual and control.policies] == []
