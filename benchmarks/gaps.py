"""Measures judging documents that were read in part: `python benchmarks/gaps.py`.

The documents and policies of `engine.py`: each document lacks one attribute that a policy reads, by
turns, and its relations were read in part. The figure is the CPU of those judgements over that of
the compiled functions on the same documents as they are, without evidence. A second figure is what
an audit without gaps pays for looking for them: the CPU of its evaluation over that of one which
gives rules the documents blindly. Refuses absolute bars.
"""

from __future__ import annotations

import statistics
import sys
from functools import partial
from typing import Any

from cloudsealed.audits.judging.extent import Extent
from cloudsealed.audits.judging.given import Given, Reads
from cloudsealed.audits.judging.related import Found
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.steps import evaluate
from cloudsealed.engine import PartialList, Unknown
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.policies.service import PolicySet
from cloudsealed.vocabulary import PolicyKind
from engine import NOW, ROUNDS, RULES, Case, cases, judge, timed

REASON = frozenset({"not read"})
REPEATS = 10
SAMPLE = 10
"""Two documents of so many are judged."""
MAX_RATIO = 60
MAX_LOOKING = 1.05


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


def snapshot_of(case: Case, number: int) -> dict[str, Any]:
    """What an audit that read everything keeps of a document."""
    return {
        "provider": "aws",
        "account": "123456789012",
        "region": "eu-west-1",
        "type": case.kind,
        "native_id": f"arn:aws:bench:eu-west-1:123456789012:{number}",
        "document": case.document,
        "formerly": None,
        "owner": "123456789012",
        "unread": {},
        "related": Found([_target(each) for each in case.related["groups"]]),
    }


def _target(document: Any) -> dict[str, Any]:
    return {"document": document, "unread": {}}


class Joined:
    """Relations that are joined already, so that only what follows is measured."""

    def of(self, snapshot: Any, relations: Any) -> dict[str, Found]:
        return dict.fromkeys(relations, snapshot["related"])


def blindly(_reads: Reads, snapshot: Any, found: dict[str, Found]) -> Given:
    """What a rule was given if nobody looked for gaps."""
    related = {name: [t["document"] for t in each.snapshots] for name, each in found.items()}
    return Given(snapshot["document"], related, partly=False)


def checks() -> dict[str, list[evaluate.Check]]:
    """The benchmark's policies as an audit has them."""
    found: dict[str, list[evaluate.Check]] = {}
    for kind, rules in RULES.items():
        for number, rule in enumerate(rules):
            related = {"groups": {"type": "aws.ec2.security_group", "from": None, "key": None}}
            spec = {
                "severity": "high",
                "title": "t",
                "dimension": "security",
                "related": related if kind == "aws.ec2.instance" else {},
            }
            version = PolicyVersion(f"pol_{number}", f"{kind}-{number}", 1, PolicyKind.CHECK, spec)
            check = evaluate.Check(version)
            check.rule = rule  # compiled already, and from what is no policy file
            found.setdefault(kind, []).append(check)
    return found


def looking() -> float:
    """The CPU of evaluating without gaps over that of evaluating blindly."""
    nothing = PolicySet((), ())
    evaluator = evaluate.Evaluator(
        policies=nothing,
        snapshots=Nothing(),
        clock="2026-11-24T00:00:00Z",
        extent=Extent(()),
        seconds=3_600,
    )
    evaluator._relations = Joined()
    by_kind = checks()
    snapshots = [snapshot_of(case, n) for n, case in enumerate(cases(0))]

    def run() -> None:
        for each in snapshots:
            for check in by_kind[each["type"]]:
                evaluator._observe(check, "address", each)

    ratios = []
    for _ in range(ROUNDS):
        seeing = timed(run)
        evaluate.given, kept = blindly, evaluate.given
        ratios.append(seeing / timed(run))
        evaluate.given = kept
    return statistics.median(ratios)


class Nothing(Snapshots):
    """The snapshots of an audit that found nothing."""

    def __init__(self) -> None:
        """Nothing is read."""

    def listings(self) -> list[Any]:
        return []


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
    cost = looking()
    print(f"an audit without gaps, looking for them / not: {cost:.3f}x (at most {MAX_LOOKING}x)")
    return int(figure > MAX_RATIO or cost > MAX_LOOKING)


if __name__ == "__main__":
    sys.exit(main())
