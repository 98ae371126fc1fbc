"""What audits that finish in another order than they looked make of resources and findings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from tests.audits.world import Clock, Cloud, Pass

from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import resources
from cloudsealed.vocabulary import CallOutcome, FindingStatus, Outcome, Resolution

Look = Callable[..., Pass]


@pytest.fixture
def look(begin: Any, cloud: Cloud, clock: Clock, check: Any) -> Look:
    """Returns an audit that has looked at the cloud as it is, ten seconds after the one before."""

    def look(*types: str, policy: Any = None) -> Pass:
        clock.move(seconds=10)
        audit: Pass = begin(*types)
        audit.collect(cloud)
        audit.judge(policy or check("resource.Attributes.A == 'bad'"))
        return audit

    return look


def states(database: Database) -> dict[str, str]:
    statement = select(resources.c.name, resources.c.state)
    with database.read() as connection:
        return dict(connection.all(statement))


def test_an_audit_of_something_else_changes_no_finding(
    look: Look, cloud: Cloud, present: Any
) -> None:
    cloud.queues["one"] = {"A": "bad"}
    look().apply()
    before = present()
    cloud.queues.clear()
    look("aws.sns.topic").apply()
    assert present() == before
    assert before["one"].status is FindingStatus.OPEN


@pytest.mark.parametrize("outcome", [o for o in CallOutcome if not o.answered])
def test_a_list_that_did_not_end_says_of_nothing_that_it_is_gone(
    database: Database, look: Look, cloud: Cloud, present: Any, outcome: CallOutcome
) -> None:
    cloud.queues["one"] = {"A": "bad"}
    look().apply()
    before = present()
    cloud.faults["ListQueues"] = (outcome, "Code")
    look().apply()
    assert present() == before
    assert states(database) == {"one": "present"}


@pytest.mark.parametrize("operation", ["ListQueues", "GetQueueAttributes"])
def test_what_a_region_no_longer_has_resolves_nothing(
    look: Look, cloud: Cloud, present: Any, database: Database, operation: str
) -> None:
    cloud.queues["one"] = {"A": "bad"}
    look().apply()
    cloud.faults[operation] = (CallOutcome.UNSUPPORTED, "InvalidAction")
    look().apply()
    assert present()["one"].status is FindingStatus.OPEN
    assert states(database) == {"one": "present"}


def test_a_complete_list_says_that_what_it_lacks_is_gone(
    database: Database, look: Look, cloud: Cloud, present: Any
) -> None:
    cloud.queues = {"one": {"A": "bad"}, "two": {"A": "bad"}}
    look().apply()
    del cloud.queues["one"]
    look().apply()
    found = {name: (f.status, f.resolution) for name, f in present().items()}
    assert found == {
        "one": (FindingStatus.RESOLVED, Resolution.RESOURCE_DELETED),
        "two": (FindingStatus.OPEN, None),
    }
    assert states(database) == {"one": "deleted", "two": "present"}


def test_a_resource_that_was_gone_by_the_time_it_was_looked_at_resolves_when_a_list_lacks_it(
    database: Database, look: Look, cloud: Cloud, present: Any
) -> None:
    cloud.queues = {"one": {"A": "bad"}, "two": {"A": "bad"}}
    look().apply()
    cloud.faults[("GetQueueAttributes", "one")] = (CallOutcome.GONE, "QueueDoesNotExist")
    look().apply()
    assert {name: f.status for name, f in present().items()} == {
        "one": FindingStatus.OPEN,
        "two": FindingStatus.OPEN,
    }
    assert states(database) == {"one": "present", "two": "present"}
    del cloud.queues["one"]
    look().apply()
    assert present()["one"].resolution is Resolution.RESOURCE_DELETED
    assert states(database) == {"one": "deleted", "two": "present"}


def test_a_resource_that_was_never_seen_whole_opens_nothing(
    look: Look, cloud: Cloud, present: Any
) -> None:
    cloud.queues["one"] = {}
    cloud.faults[("GetQueueAttributes", "one")] = (CallOutcome.GONE, "QueueDoesNotExist")
    look(policy=None).apply()
    assert present() == {}


def test_an_audit_returns_the_findings_that_fail_in_it(
    look: Look, cloud: Cloud, present: Any
) -> None:
    cloud.queues = {"one": {"A": "bad"}, "two": {"A": "good"}}
    assert look().apply() == [present()["one"].id]
    cloud.queues["two"] = {"A": "bad"}
    assert sorted(look().apply()) == sorted(finding.id for finding in present().values())


@pytest.mark.parametrize("turned", [False, True])
def test_what_a_newer_audit_no_longer_saw_stays_gone(
    database: Database, look: Look, cloud: Cloud, present: Any, turned: bool
) -> None:
    cloud.queues["one"] = {"A": "bad"}
    first = look()
    cloud.queues.clear()
    second = look()
    for audit in (second, first) if turned else (first, second):
        audit.apply()
    assert present()["one"].status is FindingStatus.RESOLVED
    assert states(database) == {"one": "deleted"}


@pytest.mark.parametrize("turned", [False, True])
def test_findings_of_a_policy_withdrawn_since_are_resolved(
    look: Look, cloud: Cloud, present: Any, turned: bool
) -> None:
    cloud.queues["one"] = {"A": "bad"}
    first, second = look(), look("aws.sns.topic")
    steps = [first.apply, lambda: second.withdraw("pol_queues")]
    for step in steps[::-1] if turned else steps:
        step()
    found = present()["one"]
    assert (found.status, found.resolution) == (FindingStatus.RESOLVED, Resolution.POLICY_CHANGED)
    assert found.last_observation is Outcome.FAIL


def test_a_policy_that_is_back_opens_its_findings_again(
    look: Look, cloud: Cloud, present: Any, clock: Clock
) -> None:
    cloud.queues["one"] = {"A": "bad"}
    look().apply()
    look("aws.sns.topic").withdraw("pol_queues")
    ident = present()["one"].id
    look().apply()
    assert (present()["one"].status, present()["one"].id) == (FindingStatus.OPEN, ident)


def test_a_reanalysis_of_an_old_audit_does_not_rewrite_the_present(
    begin: Any, look: Look, cloud: Cloud, present: Any, check: Any
) -> None:
    cloud.queues["one"] = {"A": "bad"}
    old = look()
    old.apply()
    cloud.queues["one"] = {"A": "good"}
    look().apply()
    fixed = present()
    again = begin(source_id=old.id, clock=old.audit.clock, parent_id=old.id)
    again.judge(check("resource.Attributes.A == 'bad'"))
    asked = len(cloud.asked)
    again.apply()
    assert len(cloud.asked) == asked
    assert present()["one"].status is fixed["one"].status is FindingStatus.RESOLVED
    assert present()["one"].resolved == fixed["one"].resolved
