"""What could not be read is unknown: never a silent pass, never a false fail."""

from __future__ import annotations

from typing import Any

import pytest
from tests.audits.world import ACCOUNT, REGION, Clock, Cloud

from cloudsealed.audits.judging import explanation as explanations
from cloudsealed.audits.model import Target
from cloudsealed.audits.records import blocks
from cloudsealed.vocabulary import CallOutcome

# Which database holds the blocks makes no difference to a verdict.
pytestmark = pytest.mark.parametrize("storage_settings", ["sqlite"], indirect=True)

ENCRYPTED = "!has(resource.Attributes.KmsMasterKeyId)"
UNANSWERED = [o for o in CallOutcome if o.unread]


def judged(begin: Any, cloud: Cloud, *policies: Any, types: tuple[str, ...] = ()) -> dict[str, Any]:
    audit = begin(*types)
    audit.collect(cloud)
    audit.judge(*policies)
    lines: dict[str, Any] = audit.lines("queues")
    return lines


@pytest.fixture
def queues(cloud: Cloud) -> Cloud:
    """One queue that passes, one that fails."""
    good = {"KmsMasterKeyId": "k", "VisibilityTimeout": "30"}
    cloud.queues = {"good": good, "bad": {"VisibilityTimeout": "30"}}
    return cloud


def test_what_was_read_passes_or_fails(begin: Any, queues: Cloud, check: Any) -> None:
    lines = judged(begin, queues, check(ENCRYPTED, message="{resource.QueueName} is open"))
    assert {name: line["outcome"] for name, line in lines.items()} == {
        "good": "pass",
        "bad": "fail",
    }
    assert lines["bad"]["title"] == "bad is open"
    assert lines["bad"]["evidence"]
    assert lines["good"]["evidence"] == []


@pytest.mark.parametrize("outcome", UNANSWERED)
@pytest.mark.parametrize(
    "condition",
    [
        ENCRYPTED,
        "has(resource.Attributes)",
        "!has(resource.Attributes)",
        "get(resource, 'Attributes.KmsMasterKeyId', '') == ''",
        "get(resource.Attributes, 'KmsMasterKeyId', '') == ''",
        "resource.Attributes.VisibilityTimeout == '30'",
        "resource.QueueName == 'bad' && has(resource.Attributes.KmsMasterKeyId)",
        "resource['Attributes'] == null",
    ],
)
def test_a_condition_over_what_was_not_read_is_unknown_and_names_the_call(
    begin: Any, queues: Cloud, check: Any, condition: str, outcome: CallOutcome
) -> None:
    queues.faults["GetQueueAttributes", "bad"] = (outcome, "Code")
    lines = judged(begin, queues, check(condition))
    assert lines["bad"]["outcome"] == "unknown"
    [reason] = lines["bad"]["reasons"]
    said = {name: reason[name] for name in ("kind", "attribute", "outcome", "error_code", "action")}
    assert said == {
        "kind": "call",
        "attribute": "Attributes",
        "outcome": outcome,
        "error_code": "Code",
        "action": "sqs:GetQueueAttributes",
    }
    assert lines["good"]["outcome"] in ("pass", "fail")


@pytest.mark.parametrize("outcome", UNANSWERED)
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("resource.QueueName == 'bad' || has(resource.Attributes.KmsMasterKeyId)", "fail"),
        ("resource.QueueName == 'x' && has(resource.Attributes.KmsMasterKeyId)", "pass"),
    ],
)
def test_what_is_decided_without_what_was_not_read_is_no_unknown_and_shows_what_decided(
    begin: Any, queues: Cloud, check: Any, condition: str, expected: str, outcome: CallOutcome
) -> None:
    queues.faults["GetQueueAttributes", "bad"] = (outcome, "Code")
    line = judged(begin, queues, check(condition))["bad"]
    assert (line["outcome"], line["reasons"]) == (expected, [])
    assert line["evidence"] == [{"path": "QueueName", "value": "bad"}]


