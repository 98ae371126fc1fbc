"""What an audit adds up to: verdict digest, coverage, counts and score. Pure over its blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cloudsealed.audits.records.blocks import Block
from cloudsealed.audits.records.reasons import Missing
from cloudsealed.kit.canonical import canonical
from cloudsealed.vocabulary import Dimension, Outcome, Severity


class VerdictDigest:
    """SHA-256 over the ordered list of (fingerprint, outcome, severity, evidence, policy version).

    A policy's version is named by the digest of what it says, so that the same words are equal in
    every installation; ids, times and attempts are outside.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, line: Mapping[str, Any], policy_digest: str) -> None:
        """Add the next observation, in the order of policy key, account, region, native id."""
        parts = [
            line["fingerprint"],
            line["outcome"],
            line["severity"],
            line["evidence"],
            policy_digest,
        ]
        self._hash.update(canonical(parts) + b"\n")

    def hexdigest(self) -> str:
        """Return the digest of all that was added."""
        return self._hash.hexdigest()


def has_verdict(block: Block) -> bool:
    """Say whether a cell was judged: its lists ended complete and nothing in it is unknown."""
    return not block.header["counts"]["unknown"] and all(block.header["complete"].values())


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How many verdicts there are, and why there are not more.

    A verdict is one policy's on one resource, and one for a list of resources that was not read to
    its end: `unread`, if it could have been, `forbidden`, if nobody in the account may read it.
    What the audit's scope left out is no verdict of this audit: `out_of_scope`.
    """

    given: int
    unread: int
    forbidden: int
    out_of_scope: int

    @property
    def possible(self) -> int:
        """How many there would be if all were read that may be."""
        return self.given + self.unread

    @property
    def coverage(self) -> float:
        """The given of the possible, 0 to 1, rounded down to four places; 1 of none."""
        return self.given * 10_000 // self.possible / 10_000 if self.possible else 1.0

    def as_dict(self) -> dict[str, int]:
        """Return the numbers."""
        return {
            "given": self.given,
            "possible": self.possible,
            "unread": self.unread,
            "forbidden": self.forbidden,
            "out_of_scope": self.out_of_scope,
        }


def is_possible(block: Block) -> bool:
    """Say whether a cell could be judged at all: there is a list of its types in its region."""
    return bool(block.header["complete"])


def summarize(observations: Iterable[Block], *, planned: int) -> dict[str, Any]:
    """Return the figures of an audit, reading its cells once; `planned` is how many cells it meant
    to judge."""
    whole, dimensions = _Sums(), {dimension: _Sums() for dimension in Dimension}
    for cell in observations:
        whole.add(cell)
        if is_possible(cell):
            dimensions[Dimension(cell.header["dimension"])].add(cell)
    planned -= whole.cells - whole.possible
    verdicts = whole.verdicts()
    return {
        "coverage": verdicts.coverage if planned else None,
        "verdicts": verdicts.as_dict(),
        "cells": {"planned": planned, "with_verdict": whole.judged},
        "counts": dict(whole.counts),
        "dimensions": {each.value: sums.dimension() for each, sums in dimensions.items()},
    }


class _Sums:
    """What some cells add up to. `given` is what the possible ones say, the rest counts all."""

    def __init__(self) -> None:
        self.cells = self.possible = self.judged = self.suppressed = 0
        self.counts = {outcome.value: 0 for outcome in Outcome}
        self.fails = {severity.value: 0 for severity in Severity}
        self.missing = {each.value: 0 for each in Missing}
        self._given = self._failed = self._passed = 0

    def add(self, cell: Block) -> None:
        header = cell.header
        counts = header["counts"]
        self.cells += 1
        for outcome, count in counts.items():
            self.counts[outcome] += count
        if not is_possible(cell):
            return
        self.possible += 1
        self.judged += has_verdict(cell)
        self.suppressed += header["suppressed"]
        self._given += sum(counts.values()) - counts[Outcome.UNKNOWN]
        for each in Missing:
            self.missing[each.value] += header["missing"][each]
        for severity, count in header["fails"].items():
            self.fails[severity] += count
            self._failed += Severity(severity).weight * count
        self._passed += Severity(header["severity"]).weight * counts["pass"]

    def verdicts(self) -> Verdicts:
        return Verdicts(self._given, **self.missing)

    def dimension(self) -> dict[str, Any]:
        verdicts = self.verdicts()
        return {
            "score": self._score() if 2 * verdicts.given >= verdicts.possible else None,
            "coverage": verdicts.coverage if self.cells else None,
            "verdicts": verdicts.as_dict(),
            **self.counts,
            "suppressed": self.suppressed,
            "severities": self.fails,
        }

    def _score(self) -> int | None:
        """Return 100 x (1 - weighted fails / weighted verdicts), rounded down; None without a
        verdict. Unknown and suppressed ones are left out."""
        total = self._failed + self._passed
        return 100 * self._passed // total if total else None
