"""Policies that yield to more general ones, over audits: one exposure asks for attention once."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import select
from tests.audits.world import Clock, Cloud, Pass

from cloudsealed.audits.sealing.verdict import summarize
from cloudsealed.findings import store as finding_rows
from cloudsealed.findings.codec import LOADED, decode
from cloudsealed.findings.model import Finding
from cloudsealed.policies.yielding import Yields
from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import events, findings
from cloudsealed.vocabulary import CallOutcome, FindingStatus, Outcome, Resolution

# Which database holds the findings makes no difference to what yields.
pytestmark = pytest.mark.parametrize("storage_settings", ["sqlite"], indirect=True)
OPEN, RESOLVED, SUPPRESSED = FindingStatus
Look = Callable[..., Pass]
BOTH = {"A": "bad", "B": "bad"}


@pytest.fixture
def policies(check: Any) -> dict[str, Any]:
    """One that is general, and one that yields to it; it comes first by its key."""
    narrow = check(
        "resource.Attributes.B == 'bad'", "a-narrow", severity="critical", yields_to=["general"]
    )
    return {"a-narrow": narrow, "general": check("resource.Attributes.A == 'bad'", "general")}


@pytest.fixture
def look(begin: Any, cloud: Cloud, clock: Clock, policies: Any) -> Look:
    """Returns an audit that has looked at the cloud as it is, by some of the policies."""

    def look(*keys: str, others: tuple[Any, ...] = ()) -> Pass:
        clock.move(seconds=10)
        audit: Pass = begin()
        audit.collect(cloud)
        audit.judge(*(policies[key] for key in keys or policies), *others)
        audit.yields = Yields.of(policies.values())
        return audit

    return look


@pytest.fixture
def stand(database: Database) -> Callable[[], dict[str, Finding]]:
    """Returns the findings of the one queue as they stand, by their policy's key."""

    def stand() -> dict[str, Finding]:
        with database.read() as connection:
            rows = connection.all(select(*(findings.c[name] for name in LOADED)))
        loaded = (decode(dict(zip(LOADED, row, strict=True))) for row in rows)
        return {finding.policy_id.removeprefix("pol_"): finding for finding in loaded}

    return stand


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The fingerprints of findings that were read."""
    found: list[str] = []
    load = finding_rows.load

    def listening(connection: Any, *, tenant: str, fingerprints: Sequence[str]) -> Any:
        found.extend(fingerprints)
        return load(connection, tenant=tenant, fingerprints=fingerprints)

    monkeypatch.setattr(finding_rows, "load", listening)
    return found


def told(database: Database) -> list[tuple[str, str]]:
    """What events said, in their order, each of which finding."""
    with database.read() as connection:
        return [
            (kind, ident)
            for kind, ident in connection.all(
                select(events.c.type, events.c.subject).order_by(events.c.id)
            )
        ]


def test_what_yields_is_suppressed_and_still_an_observation_that_fails(
    database: Database, look: Look, cloud: Cloud, stand: Any
) -> None:
    cloud.queues["one"] = BOTH
    audit = look()
    failing = audit.apply()
    found = stand()
    assert (found["a-narrow"].status, found["a-narrow"].yields_to) == (
        SUPPRESSED,
        found["general"].id,
    )
    assert found["general"].status is OPEN
    assert found["a-narrow"].last_observation is Outcome.FAIL
    assert set(failing) == {finding.id for finding in found.values()}
    [line] = audit.lines("a-narrow").values()
    [other] = audit.lines("general").values()
    assert (line["outcome"], line["yields_to"], line["suppressed"]) == (
        "fail",
        other["fingerprint"],
        False,
    )
    assert "yields_to" not in other
    assert told(database) == [("finding.opened", found["general"].id)]


def test_what_yields_is_outside_the_score(look: Look, cloud: Cloud) -> None:
    cloud.queues = {"one": BOTH, "two": {"A": "good", "B": "good"}}
    figures = summarize(look().observations(), planned=2)["dimensions"]["security"]
    assert (figures["fail"], figures["pass"], figures["suppressed"]) == (2, 2, 1)
    assert figures["severities"] == {"info": 0, "low": 0, "medium": 0, "high": 1, "critical": 0}
    assert figures["score"] == 100 * (5 + 10) // (5 + 5 + 10)


def test_once_the_general_one_is_fixed_what_yielded_opens_again(
    database: Database, look: Look, cloud: Cloud, stand: Any
) -> None:
    cloud.queues["one"] = BOTH
    look().apply()
    before = stand()
    cloud.queues["one"] = BOTH | {"A": "good"}
    look().apply()
    after = stand()
    assert (after["a-narrow"].status, after["a-narrow"].yields_to) == (OPEN, None)
    assert after["a-narrow"].first_seen_at == before["a-narrow"].first_seen_at
    assert after["general"].resolution is Resolution.FIXED
    assert told(database)[1:] == [
        ("finding.resolved", after["general"].id),
        ("finding.reopened", after["a-narrow"].id),
    ]


def test_what_is_fixed_together_is_resolved_and_nothing_opens_on_the_way(
    database: Database, look: Look, cloud: Cloud, stand: Any
) -> None:
    cloud.queues["one"] = BOTH
    look().apply()
    cloud.queues["one"] = {"A": "good", "B": "good"}
    look().apply()
    assert {finding.status for finding in stand().values()} == {RESOLVED}
    assert stand()["a-narrow"].yields_to is None
    assert sorted(kind for kind, _ in told(database)[1:]) == ["finding.resolved"] * 2


def test_an_audit_of_one_of_them_leaves_the_other_as_it_is_and_the_two_in_order(
    look: Look, cloud: Cloud, stand: Any
) -> None:
    cloud.queues["one"] = BOTH
    look().apply()
    before = stand()["general"].id
    look("a-narrow").apply()
    assert (stand()["a-narrow"].status, stand()["a-narrow"].yields_to) == (SUPPRESSED, before)
    cloud.queues["one"] = BOTH | {"A": "good"}
    look("general").apply()
    assert (stand()["a-narrow"].status, stand()["a-narrow"].yields_to) == (OPEN, None)
    cloud.queues["one"] = BOTH
    look("general").apply()
    assert (stand()["a-narrow"].status, stand()["a-narrow"].yields_to) == (SUPPRESSED, before)


def test_a_policy_that_was_not_asked_or_could_not_say_is_yielded_to_by_none(
    look: Look, cloud: Cloud, stand: Any
) -> None:
    cloud.queues["one"] = BOTH
    look("a-narrow").apply()
    assert stand()["a-narrow"].status is OPEN
    cloud.queues["one"] = {"B": "bad"}  # the general one has an error: unknown
    audit = look()
    audit.apply()
    assert audit.lines("general")["one"]["outcome"] == "unknown"
    assert stand().keys() == {"a-narrow"}
    assert stand()["a-narrow"].status is OPEN


def test_one_that_could_not_be_read_again_goes_on_asking(
    look: Look, cloud: Cloud, stand: Any
) -> None:
    cloud.queues["one"] = BOTH
    look().apply()
    before = stand()
    cloud.faults["GetQueueAttributes"] = (CallOutcome.DENIED, "AccessDenied")
    look().apply()
    after = stand()
    assert {key: (f.status, f.yields_to) for key, f in after.items()} == {
        key: (f.status, f.yields_to) for key, f in before.items()
    }
    assert {finding.last_observation for finding in after.values()} == {Outcome.UNKNOWN}


def test_a_policy_that_is_withdrawn_leaves_what_yielded_to_it_to_ask(
    look: Look, cloud: Cloud, stand: Any
) -> None:
    cloud.queues["one"] = BOTH
    look().apply()
    look("a-narrow").apply(withdraw=("pol_general",))
    assert stand()["general"].resolution is Resolution.POLICY_CHANGED
    assert (stand()["a-narrow"].status, stand()["a-narrow"].yields_to) == (OPEN, None)


def test_what_a_classification_suppresses_is_yielded_to_by_none(
    look: Look, cloud: Cloud, stand: Any, classification: Any
) -> None:
    cloud.queues["one"] = BOTH
    hush = classification("hush", "finding.policy == 'general'", suppress=True)
    audit = look(others=(hush,))
    audit.apply()
    assert {key: (f.status, f.yields_to) for key, f in stand().items()} == {
        "general": (SUPPRESSED, None),
        "a-narrow": (OPEN, None),
    }
    assert "yields_to" not in audit.lines("a-narrow")["one"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_whatever_the_order_in_which_audits_finish_the_same_findings_ask(
    look: Look, cloud: Cloud, stand: Any, order: tuple[int, ...]
) -> None:
    audits = []
    for general, keys in (("good", ()), ("bad", ()), ("good", ("general",))):
        cloud.queues["one"] = BOTH | {"A": general}
        audits.append(look(*keys))
    for number in (*order, order[0]):  # one is applied again, as after a crash
        audits[number].apply()
    assert {key: (f.status, f.yields_to) for key, f in stand().items()} == {
        "general": (RESOLVED, None),
        "a-narrow": (OPEN, None),
    }


def test_what_yields_is_recognised_as_long_as_what_it_yields_to_stands(
    look: Look, cloud: Cloud, stand: Any, read: list[str]
) -> None:
    chance = random.Random(7)
    ways = [BOTH, BOTH, {"A": "good", "B": "bad"}, {"A": "bad", "B": "good"}]
    cloud.queues["one"] = BOTH
    look().apply()
    for _ in range(40):
        cloud.queues["one"] = chance.choice(ways)
        keys = chance.choice(((), (), ("general",), ("a-narrow",)))
        look(*keys).apply()
        look().apply()
        again = look()
        read.clear()
        again.apply()
        assert read == [], "the same was said before"
        found, fails = stand(), {name for name in ("A", "B") if cloud.queues["one"][name] == "bad"}
        general, narrow = found["general"], found["a-narrow"]
        assert general.status is (OPEN if "A" in fails else RESOLVED)
        behind = general.id if fails == {"A", "B"} else None
        assert narrow.yields_to == behind
        assert narrow.status is (RESOLVED if "B" not in fails else SUPPRESSED if behind else OPEN)
        said = {pin[0]: (pin[4], pin[5]) for pin in again.pins}
        assert said.get(narrow.id, (False, None)) == (behind is not None, behind)