def test_a_condition_of_applies_when_counts_as_well(begin: Any, queues: Cloud, check: Any) -> None:
    queues.faults["GetQueueAttributes"] = (CallOutcome.DENIED, "AccessDenied")
    policy = check("true", applies_when="has(resource.Attributes.KmsMasterKeyId)")
    assert {line["outcome"] for line in judged(begin, queues, policy).values()} == {"unknown"}


def test_a_condition_over_what_there_is_not_in_a_region_is_not_applicable(
    begin: Any, queues: Cloud, check: Any
) -> None:
    queues.faults["GetQueueAttributes", "bad"] = (CallOutcome.UNSUPPORTED, "InvalidAction")
    lines = judged(begin, queues, check(ENCRYPTED))
    assert {name: line["outcome"] for name, line in lines.items()} == {
        "good": "pass",
        "bad": "not_applicable",
    }
    [reason] = lines["bad"]["reasons"]
    assert (reason["outcome"], reason["attribute"]) == ("unsupported", "Attributes")


def test_one_gap_beside_what_there_is_not_leaves_it_unknown(
    begin: Any, queues: Cloud, check: Any
) -> None:
    queues.faults["GetQueueAttributes"] = (CallOutcome.UNSUPPORTED, "InvalidAction")
    for call in ("GetResources", "ListQueueTags"):
        queues.faults[call] = (CallOutcome.FAILED, "Code")
    lines = judged(begin, queues, check(f"{ENCRYPTED} && tag(resource, 'a') == null"))
    assert {line["outcome"] for line in lines.values()} == {"unknown"}


def test_a_list_that_a_region_has_not_is_no_gap_of_what_rests_on_it(
    begin: Any, queues: Cloud, check: Any
) -> None:
    queues.faults["ListTopics"] = (CallOutcome.UNSUPPORTED, "InvalidAction")
    related = {"topics": {"type": "aws.sns.topic"}}
    lines = judged(
        begin,
        queues,
        check("related.topics.size() == 0", related=related),
        types=("aws.sqs.queue", "aws.sns.topic"),
    )
    assert {line["outcome"] for line in lines.values()} == {"fail"}


def test_what_a_region_should_have_and_cannot_have_is_not_applicable(
    begin: Any, queues: Cloud, check: Any
) -> None:
    queues.faults["ListTopics"] = (CallOutcome.UNSUPPORTED, "InvalidAction")
    related = {"topics": {"type": "aws.sns.topic", "scope": "region"}}
    lines = judged(
        begin,
        queues,
        check("related.topics.size() == 0", related=related),
        types=("aws.sqs.queue", "aws.sns.topic"),
    )
    assert {line["outcome"] for line in lines.values()} == {"not_applicable"}
    assert {line["reasons"][0]["outcome"] for line in lines.values()} == {"unsupported"}


@pytest.mark.parametrize(
    ("outcome", "forbidden"),
    [(CallOutcome.DENIED_BY_ORGANIZATION, 1), (CallOutcome.DENIED, 0), (CallOutcome.FAILED, 0)],
)
def test_a_cell_counts_what_the_organisation_keeps_it_from_knowing(
    begin: Any, queues: Cloud, check: Any, outcome: CallOutcome, forbidden: int
) -> None:
    queues.faults["GetQueueAttributes", "bad"] = (outcome, "Code")
    audit = begin()
    audit.collect(queues)
    audit.judge(check(ENCRYPTED))
    [block] = audit.observations()
    assert (block.header["counts"]["unknown"], block.header["missing"]["forbidden"]) == (
        1,
        forbidden,
    )


def test_a_denied_attribute_that_no_condition_reads_does_not_matter(
    begin: Any, queues: Cloud, check: Any
) -> None:
    for call in ("GetResources", "ListQueueTags"):
        queues.faults[call] = (CallOutcome.DENIED, "AccessDenied")
    lines = judged(begin, queues, check(ENCRYPTED))
    assert {name: line["outcome"] for name, line in lines.items()} == {
        "good": "pass",
        "bad": "fail",
    }


