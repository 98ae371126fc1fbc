"""Findings that yield: what stands in the end depends on what is, never on how it came to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.audits.steps.reconcile import Seen, Subject, reconcile, withdrawal
from cloudsealed.findings.model import Finding, Moment, ResourceRef, fingerprint
from cloudsealed.findings.yielding import settle
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.policies.yielding import Yields
from cloudsealed.vocabulary import Dimension, FindingStatus, Outcome, PolicyKind, Severity

OTHERS = {"ssh": ["ports", "open"], "ports": ["open"], "open": [], "tags": []}
YIELDS = Yields.of(
    PolicyVersion(f"pol_{key}", key, 1, PolicyKind.CHECK, {"yields_to": others})
    for key, others in OTHERS.items()
)
RESOURCE = ResourceRef("res_1", "aws.sqs.queue", "arn:one", "one", "aws", "1", "eu-west-1")


def subject(key: str) -> Subject:
    place = {"provider": "aws", "account": "1", "region": "eu-west-1", "native_id": "arn:one"}
    named = fingerprint(policy_key=key, **place)
    return Subject(f"fnd_{key}", named, f"pol_{key}", "con_1", Dimension.SECURITY, RESOURCE)


def seen(outcome: Outcome | None, at: int, **changes: Any) -> Seen:
    moment = Moment(f"2026-01-01T00:00:{at:02d}.000Z", f"aud_{at}")
    return Seen(moment, outcome, 1, Severity.HIGH, Severity.HIGH, "title", **changes)


Story = Sequence[tuple[str, Seen]]


def told(story: Story) -> dict[str, Finding]:
    """The findings by policy after what audits said, each settled in its own turn."""
    found: dict[str, Finding] = {}
    for key, said in story:
        new = reconcile(found.get(key), said, subject(key))
        if new is not None:
            found[key] = new
        found = dict(zip(found, settle(YIELDS, list(found.values())), strict=True))
    return found


def standing(story: Story) -> dict[str, tuple[FindingStatus, str | None]]:
    return {key: (each.status, each.yields_to) for key, each in told(story).items()}


OPEN, RESOLVED, SUPPRESSED = FindingStatus
FAIL, PASS, UNKNOWN = Outcome.FAIL, Outcome.PASS, Outcome.UNKNOWN


def test_a_finding_yields_while_the_other_fails_and_keeps_when_it_was_first_seen() -> None:
    both = [("ssh", seen(FAIL, 1)), ("open", seen(FAIL, 2))]
    assert standing(both) == {"ssh": (SUPPRESSED, "fnd_open"), "open": (OPEN, None)}
    after = told([*both, ("open", seen(PASS, 3))])
    assert (after["ssh"].status, after["ssh"].yields_to) == (OPEN, None)
    assert after["ssh"].first_seen_at == seen(FAIL, 1).moment.at
    assert after["ssh"].last_observation is FAIL


def test_what_passes_is_resolved_whether_it_yielded_or_not() -> None:
    story = [("ssh", seen(FAIL, 1)), ("open", seen(FAIL, 2)), ("ssh", seen(PASS, 3))]
    assert standing(story) == {"ssh": (RESOLVED, None), "open": (OPEN, None)}


def test_a_chain_names_the_finding_that_asks() -> None:
    story = [(key, seen(FAIL, 1)) for key in ("ssh", "ports", "open", "tags")]
    assert standing(story) == {
        "ssh": (SUPPRESSED, "fnd_open"),
        "ports": (SUPPRESSED, "fnd_open"),
        "open": (OPEN, None),
        "tags": (OPEN, None),
    }


def test_one_that_is_not_read_any_more_goes_on_asking_for_what_yields_to_it() -> None:
    story = [("ssh", seen(FAIL, 1)), ("open", seen(FAIL, 1)), ("open", seen(UNKNOWN, 2))]
    assert standing([*story, ("ssh", seen(FAIL, 2))])["ssh"] == (SUPPRESSED, "fnd_open")


def test_nothing_yields_to_one_that_never_failed_or_that_a_classification_suppresses() -> None:
    for said in (seen(UNKNOWN, 1), seen(PASS, 1), seen(FAIL, 1, suppressed=True)):
        assert standing([("ports", seen(FAIL, 1)), ("open", said)])["ports"] == (OPEN, None)


def test_one_that_a_classification_suppresses_does_not_yield() -> None:
    story = [("open", seen(FAIL, 1)), ("ssh", seen(FAIL, 1, suppressed=True))]
    assert standing(story)["ssh"] == (SUPPRESSED, None)


def test_a_policy_that_is_withdrawn_leaves_what_yielded_to_it_to_ask() -> None:
    story = [("ssh", seen(FAIL, 1)), ("open", seen(FAIL, 1))]
    after = standing([*story, ("open", withdrawal(seen(None, 2).moment))])
    assert after == {"ssh": (OPEN, None), "open": (RESOLVED, None)}


SAID = st.tuples(
    st.sampled_from(sorted(OTHERS)),
    st.builds(seen, st.sampled_from([None, *Outcome]), st.integers(1, 9), suppressed=st.booleans()),
)
STORIES = st.lists(SAID, max_size=12, unique_by=lambda said: (said[0], said[1].moment))


@given(STORIES, st.data())
def test_the_order_of_policies_makes_no_difference_to_what_yields(
    story: Story, data: st.DataObject
) -> None:
    in_time = sorted(story, key=lambda said: said[1].moment)
    keys = data.draw(st.permutations(sorted(OTHERS)))
    policy_by_policy = [said for key in keys for said in in_time if said[0] == key]
    assert standing(policy_by_policy) == standing(in_time)


@given(STORIES)
def test_what_stands_is_that_of_each_finding_alone_and_settling_again_changes_nothing(
    story: Story,
) -> None:
    alone = {key: told([said for said in story if said[0] == key]).get(key) for key in OTHERS}
    together = settle(YIELDS, [each for each in alone.values() if each is not None])
    assert {each.policy_id: each for each in together} == {
        each.policy_id: each for each in told(story).values()
    }
    assert settle(YIELDS, together) == together


@given(STORIES)
def test_whoever_yields_names_an_open_finding_and_only_what_does_not_fail_is_resolved(
    story: Story,
) -> None:
    found = told(story)
    by_id = {each.id: each for each in found.values()}
    for key, each in found.items():
        alone = told([said for said in story if said[0] == key])[key]
        assert each.is_resolved == alone.is_resolved
        if each.yields_to is not None:
            assert each.status is SUPPRESSED
            assert by_id[each.yields_to].status is OPEN
