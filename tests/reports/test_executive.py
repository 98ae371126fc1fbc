from __future__ import annotations

import io
from typing import Any

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsealed.reports.gaps import sentence, thing
from cloudsealed.reports.kinds import executive, remediation
from cloudsealed.reports.model import Comparison, Document, ReportSource
from cloudsealed.reports.render import render_pdf


def _priced(amount: str, currency: str = "USD") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def summary(source: ReportSource, **filters: tuple[str, ...]) -> Document:
    return executive.build(source, filters).document


def shown(sentence: Any) -> str:
    """Return a sentence of a document as a reader of English sees it."""
    if not isinstance(sentence, dict):
        return str(sentence)
    values = {name: shown(value) for name, value in sentence["values"].items()}
    text: str = sentence["text"]
    return text.format(**values)


@pytest.fixture
def several(make_finding: Any) -> list[dict[str, Any]]:
    volume = {"policy": "aws-ebs-unused", "dimension": "cost", "severity": "low"}
    return [
        make_finding(1),
        make_finding(2, severity="high"),
        make_finding(3, **volume, monthly_savings=_priced("32.85")),
        make_finding(4, **volume, monthly_savings=_priced("0.15")),
        make_finding(5, **volume),
        make_finding(6, status="suppressed"),
        make_finding(7, status="resolved"),
    ]


def test_a_summary_counts_open_findings_by_dimension_and_severity(
    several: Any, make_source: Any
) -> None:
    document = summary(make_source(several))
    security, cost = document["dimensions"][:2]
    assert document["findings"] == {"open": 5, "resolved": 1, "suppressed": 1}
    assert document["severities"] == {"critical": 1, "high": 1, "medium": 0, "low": 3, "info": 0}
    assert (security["dimension"], security["score"], security["findings"]) == ("security", 61, 2)
    assert (cost["severities"]["low"], cost["unknown"]) == (3, 7)
    assert document["dimensions"][2]["score"] is None


def test_waste_is_summed_a_currency_and_says_how_many_findings_have_a_price(
    several: Any, make_finding: Any, make_source: Any
) -> None:
    euros = make_finding(8, policy="own", monthly_savings=_priced("1.00", "EUR"))
    waste = summary(make_source([*several, euros]))["waste"]
    assert waste["monthly"] == [_priced("1.00", "EUR"), _priced("33.00")]
    assert (waste["priced_findings"], waste["cost_findings"]) == (3, 3)
    assert [(p["policy"], p["findings"]) for p in waste["policies"]] == [
        ("aws-ebs-unused", 3),
        ("own", 1),
    ]


def test_ten_different_things_come_first_by_their_findings_of_the_worst_severity(
    make_finding: Any, make_source: Any
) -> None:
    few, many = {"policy": "few"}, {"policy": "many"}
    findings = [
        *(make_finding(n, severity="high", **many) for n in range(50)),
        *(make_finding(100 + n, severity="critical", **few) for n in range(3)),
        *(make_finding(200 + n, severity="high", policy=f"p-{n}") for n in range(20)),
        make_finding(300, severity="critical", **many),
    ]
    priorities = summary(make_source(iter(findings)))["priorities"]
    assert [item["policy"] for item in priorities[:3]] == ["few", "many", "p-0"]
    assert len(priorities) == len({item["policy"] for item in priorities}) == 10
    assert (priorities[1]["findings"], priorities[1]["more"]) == (51, 48)
    assert priorities[1]["worst"][0]["finding_id"] == findings[-1]["id"]
    assert "One of them is critical." in map(shown, priorities[1]["why"])


@pytest.mark.parametrize("made_critical", [1, 3, 118])
def test_what_a_classification_raised_never_comes_before_what_is_as_severe_by_itself(
    made_critical: int, make_finding: Any, make_source: Any
) -> None:
    base = {"base_severity": "medium", "classified_by": {"key": "prod", "version": 1}}
    raised = [
        make_finding(
            n, policy="a-subnets", **base, severity="critical" if n < made_critical else "medium"
        )
        for n in range(118)
    ]
    database = make_finding(200, policy="z-database", base_severity="critical")
    source = make_source([*raised, database])
    assert [p["policy"] for p in summary(source)["priorities"]] == ["z-database", "a-subnets"]
    steps = remediation.build(make_source([*raised, database])).document["steps"]
    assert steps[0]["policy"]["key"] == "z-database"


policies = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.sampled_from(["info", "low", "medium", "high", "critical"]),
        st.sampled_from(["low", "medium", "critical"]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60)