def test_a_condition_over_the_whole_document_needs_all_of_it(
    begin: Any, queues: Cloud, check: Any
) -> None:
    for call in ("GetResources", "ListQueueTags"):
        queues.faults[call] = (CallOutcome.DENIED, "AccessDenied")
    lines = judged(begin, queues, check("resource.exists(name, name == 'Tags')"))
    assert {line["outcome"] for line in lines.values()} == {"unknown"}
    lines = judged(begin, queues, check("size(resource) > 100"))
    assert {line["outcome"] for line in lines.values()} == {"pass"}  # with tags or without


def test_aws_saying_that_there_is_none_is_an_answer(begin: Any, queues: Cloud, check: Any) -> None:
    queues.faults["GetQueueAttributes"] = (CallOutcome.ABSENT, "NoSuchPolicy")
    lines = judged(begin, queues, check("!has(resource.Attributes)"))
    assert {line["outcome"] for line in lines.values()} == {"fail"}


TOPICS = {"topics": {"type": "aws.sns.topic"}}
BOTH = ("aws.sqs.queue", "aws.sns.topic")


@pytest.mark.parametrize("condition", ["size(related.topics) == 0", "size(related.topics) > 0"])
@pytest.mark.parametrize("outcome", UNANSWERED)
def test_a_related_type_that_was_not_listed_makes_it_unknown(
    begin: Any, queues: Cloud, check: Any, condition: str, outcome: CallOutcome
) -> None:
    queues.faults["ListTopics"] = (outcome, "Code")
    lines = judged(begin, queues, check(condition, related=TOPICS), types=BOTH)
    assert {line["outcome"] for line in lines.values()} == {"unknown"}
    [reason] = lines["bad"]["reasons"]
    assert (reason["action"], reason["outcome"]) == ("sns:ListTopics", outcome)


def test_a_related_type_with_nothing_in_it_is_an_answer(
    begin: Any, queues: Cloud, check: Any
) -> None:
    lines = judged(begin, queues, check("size(related.topics) == 0", related=TOPICS), types=BOTH)
    assert {line["outcome"] for line in lines.values()} == {"fail"}


def test_a_related_type_out_of_scope_makes_it_unknown(
    begin: Any, queues: Cloud, check: Any
) -> None:
    lines = judged(begin, queues, check("size(related.topics) == 0", related=TOPICS))
    assert {line["outcome"] for line in lines.values()} == {"unknown"}
    assert lines["bad"]["reasons"] == [
        {"kind": "out_of_scope", "type": "aws.sns.topic", "account": ACCOUNT, "regions": [REGION]}
    ]


def test_a_denied_attribute_of_a_related_resource_makes_it_unknown(
    begin: Any, queues: Cloud, check: Any
) -> None:
    queues.topics = ["news"]
    queues.faults["GetTopicAttributes"] = (CallOutcome.DENIED, "AuthorizationError")
    condition = "related.topics.exists(t, !has(t.Attributes.KmsMasterKeyId))"
    lines = judged(begin, queues, check(condition, related=TOPICS), types=BOTH)
    assert {line["outcome"] for line in lines.values()} == {"unknown"}
    assert lines["bad"]["reasons"][0]["action"] == "sns:GetTopicAttributes"
    lines = judged(begin, queues, check("size(related.topics) == 0", related=TOPICS), types=BOTH)
    assert {line["outcome"] for line in lines.values()} == {
        "pass"
    }  # it reads only that it is there


def test_a_denied_attribute_that_joins_makes_it_unknown(
    begin: Any, queues: Cloud, check: Any
) -> None:
    queues.faults["GetQueueAttributes", "bad"] = (CallOutcome.DENIED, "AccessDenied")
    related = {
        "dead": {
            "type": "aws.sqs.queue",
            "from": "Attributes.RedrivePolicy.deadLetterTargetArn",
            "key": "Arn",
        }
    }
    lines = judged(begin, queues, check("size(related.dead) == 0", related=related))
    assert (lines["bad"]["outcome"], lines["good"]["outcome"]) == ("unknown", "fail")


