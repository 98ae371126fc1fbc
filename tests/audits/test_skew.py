"""A clock that ran ahead freezes nothing: what it dated counts as before the present."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.audits.world import Clock, Cloud

from cloudsealed.audits.skew import TOLERATED, corrected, heard
from cloudsealed.kit.clock import rfc3339
from cloudsealed.vocabulary import FindingStatus, Outcome, ResourceState

OPEN = "!has(resource.Attributes.KmsMasterKeyId)"


def audited(begin: Any, cloud: Cloud, clock: Clock, policy: Any) -> Any:
    audit = begin()
    audit.collect(cloud)
    audit.judge(policy)
    audit.apply(horizon=rfc3339(clock() + TOLERATED))
    return audit


def test_after_a_clock_that_ran_ahead_findings_open_resolve_and_reopen(
    begin: Any, cloud: Cloud, clock: Clock, check: Any, present: Any
) -> None:
    policy = check(OPEN)
    clock.move(days=60)
    cloud.queues = {"mended": {"A": "1"}, "deleted": {"A": "1"}, "broken": {"KmsMasterKeyId": "k"}}
    audited(begin, cloud, clock, policy)
    assert {name: f.status for name, f in present().items()} == {
        "mended": FindingStatus.OPEN,
        "deleted": FindingStatus.OPEN,
    }
    clock.move(days=-60, hours=1)
    cloud.queues = {"mended": {"KmsMasterKeyId": "k"}, "broken": {"A": "1"}, "new": {"A": "1"}}
    audited(begin, cloud, clock, policy)
    now = rfc3339(clock())
    assert {name: (f.status, f.decided.at) for name, f in present().items()} == {
        "mended": (FindingStatus.RESOLVED, now),
        "deleted": (FindingStatus.RESOLVED, now),
        "broken": (FindingStatus.OPEN, now),
        "new": (FindingStatus.OPEN, now),
    }
    assert max(f.first_seen_at for f in present().values()) <= now
    assert max(f.last_seen_at for f in present().values()) <= now
    clock.move(hours=1)
    cloud.queues["mended"] = {"A": "1"}
    audited(begin, cloud, clock, policy)
    found = present()["mended"]
    assert (found.status, found.last_seen_at) == (FindingStatus.OPEN, rfc3339(clock()))


def test_after_a_clock_that_ran_ahead_resources_are_brought_up_to_date(
    begin: Any, cloud: Cloud, clock: Clock, check: Any, database: Any
) -> None:
    clock.move(days=60)
    cloud.queues = {"kept": {"A": "1"}, "deleted": {"A": "1"}}
    audited(begin, cloud, clock, check(OPEN))
    clock.move(days=-60)
    del cloud.queues["deleted"]
    audit = audited(begin, cloud, clock, check(OPEN))
    with database.read() as connection:
        rows = connection.all(audit_rows())
    assert {(name.rpartition(":")[2], state, at) for name, state, at in rows} == {
        ("kept", ResourceState.PRESENT, rfc3339(clock())),
        ("deleted", ResourceState.DELETED, rfc3339(clock())),
    }
    assert audit.lines("queues")["kept"]["outcome"] == Outcome.FAIL


def audit_rows() -> Any:
    from sqlalchemy import select

    from cloudsealed.storage.schema import resources

    return select(resources.c.native_id, resources.c.state, resources.c.observed_at)


def test_an_audit_that_finishes_late_still_never_rewrites_the_present(
    begin: Any, cloud: Cloud, clock: Clock, check: Any, present: Any
) -> None:
    cloud.queues = {"one": {"A": "1"}}
    late = begin()
    late.collect(cloud)
    clock.move(minutes=30)
    cloud.queues = {"one": {"KmsMasterKeyId": "k"}}
    audited(begin, cloud, clock, check(OPEN))
    late.judge(check(OPEN))
    late.apply(horizon=rfc3339(clock() + TOLERATED))
    assert present()["one"].status is FindingStatus.RESOLVED


@pytest.mark.parametrize(
    ("seconds", "moved"), [(0, 0), (60, 0), (-60, 0), (61, 61), (-5_184_000, -5_184_000)]
)
def test_a_clock_is_put_right_when_it_differs_by_more_than_a_minute(
    clock: Clock, seconds: int, moved: int
) -> None:
    right = corrected(clock, timedelta(seconds=seconds))
    assert right() - clock() == timedelta(seconds=moved)
    assert corrected(clock, None)() == clock()


def test_of_what_connections_hear_the_least_counts(caplog: pytest.LogCaptureFixture) -> None:
    said = [None, timedelta(days=-60), timedelta(seconds=-120)]
    assert heard("aud_1", said) == timedelta(seconds=-120)
    assert "120 seconds ahead of the provider's" in caplog.text
    assert heard("aud_1", [None]) is None
