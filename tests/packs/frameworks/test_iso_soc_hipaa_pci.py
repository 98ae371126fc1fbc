"""ISO/IEC 27001, SOC 2, HIPAA and PCI DSS: their controls are those that the publisher
has, and what an auditor looks for first is under them."""

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


KEYS = ("iso-27001-2022", "soc2-2017", "hipaa", "pci-dss-4.0.1")


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


SOC_2 = (
    {"CC1": 5, "CC2": 3, "CC3": 4, "CC4": 2, "CC5": 3, "CC6": 8, "CC7": 5, "CC8": 1, "CC9": 2}
    | {"A1": 3, "C1": 2, "PI1": 5}
    | {"P1": 1, "P2": 1, "P3": 2, "P4": 3, "P5": 2, "P6": 7, "P7": 1, "P8": 1}
)
"""How many criteria each series has in TSP section 100: 33 common ones, and 28 of categories."""


def test_soc_2_has_the_61_trust_services_criteria() -> None:
    sections = FRAMEWORKS["soc2-2017"].sections
    assert {s.id: [c.id for c in s.controls] for s in sections} == {
        series: numbered(series, count) for series, count in SOC_2.items()
    }
    assert len(controls("soc2-2017")) == 61


def test_soc_2_has_what_an_auditor_expects_of_aws() -> None:
    expected = {
        "CC6.1": ["s3-bucket-public-read", "iam-user-console-mfa-off", "rds-instance-unencrypted"],
        "CC6.2": ["iam-user-console-unused"],
        "CC6.3": ["iam-policy-admin", "iam-user-direct-policies"],
        "CC6.6": ["ec2-sg-ssh-open", "ec2-sg-rdp-open", "rds-instance-public"],
        "CC6.7": ["elbv2-listener-without-tls", "s3-bucket-plain-http"],
        "CC6.8": ["guardduty-malware-off"],
        "CC7.1": ["inspector2-off", "ssm-patches-missing", "config-recorder-off"],
        "CC7.2": ["cloudtrail-missing", "guardduty-off", "alarm-root-usage-missing"],
        "CC7.5": ["backup-no-plan"],
        "A1.2": ["rds-instance-single-az", "rds-instance-backup-short"],
        "A1.3": ["backup-never-restored"],
    }
    assert lacking("soc2-2017", expected) == []


def test_people_are_asked_of_soc_2_about_management_and_premises() -> None:
    found = controls("soc2-2017")
    assert all(found[ident].manual for ident in [*numbered("CC1", 5), *numbered("P6", 7)])
    shared = {i for i, c in found.items() if c.responsibility == Responsibility.SHARED}
    assert shared == {"CC6.4", "CC6.5", "A1.2"}


HIPAA = {
    "164.308(a)": {"1": 4, "2": 0, "3": 3, "4": 3, "5": 4, "6": 1, "7": 5, "8": 0},
    "164.310": {"a": 4, "b": 0, "c": 0, "d": 4},
    "164.312": {"a": 4, "b": 0, "c": 1, "d": 0, "e": 2},
}
"""How many implementation specifications each standard has in the matrix of appendix A to subpart C
of 45 CFR part 164; its last standard, 164.308(b), has one."""


def test_hipaa_has_the_standards_and_specifications_of_sections_308_to_316() -> None:
    sections = {section.id: section.controls for section in FRAMEWORKS["hipaa"].sections}
    found = [control.id for of_section in sections.values() for control in of_section]
    for start, specifications in HIPAA.items():
        for standard, count in specifications.items():
            there = [ident for ident in found if ident.startswith(f"{start}({standard})")]
            assert len(there) == 1 + count, (start, standard)
    # The rule of 2013 split 164.308(b) in two, for covered entities and for business associates.
    assert {"164.308(b)(1)", "164.308(b)(2)", "164.308(b)(3)"} <= set(found)
    counts = {"164.308": 31, "164.310": 12, "164.312": 12, "164.314": 9, "164.316": 5}
    assert {ident: len(of_section) for ident, of_section in sections.items()} == counts


def test_hipaa_has_what_an_auditor_expects_of_aws() -> None:
    expected = {
        "164.308(a)(3)(ii)(C)": ["iam-user-console-unused", "iam-user-access-key-unused"],
        "164.308(a)(5)(ii)(B)": ["guardduty-malware-off"],
        "164.308(a)(5)(ii)(C)": ["alarm-console-failures-missing"],
        "164.308(a)(5)(ii)(D)": ["iam-password-policy-short"],
        "164.308(a)(7)(ii)(A)": ["rds-instance-backup-short", "dynamodb-pitr-off"],
        "164.312(a)(1)": ["s3-bucket-public-read", "rds-snapshot-public", "iam-policy-admin"],
        "164.312(a)(2)(i)": ["iam-root-used"],
        "164.312(a)(2)(iv)": ["ec2-volume-unencrypted", "rds-instance-unencrypted"],
        "164.312(b)": ["cloudtrail-missing", "s3-bucket-logging-off"],
        "164.312(d)": ["iam-user-console-mfa-off"],
        "164.312(e)(1)": ["elbv2-listener-without-tls", "redshift-cluster-tls-not-required"],
    }
    assert lacking("hipaa", expected) == []