@pytest.mark.parametrize(
    ("condition", "path"),
    [
        ("resource.Attributes.KmsMasterKeyId == 'k'", "Attributes.KmsMasterKeyId"),
        ("int(resource.Attributes.VisibilityTimeout) / 0 == 1", None),
        ("resource.Attributes.VisibilityTimeout < 5", None),
    ],
)
def test_a_condition_that_stops_is_unknown_and_says_where(
    begin: Any, queues: Cloud, check: Any, condition: str, path: str | None
) -> None:
    line = judged(begin, queues, check(condition))["bad"]
    assert line["outcome"] == "unknown"
    [reason] = line["reasons"]
    assert reason["kind"] == "policy_error"
    assert reason["message"]
    assert path is None or path in (reason["path"] or "") or path in reason["message"]


ELSEWHERE = "us-east-1"


def test_a_relation_of_the_whole_account_is_read_in_part_where_regions_are_left_out(
    begin: Any, queues: Cloud, check: Any
) -> None:
    target = Target("con_a", ACCOUNT, "aws", (REGION,), left_out=(ELSEWHERE,))
    queues.topics = ["news"]
    audit = begin(*BOTH, targets=(target,))
    audit.collect(queues)
    near = {"topics": {**TOPICS["topics"], "scope": "region"}}
    audit.judge(
        check("size(related.topics) > 0", key="some", related=TOPICS),
        check("size(related.topics) == 1", key="one", related=TOPICS),
        check("size(related.topics) == 1", key="near", related=near),
    )
    said = {key: audit.lines(key)["bad"] for key in ("some", "one", "near")}
    assert {key: line["outcome"] for key, line in said.items()} == {
        "some": "fail",
        "one": "unknown",
        "near": "fail",
    }
    assert said["one"]["reasons"] == [
        {
            "kind": "out_of_scope",
            "type": "aws.sns.topic",
            "account": ACCOUNT,
            "regions": [ELSEWHERE],
        }
    ]
    [block] = [b for b in audit.observations() if b.key == "one"]
    assert block.header["missing"] == {"unread": 0, "forbidden": 0, "out_of_scope": 2}


def test_regions_that_nobody_named_are_left_out_as_well(
    begin: Any, queues: Cloud, check: Any
) -> None:
    denied = {
        "kind": "call",
        "service": "ec2",
        "operation": "DescribeRegions",
        "account": ACCOUNT,
        "region": REGION,
        "parameters": {},
        "outcome": "denied",
        "error_code": "AccessDenied",
        "action": "ec2:DescribeRegions",
    }
    audit = begin(*BOTH, targets=(Target("con_a", ACCOUNT, "aws", (REGION,), regions_gap=denied),))
    audit.collect(queues)
    audit.judge(check("size(related.topics) == 0", related=TOPICS))
    line = audit.lines("queues")["bad"]
    assert (line["outcome"], line["reasons"]) == ("unknown", [denied])
    assert audit.observations()[0].header["missing"]["unread"] == 2


def test_a_finding_that_was_decided_in_spite_of_a_gap_is_explained_by_what_decided(
    begin: Any, queues: Cloud, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explanations, "SECONDS", 300)  # a busy machine is slow to start a process
    queues.topics = ["news", "odds"]
    queues.faults["GetQueueAttributes", "bad"] = (CallOutcome.DENIED, "AccessDenied")
    queues.faults["GetTopicAttributes"] = (CallOutcome.DENIED, "AuthorizationError")
    policy = check(
        "resource.type != 'aws.sqs.queue' || "
        "related.topics.exists(t, t.Attributes.Owner == 'me' || t.TopicArn.endsWith('odds'))"
        " || resource.Attributes.VisibilityTimeout == '30'",
        related=TOPICS,
    )
    audit = begin(*BOTH)
    audit.collect(queues)
    audit.judge(policy)
    line = audit.lines("queues")["bad"]
    assert line["outcome"] == "fail"
    snapshot = audit.snapshots.at(line["snapshot"])
    told = explanations.explanation(audit.snapshots, audit.audit, policy, snapshot)
    assert (told["outcome"], told["evidence"]) == ("fail", line["evidence"])
    [condition] = told["conditions"]
    assert {step["state"] for step in condition["step"]["steps"]} == {"value", "not_looked_at"}


