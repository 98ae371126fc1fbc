"""Measures judging documents that were read in part: `python benchmarks/gaps.py`.

The documents and policies of `engine.py`. Half of the documents of each round lack one attribute that
a policy reads, by turns, or have a relation that was read in part. The figures are CPU ratios within
one run: of the judgements with gaps to those of the compiled functions on whole documents, and of
`judge` now to the judge of the functions alone, which knows nothing of gaps. Refuses absolute bars.
"""

from __future__ import annotations

import statistics
import sys
from typing import Any

from engine import NOW, ROUNDS, RULES, Case, cases, judge, timed

from cloudsealed.engine import PartialList, Unknown

REASON = frozenset({"not read"})
SAMPLE = 10
"""One document of so many is judged with a gap."""
MAX_RATIO = 120


def with_gaps(case: Case, number: int) -> tuple[Any, Any]:
    """The document without one attribute that a policy reads, its relations read in part."""
    reads = {p[1] for rule in RULES[case.kind] for p in rule.reads if p[0] == "resource" and p[1:]}
    names = sorted(reads & set(case.document))
    lost = {names[number % len(names)]: Unknown(REASON)} if names else {}
    related = {name: PartialList(found, REASON) for name, found in case.related.items()}
    return {**case.document, **lost}, related


def main() -> int:
    """Run the benchmark, print the figures, and return 1 when a bar is missed."""
    ratios, decided, asked = [], 0, 0
    for seed in range(ROUNDS):
        sample = cases(seed)[::SAMPLE] + cases(seed)[1::SAMPLE]
        gapped = [(case.kind, *with_gaps(case, n)) for n, case in enumerate(sample)]
        outcomes: list[str] = []

        def partly(gapped: list[tuple[str, Any, Any]], outcomes: list[str]) -> None:
            outcomes += [
                rule.judge_partly(document, related, NOW, False).outcome
                for kind, document, related in gapped
                for rule in RULES[kind]
            ]

        spent = timed(lambda: partly(gapped, outcomes))  # noqa: B023 - called at once
        ratios.append(spent / (timed(lambda: [judge(sample) for _ in range(10)]) / 10))  # noqa: B023
        asked += len(outcomes)
        decided += sum(outcome != "unknown" for outcome in outcomes)
    figure = statistics.median(ratios)
    print(f"with gaps / without: {figure:.1f}x (at most {MAX_RATIO}x), {asked:,} evaluations")
    print(f"decided in spite of gaps: {decided / asked:.0%}")
    return int(figure > MAX_RATIO)


if __name__ == "__main__":
    sys.exit(main())
