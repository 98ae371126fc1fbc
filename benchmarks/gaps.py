"""Measures judging documents that were read in part: `python benchmarks/gaps.py`.

The documents and policies of `engine.py`: each document lacks one attribute that a policy reads, by
turns, and its relations were read in part. The figure is the CPU of those judgements over that of
the compiled functions on the same documents as they are, without evidence. Refuses absolute bars.
"""

from __future__ import annotations

import statistics
import sys
from functools import partial
from typing import Any

from cloudsealed.engine import PartialList, Unknown
from engine import NOW, ROUNDS, RULES, Case, cases, judge, timed

REASON = frozenset({"not read"})
REPEATS = 10
SAMPLE = 10
"""Two documents of so many are judged."""
MAX_RATIO = 60


def with_gaps(case: Case, number: int) -> tuple[Any, Any]:
    """The document without one attribute that a policy reads, its relations read in part."""
    reads = {p[1] for rule in RULES[case.kind] for p in rule.reads if p[0] == "resource" and p[1:]}
    names = sorted(reads & set(case.document))
    lost = {names[number % len(names)]: Unknown(REASON)} if names else {}
    related = {name: PartialList(found, REASON) for name, found in case.related.items()}
    return {**case.document, **lost}, related


def judge_partly(gapped: list[tuple[str, Any, Any]], outcomes: list[str]) -> None:
    """Add the outcomes of the documents."""
    outcomes += [
        rule.judge_partly(document, related, NOW, False).outcome
        for kind, document, related in gapped
        for rule in RULES[kind]
    ]


def main() -> int:
    """Run the benchmark, print the figures, and return 1 when a bar is missed."""
    ratios, decided, asked = [], 0, 0
    for seed in range(ROUNDS):
        sample = cases(seed)[::SAMPLE] + cases(seed)[1::SAMPLE]
        gapped = [(case.kind, *with_gaps(case, n)) for n, case in enumerate(sample)]
        outcomes: list[str] = []
        spent = timed(partial(judge_partly, gapped, outcomes))
        ratios.append(spent * REPEATS / timed(partial(judge, sample * REPEATS)))
        asked += len(outcomes)
        decided += sum(outcome != "unknown" for outcome in outcomes)
    figure = statistics.median(ratios)
    print(f"with gaps / without: {figure:.1f}x (at most {MAX_RATIO}x), {asked:,} evaluations")
    print(f"decided in spite of gaps: {decided / asked:.0%}")
    return int(figure > MAX_RATIO)


if __name__ == "__main__":
    sys.exit(main())