def test_what_a_policy_does_not_apply_to_is_not_applicable(
    begin: Any, queues: Cloud, check: Any
) -> None:
    policy = check("true", applies_when="resource.QueueName == 'good'")
    lines = judged(begin, queues, policy)
    assert (lines["bad"]["outcome"], lines["good"]["outcome"]) == ("not_applicable", "fail")


def test_a_list_that_was_denied_leaves_a_cell_that_speaks_of_nothing(
    begin: Any, queues: Cloud, check: Any
) -> None:
    queues.faults["ListQueues"] = (CallOutcome.DENIED, "AccessDenied")
    audit = begin()
    audit.collect(queues)
    audit.judge(check(ENCRYPTED))
    [block] = audit.observations()
    assert block.count == 0
    assert block.header["complete"] == {"aws.sqs.queue": False}
    assert block.header["gaps"][0]["action"] == "sqs:ListQueues"


def classified(begin: Any, cloud: Cloud, check: Any, *classifications: Any) -> dict[str, Any]:
    line: dict[str, Any] = judged(begin, cloud, check(ENCRYPTED), *classifications)["bad"]
    return line


def test_a_classification_changes_the_severity_of_what_fails(
    begin: Any, queues: Cloud, check: Any, classification: Any
) -> None:
    rule = classification(
        "prod",
        "resource.QueueName == 'bad' && finding.policy == 'queues'",
        set={"severity": "critical"},
    )
    line = classified(begin, queues, check, rule)
    assert (line["severity"], line["suppressed"]) == ("critical", False)
    assert line["classified_by"] == {"key": "prod", "version": 1}


def test_a_classification_leaves_what_passes_alone(
    begin: Any, queues: Cloud, check: Any, classification: Any
) -> None:
    rule = classification("all", set={"severity": "critical"})
    line = judged(begin, queues, check(ENCRYPTED), rule)["good"]
    assert (line["severity"], line["classified_by"]) == ("high", None)


@pytest.mark.parametrize(
    ("when", "suppressed"),
    [
        ("tag(resource, 'env') != 'prod'", False),
        ("!has(resource.Tags)", False),
        ("resource.QueueName == 'bad' || tag(resource, 'env') == 'prod'", True),
    ],
)
def test_a_classification_that_needs_what_was_not_read_changes_nothing(
    begin: Any, queues: Cloud, check: Any, classification: Any, when: str, suppressed: bool
) -> None:
    for call in ("GetResources", "ListQueueTags"):
        queues.faults[call] = (CallOutcome.DENIED, "AccessDenied")
    line = classified(begin, queues, check, classification("quiet", when, suppress=True))
    assert (line["outcome"], line["suppressed"]) == ("fail", suppressed)


@pytest.mark.parametrize("turned", [False, True])
def test_suppressing_wins_over_a_severity_and_the_highest_severity_over_others(
    begin: Any, queues: Cloud, check: Any, classification: Any, turned: bool
) -> None:
    rules = [
        classification("low", set={"severity": "low"}),
        classification("critical", set={"severity": "critical"}),
        classification("quiet", suppress=True),
    ]
    given = rules[::-1] if turned else rules
    line = classified(begin, queues, check, *given)
    assert (line["suppressed"], line["classified_by"]["key"]) == (True, "quiet")
    line = classified(begin, queues, check, *(r for r in given if r.key != "quiet"))
    assert (line["severity"], line["classified_by"]["key"]) == ("critical", "critical")


def test_of_two_equal_classifications_the_older_is_named(
    begin: Any, queues: Cloud, check: Any, classification: Any
) -> None:
    rules = [classification(name, set={"severity": "low"}) for name in ("older", "younger")]
    line = classified(begin, queues, check, *rules)
    assert line["classified_by"]["key"] == "older"


@pytest.mark.parametrize("when", ["resource.Versioning.Status == 'x'", "false"])
def test_a_classification_that_does_not_match_or_stops_changes_nothing(
    begin: Any, queues: Cloud, check: Any, classification: Any, when: str
) -> None:
    line = classified(begin, queues, check, classification("quiet", when, suppress=True))
    assert (line["outcome"], line["suppressed"], line["classified_by"]) == ("fail", False, None)


