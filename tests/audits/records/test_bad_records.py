"""One bad record is one bad record: its cells are unknown and say why, and the audit goes on."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from tests.audits.world import Clock, Cloud

from cloudsealed.audits.steps import derive
from cloudsealed.engine import Rule
from cloudsealed.storage.schema import resource_tags
from cloudsealed.vocabulary import CallOutcome, FindingStatus, Outcome

OPEN = "!has(resource.Attributes.KmsMasterKeyId)"
DEEP = "[" * 300 + "]" * 300
STATEMENT = '{{"Version":"2012-10-17","Statement":[{{"Sid":{0},"Effect":"Allow"}}]}}'
BAD_POLICIES = {
    "integer": STATEMENT.format(2**70),
    "surrogate": STATEMENT.format('"\\ud800"'),
    "deep": STATEMENT.format(DEEP),
    "too deep to parse": "[" * 100_000,
    "a long number": STATEMENT.format("9" * 5_000),
}


@pytest.fixture(params=BAD_POLICIES)
def bad(request: pytest.FixtureRequest, cloud: Cloud) -> Cloud:
    """A good queue that fails, and one whose policy document holds what cannot be kept."""
    cloud.queues = {"good": {"A": "1"}, "bad": {"Policy": BAD_POLICIES[request.param]}}
    return cloud


def concluded(begin: Any, cloud: Cloud, *policies: Any, **given: Any) -> Any:
    audit = begin(**given)
    audit.collect(cloud)
    audit.judge(*policies)
    audit.apply()
    return audit


def test_a_policy_document_that_cannot_be_kept_costs_its_own_cells(
    begin: Any, bad: Cloud, check: Any, present: Any
) -> None:
    lines = concluded(begin, bad, check(OPEN)).lines("queues")
    assert lines["good"]["outcome"] == "fail"
    assert lines["bad"]["outcome"] in ("unknown", "fail")
    if lines["bad"]["outcome"] == "unknown":
        [reason] = lines["bad"]["reasons"]
        assert reason["kind"] == "derivation_error"
        assert reason["error"] in reason["message"]
        assert present().keys() == {"good"}


def tagged_with(tags: Any, queue: str, cloud: Cloud) -> None:
    """Let a cloud answer with tags of a form that nobody expects."""
    usual = cloud._document
    cloud.faults["GetResources"] = (CallOutcome.DENIED, "AccessDenied")
    bad = {"Tags": tags}
    cloud._document = lambda operation, name: (  # type: ignore[method-assign]
        bad if (operation, name) == ("ListQueueTags", queue) else usual(operation, name)
    )


@pytest.mark.parametrize("tags", [["no tag"], [None], 7], ids=["text", "null", "number"])
def test_nothing_is_resolved_because_a_resource_could_not_be_derived(
    begin: Any, cloud: Cloud, check: Any, present: Any, clock: Clock, tags: Any
) -> None:
    cloud.queues = {"good": {"A": "1"}, "bad": {"A": "1"}}
    concluded(begin, cloud, check(OPEN))
    cloud.queues["bad"] = {"KmsMasterKeyId": "k"}
    tagged_with(tags, "bad", cloud)
    clock.move(hours=1)
    audit = concluded(begin, cloud, check(OPEN))
    assert audit.lines("queues")["bad"]["outcome"] == "unknown"
    found = present()["bad"]
    assert (found.status, found.last_observation) == (FindingStatus.OPEN, Outcome.UNKNOWN)


def test_an_item_without_an_id_makes_the_list_incomplete_and_nothing_is_gone(
    begin: Any, cloud: Cloud, check: Any, present: Any, clock: Clock
) -> None:
    cloud.queues = {"good": {"A": "1"}, "bad": {"A": "1"}}
    concluded(begin, cloud, check(OPEN))
    del cloud.queues["bad"]
    cloud.queues["z" * 3_000] = {"A": "1"}
    clock.move(hours=1)
    audit = concluded(begin, cloud, check(OPEN))
    [listing] = audit.snapshots.listings()
    assert not listing.header["complete"]
    assert listing.header["gap"]["error_code"] == "NoNativeIdError"
    assert present()["bad"].status is FindingStatus.OPEN


@pytest.mark.parametrize("error", [RecursionError, OverflowError, MemoryError, KeyError])
def test_what_goes_wrong_judging_a_cell_is_that_cell_s(
    begin: Any, cloud: Cloud, check: Any, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    cloud.queues = {"good": {"A": "1"}, "bad": {"B": "1"}}
    whole = Rule.judge

    class Breaks:
        def __get__(self, rule: Rule, _kind: type[Rule]) -> Any:
            judge = whole.__get__(rule, Rule)  # type: ignore[attr-defined]  # a slot

            def judged(resource: Any, *given: Any, **named: Any) -> Any:
                if "B" in resource["Attributes"]:
                    raise error
                return judge(resource, *given, **named)

            return judged

        def __set__(self, rule: Rule, value: Any) -> None:
            whole.__set__(rule, value)  # type: ignore[attr-defined]  # a slot

    monkeypatch.setattr(Rule, "judge", Breaks())
    lines = concluded(begin, cloud, check(OPEN)).lines("queues")
    assert {name: line["outcome"] for name, line in lines.items()} == {
        "good": "fail",
        "bad": "unknown",
    }
    [reason] = lines["bad"]["reasons"]
    assert reason["kind"] == "policy_error"
    assert error.__name__ in reason["message"] or "memory" in reason["message"]


def test_a_related_resource_that_could_not_be_derived_leaves_open_who_is_joined(
    begin: Any, cloud: Cloud, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.queues, cloud.topics = {"one": {"A": "1"}}, ["news"]
    whole = derive.snapshot_document

    def breaks(snapshot: Any) -> Any:
        if snapshot.type == "aws.sns.topic" and snapshot.error is None:
            raise OverflowError
        return whole(snapshot)

    monkeypatch.setattr(derive, "snapshot_document", breaks)
    related = {"topics": {"type": "aws.sns.topic", "from": "QueueName", "key": "TopicArn"}}
    policy = check("size(related.topics) == 0", related=related)
    audit = begin("aws.sqs.queue", "aws.sns.topic")
    audit.collect(cloud)
    audit.judge(policy)
    line = audit.lines("queues")["one"]
    assert line["outcome"] == "unknown"
    assert line["reasons"][0]["error"] == "OverflowError"


def test_names_and_tags_that_no_row_can_hold_are_kept_as_far_as_one_can(
    begin: Any, cloud: Cloud, check: Any, present: Any, database: Any
) -> None:
    cloud.queues = {"a\0b": {"A": "1"}, "good": {"A": "1"}}
    cloud.tags = {"k\0": "v\0w", "\U0001f600" * 2_000: "\U0001f600" * 2_000}
    audit = concluded(begin, cloud, check(OPEN))
    assert audit.lines("queues")["good"]["outcome"] == "fail"
    with database.read() as connection:
        rows = connection.all(select(resource_tags.c.key, resource_tags.c.value))
    face = "\U0001f600"
    assert set(rows) == {("k\ufffd", "v\ufffdw"), (face * 128, face * 256)}
