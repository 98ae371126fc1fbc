"""What an audit adds up to: equal audits have equal digests, and a score is exact."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.audits.records.blocks import OBSERVATIONS, Block
from cloudsealed.audits.records.reasons import Missing
from cloudsealed.audits.sealing.verdict import VerdictDigest, summarize
from cloudsealed.vocabulary import Dimension, Outcome, Severity

LINE = {
    "native_id": "arn:one",
    "type": "aws.sqs.queue",
    "outcome": "fail",
    "severity": "high",
    "fingerprint": "print",
    "snapshot": "address",
    "title": "Queue one",
    "evidence": [{"path": "Attributes", "value": 1}],
    "reasons": [],
    "classified_by": None,
    "suppressed": False,
}


def digest(*lines: dict[str, Any], policy: str = "said") -> str:
    found = VerdictDigest()
    for line in lines:
        found.add(line, policy)
    return found.hexdigest()


def cell(
    severity: str = "high",
    *,
    dimension: str = "security",
    complete: bool | None = True,
    fails: dict[str, int] | None = None,
    suppressed: int = 0,
    missing: dict[str, int] | None = None,
    **counts: int,
) -> Block:
    """Return a cell; what is unknown in it was not read, unless `missing` says why."""
    failed = {s.value: 0 for s in Severity} | (fails or {severity: counts.get("fail", 0)})
    header = {
        "dimension": dimension,
        "severity": severity,
        "complete": {} if complete is None else {"aws.sqs.queue": complete},
        "counts": {o.value: 0 for o in Outcome} | counts,
        "fails": failed,
        "suppressed": suppressed,
        "missing": {m.value: 0 for m in Missing}
        | (missing or {"unread": counts.get("unknown", 0) + (complete is False)}),
    }
    return Block(OBSERVATIONS, "key", "1", "eu-west-1", "x", 0, header)


def score(*cells: Block) -> int | None:
    found: int | None = summarize(cells, planned=len(cells))["dimensions"]["security"]["score"]
    return found


@pytest.mark.parametrize(
    "changed",
    [
        {"fingerprint": "other"},
        {"outcome": "pass"},
        {"outcome": "unknown"},
        {"severity": "low"},
        {"evidence": [{"path": "Attributes", "value": 2}]},
        {"evidence": []},
    ],
)
def test_a_digest_tells_what_was_concluded(changed: dict[str, Any]) -> None:
    assert digest(LINE) != digest({**LINE, **changed})


@pytest.mark.parametrize("changed", [{"title": "renamed"}, {"snapshot": "other"}, {"reasons": [1]}])
def test_a_digest_leaves_out_what_is_no_conclusion(changed: dict[str, Any]) -> None:
    assert digest(LINE) == digest({**LINE, **changed})


def test_a_digest_tells_by_which_words_it_was_concluded_and_in_which_order() -> None:
    other = {**LINE, "fingerprint": "other"}
    assert digest(LINE, policy="said") != digest(LINE, policy="said otherwise")
    assert digest(LINE, other) != digest(other, LINE)
    assert digest(LINE) != digest(LINE, LINE)


@pytest.mark.parametrize("change", ["fail_when", "severity"])
def test_a_policy_that_says_something_else_gives_another_digest(
    begin: Any, cloud: Any, check: Any, change: str
) -> None:
    cloud.queues["one"] = {"A": "1"}
    audit = begin()
    audit.collect(cloud)

    def verdict(policy: Any) -> str:
        audit.judge(policy)
        [block] = audit.observations()
        return digest(*audit.blocks.lines(block), policy=block.header["policy_digest"])

    first = verdict(check("true"))
    assert verdict(check("true", version=2)) == first  # the same words
    said = {"fail_when": "1 == 1"} if change == "fail_when" else {"severity": "low"}
    assert verdict(check(**{"fail_when": "true", **said})) != first


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((), None),
        ((cell(),), None),  # nothing was judged
        ((cell(**{"pass": 3}),), 100),
        ((cell(fail=3),), 0),
        ((cell(fail=1, **{"pass": 2}),), 66),
        ((cell(fail=1, **{"pass": 199}),), 99),  # 99.5 is not 100
        ((cell("critical", fail=1), cell("low", **{"pass": 1})), 9),  # 1/11
        ((cell("info", fail=5), cell("low", **{"pass": 1})), 100),
        ((cell("info", fail=5),), None),
        ((cell("low", fails={"critical": 1}, fail=1, **{"pass": 10}),), 50),  # by a classification
        ((cell(not_applicable=7, **{"pass": 1}),), 100),
        ((cell(fails={"high": 0}, suppressed=1, fail=1, **{"pass": 1}),), 100),
    ],
)
def test_a_score_weighs_what_fails_and_is_rounded_down(
    cells: tuple[Block, ...], expected: int | None
) -> None:
    assert score(*cells) == expected


def test_there_is_no_score_under_half_of_the_possible_verdicts() -> None:
    judged, unknown = cell(fail=1, **{"pass": 1}), cell(unknown=1)
    assert score(judged, unknown, unknown) == 50
    assert score(judged, unknown, unknown, unknown) is None
    unlisted = cell(complete=False)
    assert score(judged, unlisted, unlisted) == 50
    assert score(judged, unlisted, unlisted, unlisted) is None


@pytest.mark.parametrize("why", ["forbidden", "out_of_scope"])
def test_what_nobody_may_read_or_asked_for_is_outside_of_scores_and_named_beside_them(
    why: str,
) -> None:
    judged = cell(fail=1, **{"pass": 1})
    beyond = cell(unknown=90, missing={why: 99})  # nine lists among them
    found = summarize([judged, beyond], planned=2)
    assert found["dimensions"]["security"]["score"] == 50
    assert found["coverage"] == found["dimensions"]["security"]["coverage"] == 1.0
    assert found["verdicts"] == found["dimensions"]["security"]["verdicts"]
    assert found["verdicts"] == {
        "given": 2,
        "possible": 2,
        "unread": 0,
        "forbidden": 0,
        "out_of_scope": 0,
        why: 99,
    }


def test_a_cell_of_which_there_is_nothing_in_its_region_was_never_to_be_judged() -> None:
    found = summarize([cell(**{"pass": 1}), cell(complete=None), cell(complete=False)], planned=3)
    assert found["cells"] == {"planned": 2, "with_verdict": 1}
    assert found["coverage"] == found["dimensions"]["security"]["coverage"] == 0.5


def test_a_dimension_speaks_for_its_own_cells() -> None:
    cells = [cell(fail=1), cell(dimension="cost", **{"pass": 1})]
    dimensions = summarize(cells, planned=2)["dimensions"]
    found = {name: figures["score"] for name, figures in dimensions.items()}
    assert found == {"security": 0, "cost": 100, "architecture": None, "compliance": None}
    assert set(dimensions) == set(Dimension)


def test_coverage_counts_verdicts_and_one_for_a_list_that_was_not_read() -> None:
    cells = [cell(**{"pass": 1}), cell(unknown=1, **{"pass": 9}), cell(complete=False), cell()]
    found = summarize(cells, planned=4)
    assert found["coverage"] == 0.8333  # 10 of 12
    assert (found["verdicts"]["given"], found["verdicts"]["possible"]) == (10, 12)
    assert found["cells"] == {"planned": 4, "with_verdict": 2}
    assert found["counts"] == {"fail": 0, "pass": 10, "unknown": 1, "not_applicable": 0}


def test_one_unreadable_key_of_three_leaves_two_thirds() -> None:
    assert summarize([cell(unknown=1, not_applicable=1, fail=1)], planned=1)["coverage"] == 0.6666


def test_coverage_is_never_rounded_up_to_all() -> None:
    assert summarize([cell(unknown=1, **{"pass": 1_000_000})], planned=1)["coverage"] == 0.9999


def test_places_without_resources_are_read_and_an_audit_without_places_says_nothing() -> None:
    assert summarize([cell()], planned=1)["coverage"] == 1.0
    assert summarize([], planned=0)["coverage"] is None


COUNTS = st.integers(0, 50)


@given(st.lists(st.tuples(st.sampled_from(list(Severity)), COUNTS, COUNTS, COUNTS), max_size=8))
def test_a_score_is_the_formula_s(numbers: list[tuple[Severity, int, int, int]]) -> None:
    cells = [
        cell(severity.value, fail=failed, not_applicable=other, **{"pass": passed})
        for severity, failed, passed, other in numbers
    ]
    fails = sum(s.weight * failed for s, failed, _passed, _other in numbers)
    total = fails + sum(s.weight * passed for s, _failed, passed, _other in numbers)
    exact = 100 * (1 - Fraction(fails, total)) if total else None
    assert score(*cells) == (None if exact is None else int(exact))