def test_judging_twice_writes_the_same_blocks(
    begin: Any, queues: Cloud, check: Any, clock: Clock
) -> None:
    audit = begin()
    audit.collect(queues)
    audit.judge(check(ENCRYPTED))
    once = audit.observations()
    clock.move(days=3)
    audit.judge(check(ENCRYPTED))
    assert audit.observations() == once


_FORTY = f"[{', '.join(map(str, range(40)))}]"
HOSTILE = f"{_FORTY}.all(a, {_FORTY}.all(b, {_FORTY}.all(c, {_FORTY}.all(d, a + b + c + d >= 0))))"


def test_a_policy_that_takes_too_long_is_unknown_and_holds_up_no_other(
    begin: Any, cloud: Cloud, check: Any, classification: Any
) -> None:
    cloud.queues = {f"queue-{n:02}": {"VisibilityTimeout": "30"} for n in range(20)}
    audit = begin()
    audit.collect(cloud)
    slow = classification("slow", when=HOSTILE, suppress=True)
    audit.judge(check(HOSTILE, key="hostile"), check(ENCRYPTED), slow, seconds=0.01)
    hostile = audit.lines("hostile").values()
    assert {line["outcome"] for line in hostile} == {"unknown"}
    said = [line["reasons"][0]["message"] for line in hostile]
    assert "budget" in said[0]
    assert all("CLOUDSEALED_POLICY_SECONDS" in message for message in said[1:])
    others = audit.lines("queues").values()
    assert {(line["outcome"], line["suppressed"]) for line in others} == {("fail", False)}


def test_how_many_lines_a_part_holds_changes_nothing(
    begin: Any, cloud: Cloud, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.queues = {f"queue-{n:02}": {"VisibilityTimeout": str(n % 3)} for n in range(23)}
    policies = [check("resource.Attributes.VisibilityTimeout == '1'"), check(ENCRYPTED, key="two")]
    said = []
    for lines in (1, 2, 7, 5_000):
        monkeypatch.setattr(blocks, "PART_LINES", lines)
        audit = begin()
        audit.collect(cloud)
        audit.judge(*policies)
        found = audit.observations()
        assert [block.count for block in found] == [23, 23]
        assert all(1 <= len(block.parts) <= 23 for block in found)
        assert (len(found[0].parts) > 1) == (lines < 23)
        said.append([list(audit.blocks.lines(block)) for block in found])
        assert len(audit.apply()) == 8 + 23
    assert all(each == said[0] for each in said)


def test_a_condition_of_the_policy_gives_the_severity_of_what_fails(
    begin: Any, queues: Cloud, check: Any, classification: Any
) -> None:
    queues.faults["GetQueueAttributes", "bad"] = (CallOutcome.DENIED, "Code")
    degrees = [
        {"when": "resource.Attributes.VisibilityTimeout == '30'", "severity": "low"},
        {"when": "true", "severity": "critical"},
    ]
    only = classification("only", "finding.severity == 'low'", set={"severity": "medium"})
    policy = check("resource.QueueName != ''", severity_when=degrees)
    lines = judged(begin, queues, policy, only)
    told = ("severity", "base_severity", "severity_open")
    said = {n: tuple(line.get(name) for name in told) for n, line in lines.items()}
    # Of the other the first condition is unknown: it has the policy's own.
    assert said == {"good": ("medium", "low", None), "bad": ("high", None, True)}
    assert [line["outcome"] for line in lines.values()] == ["fail", "fail"]


def test_a_policy_without_conditions_says_the_same_line_as_before(
    begin: Any, queues: Cloud, check: Any
) -> None:
    assert set(judged(begin, queues, check(ENCRYPTED))["bad"]) == {
        "native_id",
        "type",
        "outcome",
        "severity",
        "fingerprint",
        "snapshot",
        "title",
        "evidence",
        "reasons",
        "classified_by",
        "suppressed",
    }