@given(estate=policies)
def test_a_summary_and_a_plan_of_nobodys_resources_come_in_the_same_order(
    estate: list[tuple[str, str, str]], make_finding: Any, make_source: Any
) -> None:
    efforts = {"a": "low", "b": "high", "c": None}
    findings = [
        make_finding(
            n,
            policy=key,
            severity=severity,
            base_severity=base,
            remediation={"summary": "Do it.", "effort": efforts.get(key, "medium")},
        )
        for n, (key, severity, base) in enumerate(estate)
    ]
    steps = remediation.build(make_source(findings)).document["steps"]
    order = list(dict.fromkeys(step["policy"]["key"] for step in steps))
    assert [p["policy"] for p in summary(make_source(findings))["priorities"]] == order


def test_why_something_matters_is_said_from_its_facts(make_finding: Any, make_source: Any) -> None:
    classified = {
        "severity": "critical",
        "base_severity": "medium",
        "classified_by": {"key": "production", "version": 1},
    }
    findings = [
        make_finding(1, first_seen_at="2026-11-01T09:00:00.000Z"),
        make_finding(
            2, account="210987654321", description="Bots scan. Then they try.", **classified
        ),
    ]
    findings[0]["description"] = "Bots scan. Then they try."
    (item,) = summary(make_source(findings))["priorities"]
    assert item["reason"] == "Bots scan."
    assert " ".join(map(shown, item["why"])) == (
        "2 resources in 2 accounts share the cause. Open for 49 days. "
        "1 made critical by the classification production."
    )


def test_scores_have_a_trend_and_a_change_since_the_audit_before(make_source: Any) -> None:
    audit = make_source().audit
    before = {
        **audit,
        "id": "aud_0",
        "finished_at": "2026-10-20T09:00:00.000Z",
        "dimensions": {"security": {"score": 70}, "cost": {"score": None}},
    }
    since = Comparison(before, clock="2026-10-20T08:00:00.000Z")
    document = summary(make_source(history=(before, audit), since=since))
    assert [p["scores"]["security"] for p in document["trend"]] == [70, 61]
    assert [p["scores"]["architecture"] for p in document["trend"]] == [None, None]
    assert [d["change"] for d in document["dimensions"]] == [-9, None, None, None]


def test_what_changed_is_what_entered_and_left_since_the_audit_before(
    make_finding: Any, make_source: Any
) -> None:
    new = {"first_seen_at": "2026-11-20T09:01:00.000Z"}
    now = [
        make_finding(1),
        make_finding(2, severity="low", **new),
        make_finding(3),
        make_finding(4, **new),
    ]
    gone = [
        make_finding(5, severity="high", status="resolved"),
        make_finding(6, status="open"),
        make_finding(7, status="suppressed"),
    ]
    since = Comparison(
        audit=make_source().audit,
        clock="2026-11-01T00:00:00.000Z",
        entered={now[n]["id"] for n in (1, 2, 3)},
        left=iter(gone),
    )
    changes = summary(make_source(now, since=since))["changes"]
    none = {"critical": 0, "high": 0, "medium": 0, "low": 0, "info": 0}
    assert changes["opened"] == none | {"critical": 1, "low": 1}
    assert changes["reopened"] == none | {"critical": 1}
    assert changes["resolved"] == none | {"high": 1}
    assert changes["not_judged"] == 1
    assert [item["finding_id"] for item in changes["worst"]] == [now[3]["id"], now[1]["id"]]


def test_filters_narrow_what_changed_too(make_finding: Any, make_source: Any) -> None:
    gone = [make_finding(n, status="resolved", severity=s) for n, s in enumerate(("low", "high"))]
    since = Comparison(make_source().audit, "2026-11-01T00:00:00.000Z", left=iter(gone))
    changes = summary(make_source(since=since), severity=("high",))["changes"]
    assert sum(changes["resolved"].values()) == 1


def test_the_first_audit_says_that_there_is_nothing_to_compare_with(make_source: Any) -> None:
    assert summary(make_source())["changes"] is None


def test_each_framework_is_counted_by_state(make_source: Any, make_framework: Any) -> None:
    (item,) = summary(make_source(frameworks=[make_framework()]))["compliance"]
    assert item["controls"] == 5
    assert item["counts"] == {
        "passing": 1,
        "failing": 1,
        "unknown": 1,
        "manual": 1,
        "not_assessed": 1,
    }


