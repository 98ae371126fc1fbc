from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError, Unknown, compile_rule

Judge = Callable[..., Any]
LOGS = {"Status": {"IsLogging": True}}
WRITE = '{"eventName": "CreateVpc"}'
READ = "{}"
KMS = '{"eventSource": "kms.amazonaws.com", "eventName": "DisableKey"}'
PUT = '{"eventSource": "s3.amazonaws.com", "eventName": "PutObject"}'
GET = '{"eventSource": "s3.amazonaws.com", "eventName": "GetObject"}'


def basic(**more: Any) -> dict[str, Any]:
    return {**LOGS, "EventSelectors": [{"ReadWriteType": "All", **more}]}


def objects(*values: str, **more: Any) -> dict[str, Any]:
    return basic(DataResources=[{"Type": "AWS::S3::Object", "Values": [*values]}], **more)


def advanced(*selectors: dict[str, Any]) -> dict[str, Any]:
    fields = [
        [
            {"Field": name, **({"Equals": said} if isinstance(said, list) else said)}
            for name, said in each.items()
        ]
        for each in selectors
    ]
    return {**LOGS, "AdvancedEventSelectors": [{"FieldSelectors": each} for each in fields]}


DATA = {"eventCategory": ["Data"], "resources.type": ["AWS::S3::Object"]}
MANAGEMENT = {"eventCategory": ["Management"]}
SOME = {"StartsWith": ["arn:aws:s3:::one-bucket/"]}
BUT_ONE = {"NotStartsWith": ["arn:aws-cn:s3:::logs/"]}


@pytest.mark.parametrize(
    ("trail", "recorded"),
    [
        (LOGS, {WRITE, READ, KMS}),
        ({"Status": {"IsLogging": False}}, set()),
        (basic(), {WRITE, READ, KMS}),
        (basic(IncludeManagementEvents=False), set()),
        (basic(ReadWriteType="WriteOnly"), {WRITE, KMS}),
        (basic(ReadWriteType="ReadOnly"), {READ}),
        (basic(ExcludeManagementEventSources=["kms.amazonaws.com"]), {WRITE, READ}),
        (objects("arn:aws:s3"), {WRITE, READ, KMS, PUT, GET}),
        (objects("arn:aws-us-gov:s3:::", IncludeManagementEvents=False), {PUT, GET}),
        (objects("arn:aws:s3:::one-bucket/"), {WRITE, READ, KMS}),
        (advanced(DATA), {PUT, GET}),
        (advanced(MANAGEMENT), {WRITE, READ, KMS}),
        (advanced({**MANAGEMENT, "readOnly": ["false"]}, DATA), {WRITE, KMS, PUT, GET}),
        (
            advanced({**MANAGEMENT, "eventSource": {"NotEquals": ["kms.amazonaws.com"]}}),
            {WRITE, READ},
        ),
        (advanced({**DATA, "resources.ARN": SOME}), set()),
        (advanced({**DATA, "resources.ARN": BUT_ONE}), {PUT, GET}),
        (advanced({**DATA, "eventName": ["PutObject", "DeleteObject"]}), {PUT}),
        (advanced({"eventCategory": ["NetworkActivity"]}), set()),
    ],
)
def test_a_trail_records_what_its_selectors_say(
    trail: dict[str, Any], recorded: set[str], value_of: Judge
) -> None:
    for event in (WRITE, READ, KMS, PUT, GET):
        found = value_of(f"trail_records(t, cloudtrail_event({event}))", t=trail)
        assert found is (event in recorded), event


def test_a_trail_without_a_status_is_an_error(value_of: Judge) -> None:
    with pytest.raises(EvaluationError, match="IsLogging"):
        value_of("trail_records(t, cloudtrail_event({}))", t={"Name": "t"})


def test_an_event_is_a_whole_record_with_what_was_said(value_of: Judge) -> None:
    root = value_of(
        'cloudtrail_event({"eventSource": "iam.amazonaws.com", "eventName": "ListUsers", '
        '"userIdentity": {"type": "Root"}, "errorCode": "AccessDenied"})'
    )
    assert root["userIdentity"]["arn"].endswith(":root")
    assert (root["awsRegion"], root["readOnly"]) == ("us-east-1", True)
    assert (root["eventCategory"], root["errorCode"]) == ("Management", "AccessDenied")
    assert "errorCode" not in value_of("cloudtrail_event({})")


GROUP = "arn:aws:logs:eu-west-1:111122223333:log-group:trail"


@pytest.mark.parametrize(
    ("metric_filter", "arn", "expected"),
    [
        ({"logGroupName": "trail"}, f"{GROUP}:*", True),
        ({"logGroupName": "trail"}, GROUP, True),
        ({"logGroupName": "rail"}, GROUP, False),
        ({"logGroupName": "trail", "Arn": f"{GROUP}:metric-filter:f"}, f"{GROUP}:*", True),
        (
            {"logGroupName": "trail", "Arn": f"{GROUP}:metric-filter:f".replace("eu-", "us-")},
            f"{GROUP}:*",
            False,
        ),
        ({"logGroupName": "trail"}, "", False),
    ],
)
def test_a_filter_is_of_a_log_group_in_its_own_region(
    metric_filter: dict[str, Any], arn: str, expected: bool, value_of: Judge
) -> None:
    assert value_of("in_log_group(f, a)", f=metric_filter, a=arn) is expected


