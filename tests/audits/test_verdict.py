"""What an audit adds up to: equal audits have equal digests, and a score is exact."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.audits.blocks import OBSERVATIONS, Block
from cloudsealed.audits.verdict import VerdictDigest, summarize
from cloudsealed.vocabulary import Dimension, Outcome, Severity

LINE = {
    "native_id": "arn:one", "type": "aws.sqs.queue", "outcome": "fail", "severity": "high",
    "fingerprint": "print", "snapshot": "address", "title": "Queue one",
    "evidence": [{"path": "Attributes", "value": 1}], "reasons": [], "classified_by": None,
    "suppressed": False,
}  # fmt: skip


def digest(*lines: dict[str, Any], policy: str = "said") -> str:
    found = VerdictDigest()
    for line in lines:
        found.add(line, policy)
    return found.hexdigest()


def cell(
    severity: str = "high", *, dimension: str = "security", complete: bool | None = True,
    gap: str | None = None, fails: dict[str, int] | None = None, suppressed: int = 0,
    forbidden: int = 0, **counts: int,
) -> Block:  # fmt: skip
    failed = {s.value: 0 for s in Severity} | (fails or {severity: counts.get("fail", 0)})
    header = {
        "dimension": dimension, "severity": severity, "forbidden": forbidden,
        "complete": {} if complete is None else {"aws.sqs.queue": complete and gap is None},
        "gaps": [{"outcome": gap}] if gap else [],
        "counts": {o.value: 0 for o in Outcome} | counts, "fails": failed, "suppressed": suppressed,
    }  # fmt: skip
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


def test_there_is_no_score_under_half_of_the_cells() -> None:
    judged, unknown = cell(fail=1, **{"pass": 1}), cell(unknown=1)
    assert score(judged, unknown) == 50
    assert score(judged, unknown, unknown) is None
    assert score(judged, cell(complete=False)) == 50
    assert score(judged, cell(complete=False), cell(complete=False)) is None


@pytest.mark.parametrize("gap", ["region_denied", "denied_by_organization"])
def test_what_the_organisation_forbids_is_unread_and_takes_no_score_from_what_was_read(
    gap: str,
) -> None:
    kept = [cell(gap=gap), cell(gap=gap), cell(unknown=2, forbidden=2)]
    found = summarize([cell(**{"pass": 1}), *kept], planned=4)
    assert found["dimensions"]["security"]["score"] == 100
    assert found["coverage"] == 0.25
    assert found["cells"] == {"planned": 4, "with_verdict": 1, "forbidden": 3}


@pytest.mark.parametrize(
    "unread",
    [{"gap": "denied"}, {"gap": "failed"}, {"complete": False}, {"unknown": 2, "forbidden": 1},
     {"gap": "region_denied", "unknown": 1}],
)  # fmt: skip
def test_what_else_was_not_read_does(unread: dict[str, Any]) -> None:
    found = summarize([cell(**{"pass": 1}), cell(**unread), cell(**unread)], planned=3)
    assert found["dimensions"]["security"]["score"] is None
    assert found["cells"]["forbidden"] == 0


def test_nothing_but_what_the_organisation_forbids_has_no_score() -> None:
    assert score(cell(gap="region_denied")) is None


def test_a_cell_of_which_there_is_nothing_in_its_region_was_never_to_be_judged() -> None:
    found = summarize([cell(**{"pass": 1}), cell(complete=None), cell(gap="failed")], planned=3)
    assert found["cells"] == {"planned": 2, "with_verdict": 1, "forbidden": 0}
    assert found["coverage"] == found["dimensions"]["security"]["coverage"] == 0.5


def test_a_dimension_speaks_for_its_own_cells() -> None:
    cells = [cell(fail=1), cell(dimension="cost", **{"pass": 1})]
    dimensions = summarize(cells, planned=2)["dimensions"]
    found = {name: figures["score"] for name, figures in dimensions.items()}
    assert found == {"security": 0, "cost": 100, "architecture": None, "compliance": None}
    assert set(dimensions) == set(Dimension)


def test_coverage_counts_cells_with_a_verdict_of_those_that_were_planned() -> None:
    cells = [cell(**{"pass": 1}), cell(unknown=1, **{"pass": 9}), cell(complete=False), cell()]
    found = summarize(cells, planned=8)
    assert found["coverage"] == 0.25
    assert found["cells"] == {"planned": 8, "with_verdict": 2, "forbidden": 0}
    assert found["counts"] == {"fail": 0, "pass": 10, "unknown": 1, "not_applicable": 0}


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