def test_people_are_asked_of_hipaa_about_contracts_documents_and_premises() -> None:
    chapters = ("164.310", "164.314", "164.316")
    asked = [c for i, c in controls("hipaa").items() if i.startswith(chapters)]
    assert all(control.manual for control in asked)


PCI_DSS = {
    "1": {"1.1": 2, "1.2": 8, "1.3": 3, "1.4": 5, "1.5": 1},
    "2": {"2.1": 2, "2.2": 7, "2.3": 2},
    "3": {"3.1": 2, "3.2": 1, "3.3": 3, "3.4": 2, "3.5": 1, "3.6": 1, "3.7": 9}
    | {"3.3.1": 3, "3.5.1": 3, "3.6.1": 4},
    "4": {"4.1": 2, "4.2": 2, "4.2.1": 2},
    "5": {"5.1": 2, "5.2": 3, "5.3": 5, "5.4": 1, "5.2.3": 1, "5.3.2": 1},
    "6": {"6.1": 2, "6.2": 4, "6.3": 3, "6.4": 3, "6.5": 6, "6.2.3": 1},
    "7": {"7.1": 2, "7.2": 6, "7.3": 3, "7.2.5": 1},
    "8": {"8.1": 2, "8.2": 8, "8.3": 11, "8.4": 3, "8.5": 1, "8.6": 3, "8.3.10": 1},
    "9": {"9.1": 2, "9.2": 4, "9.3": 4, "9.4": 7, "9.5": 1}
    | {"9.2.1": 1, "9.3.1": 1, "9.4.1": 2, "9.4.5": 1, "9.5.1": 3, "9.5.1.2": 1},
    "10": {"10.1": 2, "10.2": 2, "10.3": 4, "10.4": 3, "10.5": 1, "10.6": 3, "10.7": 3}
    | {"10.2.1": 7, "10.4.1": 1, "10.4.2": 1},
    "11": {"11.1": 2, "11.2": 2, "11.3": 2, "11.4": 7, "11.5": 2, "11.6": 1}
    | {"11.3.1": 3, "11.3.2": 1, "11.5.1": 1},
    "12": {"12.1": 4, "12.2": 1, "12.3": 4, "12.4": 2, "12.5": 3, "12.6": 3, "12.7": 1, "12.8": 5}
    | {"12.9": 2, "12.10": 7, "12.4.2": 1, "12.5.2": 1, "12.6.3": 2, "12.10.4": 1},
}
"""How many requirements of the defined approach stand right below each number of the twelve."""


def test_pci_dss_has_the_requirements_of_the_defined_approach() -> None:
    sections = FRAMEWORKS["pci-dss-4.0.1"].sections
    assert {s.id: sorted(c.id for c in s.controls) for s in sections} == {
        requirement: sorted(
            ident for above, count in parts.items() for ident in numbered(above, count)
        )
        for requirement, parts in PCI_DSS.items()
    }
    ids = [control.id for control in FRAMEWORKS["pci-dss-4.0.1"].controls]
    assert ids == sorted(ids, key=lambda ident: [int(part) for part in ident.split(".")])


def test_pci_dss_has_what_an_auditor_expects_of_aws() -> None:
    expected = {
        "1.3.1": ["ec2-sg-ssh-open", "ec2-sg-rdp-open", "ec2-default-sg-rules"],
        "1.4.4": ["rds-instance-public", "s3-bucket-public-read"],
        "2.2.2": ["rds-default-admin-name"],
        "3.5.1": ["rds-instance-unencrypted", "s3-bucket-unencrypted"],
        "3.7.4": ["kms-key-rotation-off"],
        "4.2.1": ["elbv2-weak-tls", "cloudfront-plain-http", "acm-certificate-expiring"],
        "5.2.1": ["guardduty-malware-off"],
        "6.3.3": ["ssm-patches-missing"],
        "6.4.2": ["elbv2-no-waf"],
        "7.2.2": ["iam-policy-admin"],
        "8.2.6": ["iam-user-console-unused"],
        "8.3.6": ["iam-password-policy-short"],
        "8.4.2": ["iam-user-console-mfa-off"],
        "8.6.2": ["lambda-function-secret-in-environment"],
        "10.2.1": ["cloudtrail-missing", "ec2-vpc-flow-logs-off"],
        "10.3.4": ["cloudtrail-validation-off"],
        "11.3.1": ["inspector2-off"],
        "11.5.1": ["guardduty-off"],
    }
    assert lacking("pci-dss-4.0.1", expected) == []


def test_people_are_asked_of_pci_dss_about_procedures_and_the_provider_guards_its_premises() -> (
    None
):
    found = controls("pci-dss-4.0.1")
    procedures = [f"{number}.1.{which}" for number in range(1, 13) for which in (1, 2)]
    assert all(found[ident].manual for ident in procedures)
    inherited = {i for i, c in found.items() if c.responsibility == Responsibility.PROVIDER}
    assert inherited == {"1.4.3", *(i for i in found if i.startswith(("9.2.", "9.3.")))}
