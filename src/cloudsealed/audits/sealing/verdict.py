"""What an audit adds up to: verdict digest, coverage, counts and score. Pure over its blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
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

    @classmethod
    def of(cls, cells: Sequence[Block]) -> Verdicts:
        """Count those of some cells."""
        counts = _total(cells)
        missing = {m.value: sum(cell.header["missing"][m] for cell in cells) for m in Missing}
        return cls(sum(counts.values()) - counts[Outcome.UNKNOWN], **missing)

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
    """Return the figures of an audit; `planned` is how many cells it meant to judge."""
    cells = list(observations)
    possible = [cell for cell in cells if is_possible(cell)]
    planned -= len(cells) - len(possible)
    verdicts = Verdicts.of(possible)
    return {
        "coverage": verdicts.coverage if planned else None,
        "verdicts": verdicts.as_dict(),
        "cells": {"planned": planned, "with_verdict": sum(map(has_verdict, possible))},
        "counts": _total(cells),
        "dimensions": {dimension.value: _dimension(cells, dimension) for dimension in Dimension},
    }


def _total(cells: Iterable[Block]) -> dict[str, int]:
    totals = {outcome.value: 0 for outcome in Outcome}
    for cell in cells:
        for outcome, count in cell.header["counts"].items():
            totals[outcome] += count
    return totals


def _dimension(cells: Iterable[Block], dimension: Dimension) -> dict[str, Any]:
    own = [cell for cell in cells if cell.header["dimension"] == dimension and is_possible(cell)]
    fails = {
        severity.value: sum(cell.header["fails"][severity] for cell in own) for severity in Severity
    }
    verdicts = Verdicts.of(own)
    return {
        "score": _score(own) if 2 * verdicts.given >= verdicts.possible else None,
        "coverage": verdicts.coverage if own else None,
        "verdicts": verdicts.as_dict(),
        **_total(own),
        "suppressed": sum(cell.header["suppressed"] for cell in own),
        "severities": fails,
    }


def _score(cells: Iterable[Block]) -> int | None:
    """Return 100 x (1 - weighted fails / weighted verdicts), rounded down; None without a verdict.

    Unknown and suppressed ones are left out.
    """
    failed = passed = 0
    for cell in cells:
        failed += sum(Severity(name).weight * count for name, count in cell.header["fails"].items())
        passed += Severity(cell.header["severity"]).weight * cell.header["counts"]["pass"]
    total = failed + passed
    return 100 * passed // total if total else None
