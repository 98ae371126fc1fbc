"""European law and catalogues as frameworks: how many controls each chapter of the publisher has,
and mappings that any auditor would expect. The figures are counted in the published documents."""

import pytest

from cloudsealed.packs import Framework, load_frameworks, load_policies

FRAMEWORKS = {framework.key: framework for framework in load_frameworks()}
POLICIES = {policy.key for policy in load_policies()}

CHAPTERS = {
    "gdpr": {
        "5": 7,  # six principles of paragraph 1, and paragraph 2
        "24": 3,
        "25": 3,
        "28": 10 - 2,  # 7 and 8 speak to the Commission and to authorities
        "30": 5,
        "32": 7,  # four points of paragraph 1, and three paragraphs
        "33": 5,
        "34": 4,
        "35": 11 - 3,  # 4, 5 and 6 speak to authorities
        # 45(2) to (9), 46(4), (5) and 47(3) speak to the Commission, member states and authorities
        "44-49": 1 + (9 - 8) + (5 - 2) + (3 - 1) + 1 + 6,
    },
    # Lettered items stand for themselves where the source of the framework says so.
    "nis2": {
        "21(2)": 10,
        "1": 2 + 6,
        "2": 4 + 3 + 4,
        "3": 3 + (6 + 12) + 2 + 2 + 5 + 3,
        "4": 4 + (5 + 6) + 4,
        "5": 7 + 1,
        "6": 3 + 4 + 3 + 4 + 3 + (1 + 4) + (2 + 12) + (2 + 8) + 2 + 4,
        "7": 3,
        "8": 3 + 5,
        "9": 2 + 3,
        "10": 3 + 3 + 2 + 2,
        "11": 3 + (2 + 6) + (2 + 4) + (1 + 3) + (3 + 4) + (3 + 6) + 2,
        "12": 3 + 3 + 3 + 3 + 1,
        "13": 3 + 3 + 3,
    },
    "dora": {
        # Articles 5 to 14 and 16; of 11, paragraph 11 speaks to authorities.
        "II": 4 + 10 + 4 + 7 + (2 + 4 + 6) + 4 + (11 - 1) + 7 + 7 + 3 + 2,
        "III": 3 + 2 + 5 + 1,  # articles 17, 18, 19 and 23
        "IV": 6 + 3 + (11 - 4) + 3,  # articles 24 to 27; of 26, 7 and 9 to 11 speak to authorities
        "V": (10 - 2) + 2 + (5 - 1),  # articles 28 to 30
    },
    "ens-2022": {
        "org": 4,
        "op.pl": 5,
        "op.acc": 6,
        "op.exp": 10,
        "op.ext": 4,
        "op.nub": 1,
        "op.cont": 4,
        "op.mon": 3,
        "mp.if": 7,
        "mp.per": 4,
        "mp.eq": 4,
        "mp.com": 4,
        "mp.si": 5,
        "mp.sw": 2,
        "mp.info": 6,
        "mp.s": 4,
    },
    "c5-2020": {
        "OIS": 7,
        "SP": 3,
        "HR": 6,
        "AM": 6,
        "PS": 7,
        "OPS": 24,
        "IDM": 9,
        "CRY": 4,
        "COS": 8,
        "PI": 3,
        "DEV": 10,
        "SSO": 5,
        "SIM": 5,
        "BCM": 4,
        "COM": 4,
        "INQ": 4,
        "PSS": 12,
    },
}
"""How many controls each chapter of a publisher has, by the framework's key."""