def test_coverage_says_in_plain_words_what_could_not_be_read_and_what_cures_it(
    make_source: Any, make_gap: Any
) -> None:
    source = make_source(gaps=[make_gap(verdicts=1), make_gap()], policy_errors=2)
    coverage = summary(source)["coverage"]
    unread = (
        "CloudSealed could not read the policy of 3 S3 buckets in 210987654321, because "
        "s3:GetBucketPolicy is denied"
    )
    assert list(map(shown, coverage["sentences"])) == [
        "CloudSealed could not enter con_3: The role cannot be assumed.",
        f"{unread}; 12 verdicts are unknown.",
        f"{unread}; one verdict is unknown.",
        "At least 2 verdicts are unknown, because a policy failed to run.",
    ]
    assert coverage["permissions"] == ["s3:GetBucketPolicy"]
    assert coverage["more"] == 0
    assert (coverage["share"], coverage["verdicts"]["out_of_scope"]) == (0.974, 1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {
                "service": "rds",
                "operation": "DescribeDBInstances",
                "action": "rds:DescribeDBInstances",
                "outcome": "throttled",
                "calls": 1,
                "verdicts": 0,
                "places": ["1/eu-west-1"],
            },
            (
                "the list of RDS instances in 1 eu-west-1, because the cloud throttled "
                "rds:DescribeDBInstances for too long; nothing there was judged."
            ),
        ),
        (
            {
                "outcome": "failed",
                "error_code": None,
                "calls": 1,
                "places": ["1/a", "2/a", "3/a", "4/a", "5/a"],
            },
            (
                "the policy of one S3 bucket in 1 a, 2 a, 3 a and 2 more places, because "
                "s3:GetBucketPolicy failed (?); 12 verdicts are unknown."
            ),
        ),
        (
            {"operation": "GetBucketOwnershipControls", "error_code": "Odd", "outcome": "failed"},
            (
                "the ownership controls of 3 S3 buckets in 210987654321, because "
                "s3:GetBucketPolicy failed (Odd); 12 verdicts are unknown."
            ),
        ),
        (
            {
                "service": "resourcegroupstaggingapi",
                "operation": "GetResources",
                "action": "tag:GetResources",
                "calls": 1,
            },
            (
                "the list of tags in 210987654321, because tag:GetResources is denied; "
                "12 verdicts are unknown."
            ),
        ),
        (
            {"outcome": "denied_by_organization"},
            (
                "the policy of 3 S3 buckets in 210987654321, because a policy of the organisation "
                "denies s3:GetBucketPolicy; 12 verdicts are unknown."
            ),
        ),
        (
            {"operation": "GetEverything"},
            (
                "the list of GetEverything in 210987654321, because s3:GetBucketPolicy is denied; "
                "12 verdicts are unknown."
            ),
        ),
    ],
)
def test_a_gap_names_things_places_reason_and_effect(
    given: dict[str, Any], said: str, make_gap: Any
) -> None:
    assert shown(sentence(make_gap(**given))) == f"CloudSealed could not read {said}"


def test_regions_that_deny_everything_are_one_sentence(make_gap: Any) -> None:
    gap = make_gap(
        service="*",
        operation="*",
        outcome="region_denied",
        action=None,
        curable=False,
        places=["1/ap-south-1", "1/sa-east-1"],
        verdicts=1,
    )
    assert shown(sentence(gap)) == (
        "A policy denies everything in 1 ap-south-1, 1 sa-east-1; one verdict is unknown."
    )


@pytest.mark.parametrize(
    ("kind", "one", "many"),
    [
        ("aws.s3.bucket", "S3 bucket", "S3 buckets"),
        ("aws.iam.policy", "IAM policy", "IAM policies"),
        ("aws.ec2.address", "EC2 address", "EC2 addresses"),
        ("aws.lambda.function", "Lambda function", "Lambda functions"),
        ("aws.account", "account", "accounts"),
    ],
)
def test_a_resource_type_has_a_name_in_plain_words(kind: str, one: str, many: str) -> None:
    assert (thing(kind, many=False), thing(kind, many=True)) == (one, many)


def test_a_cause_names_its_resources_and_never_their_arns(
    make_finding: Any, make_source: Any
) -> None:
    topic = make_finding(1, name="arn:aws:sns:eu-west-1:123456789012:news")
    topic["resource"]["native_id"] = topic["resource"]["name"]
    (item,) = summary(make_source([topic]))["priorities"]
    assert item["worst"][0]["called"] == "news"


def test_money_is_hidden_until_there_is_a_price_and_the_coverage_says_so(
    several: Any, make_source: Any
) -> None:
    def text(findings: Any) -> str:
        pages = pypdf.PdfReader(io.BytesIO(render_pdf(summary(make_source(findings))))).pages
        return " ".join(" ".join(page.extract_text() for page in pages).split())

    unpriced = text([{**each, "monthly_savings": None} for each in several])
    assert "Money on the table" not in unpriced
    assert "a month" not in unpriced
    assert "No price is known for any of the 3 open cost findings" in unpriced
    priced = text(several)
    assert "Money on the table" in priced
    assert "No price is known" not in priced
