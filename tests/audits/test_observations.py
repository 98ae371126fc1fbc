"""What an audit's policies saw is read with the answers that it rests on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete
from tests.audits.world import REGION, TENANT, Cloud, Pass

from cloudsealed.audits import observations
from cloudsealed.audits.observations import Observations
from cloudsealed.kit.canonical import canonical, sha256
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.storage.schema import objects
from cloudsealed.vocabulary import CallOutcome

OPEN = "!has(resource.Attributes.KmsMasterKeyId)"


def seen(audit: Pass, *policies: PolicyVersion, only: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    known = replace(audit.audit, policy_set=tuple(p.as_dict() for p in policies))
    reader = Observations(audit.database, tenant=TENANT, audit=known)
    return list(reader.of(only or [p.key for p in policies]))


@pytest.fixture
def audited(begin: Any, cloud: Cloud, check: Any) -> tuple[Pass, PolicyVersion]:
    """A queue that passes and one that fails, and the policy that says so."""
    cloud.queues = {"good": {"KmsMasterKeyId": "k"}, "bad": {"VisibilityTimeout": "30"}}
    audit, policy = begin(), check(OPEN)
    audit.collect(cloud)
    audit.judge(policy)
    audit.apply()
    return audit, policy


def test_a_verdict_names_the_calls_behind_what_its_policy_reads_and_their_digests(
    audited: tuple[Pass, PolicyVersion], cloud: Cloud
) -> None:
    audit, policy = audited
    bad, good = seen(audit, policy)
    assert [bad["outcome"], good["outcome"]] == ["fail", "pass"]
    answers = {f"{a['service']}:{a['operation']}": a for a in bad["answers"]}
    assert list(answers) == ["sqs:ListQueues", "sqs:GetQueueAttributes"]
    attributes = answers["sqs:GetQueueAttributes"]
    assert attributes["sha256"] == sha256(canonical({"Attributes": cloud.queues["bad"]}))
    assert (attributes["region"], attributes["outcome"]) == (REGION, "ok")
    assert attributes["called_at"] == "2026-01-01T00:00:00.000Z"
    assert good["answers"][1]["sha256"] != attributes["sha256"]


def test_calls_that_its_policy_does_not_read_are_left_out(
    begin: Any, cloud: Cloud, check: Any
) -> None:
    cloud.queues = {"one": {}}
    audit, policy = begin(), check("resource.QueueUrl == 'x'")
    audit.collect(cloud)
    audit.judge(policy)
    (only,) = seen(audit, policy)
    assert [answer["operation"] for answer in only["answers"]] == ["ListQueues"]


def test_what_fails_has_its_finding_and_what_passes_has_none(
    audited: tuple[Pass, PolicyVersion],
) -> None:
    bad, good = seen(*audited)
    assert bad["finding"]["status"] == "open"
    assert bad["finding"]["id"].startswith("fnd_")
    assert bad["finding"]["first_seen_at"] == "2026-01-01T00:00:00.000Z"
    assert good["finding"] is None


def test_lists_of_related_resources_are_behind_a_verdict_too(
    begin: Any, cloud: Cloud, check: Any
) -> None:
    cloud.queues, cloud.topics = {"one": {}}, ["news"]
    related = {"topics": {"type": "aws.sns.topic"}, "unread": {"type": "aws.sns.topic"}}
    policy = check("size(related.topics) > 0", related=related)
    audit = begin("aws.sqs.queue", "aws.sns.topic")
    audit.collect(cloud)
    audit.judge(policy)
    (only,) = seen(audit, policy)
    assert [answer["operation"] for answer in only["answers"]] == ["ListQueues", "ListTopics"]


def test_an_unknown_verdict_says_which_call_was_refused(
    begin: Any, cloud: Cloud, check: Any
) -> None:
    cloud.queues = {"one": {}}
    cloud.faults["GetQueueAttributes"] = (CallOutcome.DENIED, "AccessDenied")
    audit, policy = begin(), check(OPEN)
    audit.collect(cloud)
    audit.judge(policy)
    (only,) = seen(audit, policy)
    assert only["outcome"] == "unknown"
    assert only["reasons"][0]["outcome"] == "denied"
    refused = only["answers"][-1]
    assert (refused["operation"], refused["outcome"], refused["sha256"]) == (
        "GetQueueAttributes",
        "denied",
        None,
    )


def test_only_the_policies_asked_for_are_read(begin: Any, cloud: Cloud, check: Any) -> None:
    cloud.queues = {"one": {}}
    policies = [check(OPEN, key=key) for key in ("a", "b", "c")]
    audit = begin()
    audit.collect(cloud)
    audit.judge(*policies)
    assert [o["policy"]["key"] for o in seen(audit, *policies, only=("c", "a"))] == ["a", "c"]


def test_many_resources_come_in_order_and_once_each(
    begin: Any, cloud: Cloud, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observations, "_BATCH", 7)
    cloud.queues = {f"q-{number:03d}": {} for number in range(120)}
    audit, policy = begin(), check(OPEN)
    audit.collect(cloud)
    audit.judge(policy)
    found = seen(audit, policy)
    names = [o["resource"]["native_id"].rpartition(":")[2] for o in found]
    assert names == sorted(cloud.queues)
    assert all(len(o["answers"]) == 2 for o in found)


def test_a_snapshot_that_retention_dropped_leaves_the_verdict(
    audited: tuple[Pass, PolicyVersion],
) -> None:
    audit, policy = audited
    before = seen(audit, policy)
    with audit.database.write() as connection:
        connection.run(delete(objects).where(objects.c.digest == before[0]["snapshot"]))
    after = seen(audit, policy)
    assert after[0] == {
        **before[0],
        "answers": [],
        "resource": {**before[0]["resource"], "name": None},
    }
    assert after[1] == before[1]