EXPECTED = {
    "gdpr": {
        "5(1)(f)": {"aws-s3-bucket-public-read", "aws-rds-snapshot-public"},
        "25(2)": {"aws-s3-account-public-access-block-off"},
        "32(1)(a)": {
            "aws-rds-instance-unencrypted",
            "aws-elbv2-weak-tls",
            "aws-s3-bucket-plain-http",
        },
        "32(1)(b)": {"aws-ec2-sg-ssh-open", "aws-iam-root-mfa-off", "aws-rds-instance-single-az"},
        "32(1)(c)": {"aws-rds-instance-backup-short", "aws-backup-never-restored"},
    },
    "nis2": {
        "21(2)(h)": {"aws-s3-bucket-plain-http", "aws-rds-instance-unencrypted"},
        "21(2)(j)": {"aws-iam-root-mfa-off", "aws-iam-user-console-mfa-off"},
        "3.2.3(a)": {"aws-ec2-vpc-flow-logs-off"},
        "3.2.3(e)": {"aws-cloudtrail-missing"},
        "4.2.2(e)": {"aws-backup-never-restored"},
        "6.6.1(a)": {"aws-ssm-patches-missing", "aws-lambda-runtime-deprecated"},
        "6.7.2(d)": {"aws-ec2-sg-ssh-open", "aws-ec2-sg-rdp-open"},
        "11.2.2(a)": {"aws-iam-policy-admin"},
        "11.6.2(c)": {"aws-iam-user-access-key-old"},
    },
    "dora": {
        "9(3)(a)": {"aws-elbv2-listener-without-tls", "aws-s3-bucket-plain-http"},
        "9(4)(c)": {"aws-iam-policy-admin", "aws-iam-user-console-unused"},
        "9(4)(d)": {"aws-iam-user-console-mfa-off", "aws-kms-key-rotation-off"},
        "9(4)(f)": {"aws-ssm-patches-missing"},
        "10(1)": {"aws-guardduty-off"},
        "12(2)": {"aws-rds-instance-backup-short", "aws-backup-never-restored"},
        "12(4)": {"aws-rds-instance-single-az"},
    },
    "ens-2022": {
        "op.acc.6": {"aws-iam-user-console-mfa-off", "aws-iam-password-policy-short"},
        "op.exp.1": {"aws-config-recorder-off", "aws-ec2-instance-not-managed"},
        "op.exp.6": {"aws-guardduty-off"},
        "op.exp.8": {"aws-cloudtrail-missing", "aws-cloudtrail-validation-off"},
        "op.exp.10": {"aws-kms-key-rotation-off"},
        "op.mon.2": {"aws-securityhub-off"},
        "mp.com.1": {"aws-ec2-sg-ssh-open", "aws-ec2-sg-all-open"},
        "mp.com.3": {"aws-elbv2-weak-tls", "aws-s3-bucket-plain-http"},
        "mp.info.6": {"aws-backup-no-plan", "aws-rds-instance-backup-short"},
        "mp.s.2": {"aws-cloudfront-no-waf", "aws-elbv2-no-waf"},
        "mp.si.2": {"aws-ec2-volume-unencrypted", "aws-rds-instance-unencrypted"},
    },
    "c5-2020": {
        "AM-01": {"aws-config-recorder-off"},
        "OPS-08": {"aws-backup-never-restored"},
        "OPS-12": {"aws-cloudtrail-bucket-unlocked", "aws-cloudtrail-validation-off"},
        "OPS-15": {"aws-cloudtrail-missing"},
        "OPS-22": {"aws-inspector2-off", "aws-ssm-patches-missing"},
        "IDM-03": {"aws-iam-user-console-unused", "aws-iam-user-access-key-unused"},
        "IDM-06": {"aws-iam-user-admin", "aws-iam-root-used"},
        "IDM-09": {"aws-iam-user-console-mfa-off"},
        "CRY-02": {"aws-elbv2-weak-tls", "aws-s3-bucket-plain-http"},
        "CRY-03": {"aws-rds-instance-unencrypted", "aws-ec2-volume-unencrypted"},
        "CRY-04": {"aws-kms-key-rotation-off"},
        "COS-04": {"aws-ec2-sg-ssh-open"},
    },
}
"""Mappings that an auditor would expect, by the framework's key and the control's id."""

BY_PEOPLE = {
    "gdpr": {"28(3)", "30(1)", "33(1)", "34(1)", "35(1)", "46(1)"},
    "nis2": {"21(2)(a)", "1.1.1", "3.6.1", "5.1.1", "8.1.1", "10.2.1", "12.2.1"},
    "dora": {"5(2)", "6(1)", "18(1)", "19(1)", "26(1)", "28(3)", "30(2)"},
    "ens-2022": {"org.1", "op.pl.1", "op.cont.1", "mp.per.3", "mp.info.3"},
    "c5-2020": {"OIS-01", "SP-01", "HR-03", "OPS-19", "SSO-02", "BCM-03", "INQ-01"},
}
"""Controls that nothing in an account shows, and that a person attests."""

each_framework = pytest.mark.parametrize("key", CHAPTERS)


def controls_of(framework: Framework) -> dict[str, frozenset[str]]:
    return {control.id: frozenset(control.policies) for control in framework.controls}


@each_framework
def test_each_chapter_has_as_many_controls_as_the_publishers(key: str) -> None:
    sections = FRAMEWORKS[key].sections
    assert {section.id: len(section.controls) for section in sections} == CHAPTERS[key]


@each_framework
def test_every_named_policy_exists_and_stands_once_under_a_control(key: str) -> None:
    for control in FRAMEWORKS[key].controls:
        assert set(control.policies) <= POLICIES
        assert len(set(control.policies)) == len(control.policies)


@each_framework
def test_mappings_that_an_auditor_expects_are_there(key: str) -> None:
    held = controls_of(FRAMEWORKS[key])
    missing = {ident: keys - held[ident] for ident, keys in EXPECTED[key].items()}
    assert not any(missing.values()), missing


@each_framework
def test_what_no_account_shows_is_left_to_a_person(key: str) -> None:
    by_people = {control.id for control in FRAMEWORKS[key].controls if control.manual}
    assert by_people >= BY_PEOPLE[key]
    assert not any(control.policies for control in FRAMEWORKS[key].controls if control.manual)
