"""Our functions on what CloudTrail records, and who hears of it: from an event to its alarm.

Sources: the AWS CloudTrail user guide, "Logging management events", "Logging data events" and
"CloudTrail record contents", and the API reference, `EventSelector` and `AdvancedFieldSelector`;
the Amazon CloudWatch user guide, "Using Amazon CloudWatch alarms". Refuses to judge a trail whose
status was not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.arns import is_arn
from cloudsealed.engine.functions.documents import as_list
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value

Event = dict[Any, Any]
_ACCOUNT: Final = "111122223333"
_GLOBAL: Final = frozenset({"iam", "organizations", "signin", "sts", "cloudfront", "route53"})
"""Services whose records are those of the partition's first region."""
_READING: Final = re.compile(r"(?:Get|List|Describe|Head|Lookup|Search|Select)[A-Z]|Select")
_OBJECTS: Final = re.compile(r"(?:Get|Head|Put|Delete|Copy|Restore|Select)Object|UploadPart")
_PARTITION: Final = re.compile(r"^arn:[^:]*:")


def _identity(kind: str, name: str, **more: Any) -> dict[str, Any]:
    arn = f"arn:aws:{name}" if name.startswith("sts") else f"arn:aws:iam::{_ACCOUNT}:{name}"
    return {"type": kind, "principalId": "AIDAEXAMPLE", "arn": arn, "accountId": _ACCOUNT, **more}


_IDENTITIES: Final = {
    "Root": _identity("Root", "root"),
    "IAMUser": _identity("IAMUser", "user/alice", userName="alice", accessKeyId="AKEXAMPLE"),
    "AssumedRole": _identity(
        "AssumedRole",
        f"sts::{_ACCOUNT}:assumed-role/Operations/alice",
        accessKeyId="ASEXAMPLE",
        sessionContext={
            "sessionIssuer": _identity("Role", "role/Operations", userName="Operations"),
            "attributes": {"mfaAuthenticated": "false", "creationDate": "2026-01-01T00:00:00Z"},
        },
    ),
}


def _shaped(run: Callable[..., Value]) -> Callable[..., Value]:
    """A function whose error is one of the language where a document is not built as AWS's are."""

    @wraps(run)
    def shaped(*arguments: Any) -> Value:
        try:
            return run(*arguments)
        except (AttributeError, LookupError, TypeError):
            message = f"{run.__name__}() met a document that is not built as AWS builds it"
            raise EvaluationError(message) from None

    return shaped


@_shaped
def cloudtrail_event(changes: dict[Any, Value]) -> dict[Any, Value]:
    """`cloudtrail_event({"eventSource": "ec2.amazonaws.com", "eventName": "CreateVpc"})`: a record
    as CloudTrail writes it, with these members.

    What is not said is a call that succeeded, of the role Operations, to describe instances.
    `userIdentity` may be no more than its type: Root, IAMUser or AssumedRole. Calls on objects in
    S3 are data events, of a bucket that no selector names.
    """
    said = {"eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", **changes}
    source, name = str(said["eventSource"]), str(said["eventName"])
    is_data = source.startswith("s3.") and _OBJECTS.match(name) is not None
    is_global = source.partition(".")[0] in _GLOBAL
    identity = said.pop("userIdentity", None) or {}
    kind = identity.get("type", "AssumedRole")
    return {
        "eventVersion": "1.11",
        "userIdentity": {**_IDENTITIES.get(kind, {}), **identity, "type": kind},
        "eventTime": "2026-01-01T00:00:00Z",
        "awsRegion": "us-east-1" if is_global else "ap-southeast-4",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.0",
        "requestParameters": {"name": "example"},
        "responseElements": None,
        "requestID": "00000000-0000-0000-0000-000000000000",
        "eventID": "00000000-0000-0000-0000-000000000001",
        "readOnly": _READING.match(name) is not None,
        "eventType": "AwsConsoleSignIn" if source.startswith("signin.") else "AwsApiCall",
        "managementEvent": not is_data,
        "recipientAccountId": _ACCOUNT,
        "eventCategory": "Data" if is_data else "Management",
        **({"resources": [_OBJECT]} if is_data else {}),
        **said,
    }