def counting(**more: Any) -> dict[str, Any]:
    """A filter that counts by two metrics, of which the second is m."""
    other, metric = ({"metricName": n, "metricNamespace": "n", "metricValue": "1"} for n in "om")
    return {"metricTransformations": [other, {**metric, **more}]}


ALARM = {
    "MetricName": "m",
    "Namespace": "n",
    "AlarmActions": ["x"],
    "ActionsEnabled": True,
    "Statistic": "Sum",
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "Threshold": 1.0,
    "EvaluationPeriods": 1,
}
BY_EXPRESSION = {
    "AlarmActions": ["x"],
    "Threshold": 1.0,
    "Metrics": [
        {"Id": "e1", "Expression": "FILL(m1, 0)"},
        {"Id": "m1", "MetricStat": {"Metric": {"MetricName": "m", "Namespace": "n"}}},
    ],
}


@pytest.mark.parametrize(
    ("alarm", "metric", "expected"),
    [
        ({}, {}, True),
        ({"ActionsEnabled": False}, {}, False),
        ({"AlarmActions": []}, {}, False),
        ({"MetricName": "other"}, {}, False),
        ({"Namespace": "other"}, {}, False),
        ({"Threshold": 2.0}, {}, False),
        ({"Threshold": 2.0}, {"metricValue": "2"}, True),
        ({"Threshold": 0.0, "ComparisonOperator": "GreaterThanThreshold"}, {}, True),
        ({"ComparisonOperator": "GreaterThanThreshold"}, {}, False),
        ({"ComparisonOperator": "LessThanThreshold"}, {}, False),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, {}, True),
        ({}, {"metricValue": "0"}, False),
        ({"Statistic": "SampleCount"}, {"metricValue": "0"}, True),
        ({}, {"metricValue": "$.count"}, True),
        ({"Dimensions": [{"Name": "a", "Value": "b"}]}, {}, False),
        ({"Dimensions": [{"Name": "a", "Value": "b"}]}, {"dimensions": {"a": "$.a"}}, True),
        ({"EvaluationPeriods": 3, "TreatMissingData": "notBreaching"}, {}, False),
        ({"EvaluationPeriods": 3, "DatapointsToAlarm": 1}, {"defaultValue": 0.0}, True),
        ({"EvaluationPeriods": 3}, {"defaultValue": 0.0}, False),
        ({"TreatMissingData": "breaching"}, {}, False),
        ({"Statistic": "Maximum"}, {"defaultValue": 0.0}, True),
        ({"Statistic": "Average"}, {"defaultValue": 0.0}, False),
    ],
)
def test_an_alarm_notices_a_single_event(
    alarm: dict[str, Any], metric: dict[str, Any], expected: bool, value_of: Judge
) -> None:
    found = value_of("alarm_notices(a, f, 1)", a={**ALARM, **alarm}, f=counting(**metric))
    assert found is expected


def test_an_alarm_may_watch_a_metric_in_an_expression(value_of: Judge) -> None:
    assert value_of("alarm_notices(a, f, 1)", a=BY_EXPRESSION, f=counting()) is True


@pytest.mark.parametrize(("region", "expected"), [("eu-west-1", True), ("us-east-1", False)])
def test_an_alarm_watches_the_metrics_of_its_own_region(
    region: str, expected: bool, value_of: Judge
) -> None:
    alarm = {**ALARM, "AlarmArn": f"arn:aws:cloudwatch:{region}:111122223333:alarm:a"}
    metric_filter = {**counting(), "Arn": f"{GROUP}:metric-filter:f"}
    assert value_of("alarm_notices(a, f, 1)", a=alarm, f=metric_filter) is expected


def test_some_alarms_may_wait_for_several_events(value_of: Judge) -> None:
    alarm = {**ALARM, "Threshold": 5.0}
    found = [value_of(f"alarm_notices(a, f, {n})", a=alarm, f=counting()) for n in (4, 5)]
    assert found == [False, True]


def test_what_a_function_does_not_read_of_a_document_leaves_nothing_open(now: datetime) -> None:
    denied = Unknown(frozenset({"denied"}))
    rule = compile_rule(
        fail_when="!related.trails.exists(t, trail_records(t, cloudtrail_event({})))",
        related=["trails"],
    )
    assert ("related", "trails", "Tags") not in rule.reads
    assert ("related", "trails", "EventSelectors") in rule.reads
    tagless = {**LOGS, "Tags": denied}
    assert rule.judge_partly({}, {"trails": [tagless]}, now=now).outcome == "pass"
    unread = {**LOGS, "EventSelectors": denied}
    assert rule.judge_partly({}, {"trails": [unread]}, now=now).outcome == "unknown"


@pytest.mark.parametrize(
    "text",
    [
        'cloudtrail_event({"userIdentity": 1})',
        "trail_records({'Status': s, 'EventSelectors': [1]}, cloudtrail_event({}))",
        "trail_records({'Status': s, 'EventSelectors': [{}]}, {})",
        "alarm_notices({'AlarmActions': ['x'], 'Metrics': [1]}, f, 1)",
        "alarm_notices(a, f, 1)",
    ],
    ids=["identity", "selector", "event", "metrics", "threshold"],
)
def test_what_is_not_built_as_aws_builds_it_is_an_error(text: str, value_of: Judge) -> None:
    with pytest.raises(EvaluationError, match="not built"):
        value_of(text, s=LOGS["Status"], f=counting(), a={**ALARM, "Threshold": "1"})
