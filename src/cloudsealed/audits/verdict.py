"""What an audit adds up to: verdict digest, coverage, counts and score. Pure over its blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from cloudsealed.audits.blocks import Block
from cloudsealed.kit.canonical import canonical
from cloudsealed.vocabulary import CallOutcome, Dimension, Outcome, Severity


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


def is_possible(block: Block) -> bool:
    """Say whether a cell could be judged at all: there is a list of its types in its region."""
    return bool(block.header["complete"])


def is_forbidden(block: Block) -> bool:
    """Say whether a cell has no verdict by the organisation's will alone."""
    header = block.header
    lists = sum(CallOutcome(gap["outcome"]).forbidden for gap in header["gaps"])
    unread = sum(not complete for complete in header["complete"].values())
    unknown = header["counts"]["unknown"] - header.get("forbidden", 0)
    return not has_verdict(block) and lists == unread and not unknown


def summarize(observations: Iterable[Block], *, planned: int) -> dict[str, Any]:
    """Return the figures of an audit; `planned` is how many cells it meant to judge."""
    cells = list(observations)
    possible = [cell for cell in cells if is_possible(cell)]
    planned -= len(cells) - len(possible)
    judged = sum(map(has_verdict, possible))
    forbidden = sum(map(is_forbidden, possible))
    return {
        "coverage": round(judged / planned, 4) if planned else None,
        "cells": {"planned": planned, "with_verdict": judged, "forbidden": forbidden},
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
    allowed = [cell for cell in own if not is_forbidden(cell)]
    fails = {
        severity.value: sum(cell.header["fails"][severity] for cell in own) for severity in Severity
    }
    judged = sum(map(has_verdict, own))
    return {
        "score": _score(own) if allowed and 2 * judged >= len(allowed) else None,
        "coverage": round(judged / len(own), 4) if own else None,
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