_OBJECT: Final = {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::a-bucket-without-a-name/object"}


@_shaped
def trail_records(meter: Meter, trail: dict[Any, Value], event: dict[Any, Value]) -> bool:
    """`trail_records(t, cloudtrail_event({}))`: whether a trail logs, and its selectors record
    this event.

    A trail without selectors records all management events, which is what AWS gives a new one. One
    whose `Status.IsLogging` is not known is an error.
    """
    status = trail.get("Status")
    logging = status.get("IsLogging") if status.__class__ is dict else None
    if logging.__class__ is not bool:
        raise EvaluationError("trail_records() needs Status.IsLogging")
    basic, advanced = as_list(trail.get("EventSelectors")), trail.get("AdvancedEventSelectors")
    meter.charge(len(basic) + len(as_list(advanced)))
    if not logging:
        return False
    if advanced:
        return any(_selects(each, event) for each in as_list(advanced))
    if basic:
        return any(_covers(each, event) for each in basic)
    return bool(event.get("eventCategory") == "Management")


def _covers(selector: dict[str, Any], event: Event) -> bool:
    """Whether a basic selector records an event."""
    kind = selector.get("ReadWriteType", "All")
    if kind != "All" and (kind == "ReadOnly") != event["readOnly"]:
        return False
    if event["eventCategory"] == "Management":
        excluded = as_list(selector.get("ExcludeManagementEventSources"))
        return (
            selector.get("IncludeManagementEvents", True) and event["eventSource"] not in excluded
        )
    return any(
        each.get("Type") == resource["type"] and _begins(resource["ARN"], each.get("Values"))
        for each in as_list(selector.get("DataResources"))
        for resource in event.get("resources", ())
    )


def _begins(arn: str, values: Value) -> bool:
    """Whether an ARN begins with one of these, whatever the partition: a trail knows its own."""
    return any(_plain(arn).startswith(_plain(each)) for each in as_list(values))


def _plain(text: str) -> str:
    return _PARTITION.sub("arn:aws:", text)


def _selects(selector: dict[str, Any], event: Event) -> bool:
    """Whether an advanced selector records an event: each of its fields must."""
    fields = as_list(selector.get("FieldSelectors"))
    return bool(fields) and all(_agrees(each, event) for each in fields)


def _agrees(field: dict[str, Any], event: Event) -> bool:
    """Whether a field has one of the values that are asked for, and none that is left out."""
    value = _plain(_value(event, str(field.get("Field"))))
    wanted = [name for name in _OPERATORS if field.get(name)]
    refused = [name for name in _OPERATORS if field.get(f"Not{name}")]

    def holds(operator: str, name: str) -> bool:
        return any(_OPERATORS[operator](value, _plain(each)) for each in as_list(field[name]))

    return (not wanted or any(holds(name, name) for name in wanted)) and not any(
        holds(name, f"Not{name}") for name in refused
    )


_OPERATORS: Final[dict[str, Callable[[str, str], bool]]] = {
    "Equals": lambda value, text: value == text,
    "StartsWith": lambda value, text: value.startswith(text),
    "EndsWith": lambda value, text: value.endswith(text),
}


def _value(event: Event, field: str) -> str:
    """What a field of selectors is in an event, as the text that selectors hold; else empty."""
    if field.startswith("resources."):
        resources = event.get("resources") or [{}]
        found = resources[0].get(field.removeprefix("resources."))
    elif field.startswith("userIdentity."):
        found = event["userIdentity"].get(field.removeprefix("userIdentity."))
    else:
        found = event.get(field)
    return str(found).lower() if found.__class__ is bool else str("" if found is None else found)


@_shaped
def in_log_group(metric_filter: dict[Any, Value], arn: str) -> bool:
    """`in_log_group(f, t.CloudWatchLogsLogGroupArn)`: whether a metric filter is one of the log
    group with this ARN, with or without `:*` at its end."""
    if not is_arn(arn):
        return False
    group = arn.removesuffix(":*")
    own = metric_filter.get("Arn")
    if own.__class__ is str and is_arn(own):
        return own.startswith(f"{group}:")
    return group.endswith(f":log-group:{metric_filter.get('logGroupName')}")


@_shaped
def alarm_notices(alarm: dict[Any, Value], metric_filter: dict[Any, Value], events: int) -> bool:
    """`alarm_notices(a, f, 1)`: whether an alarm acts when a metric filter counts so many events
    within a period.

    It watches a metric of the filter, its actions are enabled, and its threshold is reached by so
    many events and not by none. What an alarm does not say is taken to be as it should.
    """
    if alarm.get("ActionsEnabled") is False or not alarm.get("AlarmActions"):
        return False
    return _may_watch(alarm, metric_filter) and any(
        _notices(alarm, watched, metric, events)
        for metric in as_list(metric_filter.get("metricTransformations"))
        if (watched := _watched(alarm, metric)) is not None
    )


def _may_watch(alarm: dict[Any, Value], metric_filter: dict[Any, Value]) -> bool:
    """Whether an alarm is where the filter is: metrics are of one region and account."""
    places = {_place(alarm.get("AlarmArn")), _place(metric_filter.get("Arn"))}
    return len(places - {None}) < 2


def _place(arn: Value) -> tuple[str, str] | None:
    """The region and the account of an ARN; None without one."""
    if arn.__class__ is not str or not is_arn(arn):
        return None
    _, _, _, region, account, *_ = f"{arn}:::::".split(":")
    return region, account


def _notices(alarm: dict[Any, Value], name: str, metric: dict[Any, Value], events: int) -> bool:
    return _is_reached(alarm, _statistic(name, metric, events)) and _may_be_one(alarm, metric)


def _statistic(name: str, metric: dict[Any, Value], events: int) -> float:
    """What a statistic of a period with these events is, and with others that count as nothing."""
    worth = _worth(metric.get("metricValue"))
    if name in ("Average", "Minimum") and metric.get("defaultValue") == 0:
        return 0
    return {"Sum": worth * events, "SampleCount": events}.get(name, worth)


def _watched(alarm: dict[Any, Value], metric: dict[Any, Value]) -> str | None:
    """The statistic by which an alarm watches a metric, itself or in an expression."""
    name = (metric.get("metricNamespace"), metric.get("metricName"))
    if (alarm.get("Namespace"), alarm.get("MetricName")) == name:
        alike = len(alarm.get("Dimensions") or ()) == len(metric.get("dimensions") or ())
        return str(alarm.get("Statistic") or "Sum") if alike else None
    for query in as_list(alarm.get("Metrics")):
        stat = query.get("MetricStat") or {}
        found = stat.get("Metric") or {}
        if (found.get("Namespace"), found.get("MetricName")) == name:
            return str(stat.get("Stat") or "Sum")
    return None


def _worth(value: Value) -> float:
    """What an event adds to a metric; what is read from the event is taken to be 1."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return 1.0


def _is_reached(alarm: dict[Any, Value], reached: float) -> bool:
    threshold = alarm.get("Threshold")
    comparison = alarm.get("ComparisonOperator") or "GreaterThanOrEqualToThreshold"
    if comparison == "GreaterThanThreshold":
        return bool(reached > (0 if threshold is None else threshold))
    if comparison == "GreaterThanOrEqualToThreshold":
        return bool(reached > 0 and reached >= (1 if threshold is None else threshold))
    return "GreaterThanUpperThreshold" in comparison  # of a band that CloudWatch learns


def _may_be_one(alarm: dict[Any, Value], metric: dict[Any, Value]) -> bool:
    """Whether one period with events is enough, with periods without before and after it."""
    missing = alarm.get("TreatMissingData") or "missing"
    points = alarm.get("DatapointsToAlarm") or alarm.get("EvaluationPeriods") or 1
    is_quiet = missing == "notBreaching" or metric.get("defaultValue") is not None
    return missing != "breaching" and (points == 1 or not is_quiet)


_MAP: Final = kinds("map")

TRAILS: Final = (
    Function("cloudtrail_event", (_MAP,), "map", cloudtrail_event),
    Function(
        "trail_records",
        (_MAP, _MAP),
        "bool",
        trail_records,
        metered=True,
        fields=("Status", "EventSelectors", "AdvancedEventSelectors"),
    ),
    Function(
        "in_log_group",
        (_MAP, kinds("string")),
        "bool",
        in_log_group,
        fields=("Arn", "logGroupName"),
    ),
    Function(
        "alarm_notices",
        (_MAP, _MAP, kinds("int")),
        "bool",
        alarm_notices,
        fields=(
            *(
                "ActionsEnabled",
                "AlarmActions",
                "AlarmArn",
                "ComparisonOperator",
                "DatapointsToAlarm",
            ),
            *("Dimensions", "EvaluationPeriods", "MetricName", "Metrics", "Namespace"),
            *("Statistic", "Threshold", "TreatMissingData"),
        ),
    ),
)
