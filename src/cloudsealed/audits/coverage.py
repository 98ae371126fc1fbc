"""What an audit did not read, what that left unknown, and the permission that would cure it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cloudsealed.audits.blocks import OBSERVATIONS, Block, Blocks
from cloudsealed.audits.model import Audit
from cloudsealed.audits.reasons import OUT_OF_SCOPE
from cloudsealed.collectors.model import NOT_ASKED
from cloudsealed.kit.canonical import canonical
from cloudsealed.vocabulary import CallOutcome, Outcome

_MOST_ERRORS = 100


def coverage_report(audit: Audit, listings: Iterable[Block], blocks: Blocks) -> dict[str, Any]:
    """Return an audit's gaps, one entry a call kind and outcome, worst first."""
    gaps: dict[tuple[str, str, str], dict[str, Any]] = {}
    left_out: dict[tuple[str, str], dict[str, Any]] = {}
    not_asked: dict[tuple[str, str], dict[str, Any]] = {}
    errors: list[dict[str, Any]] = []
    for listing in listings:
        if listing.header["gap"]:
            _add(gaps, listing.header["gap"], f"{listing.account}/{listing.region}", None)
    for block, line, reason in _reasons(blocks):
        if reason["kind"] == "call":
            _add(gaps, reason, f"{block.account}/{block.region}", block.key)
        elif reason["kind"] == OUT_OF_SCOPE:
            _leave(left_out, reason, block.key)
        elif reason["kind"] == NOT_ASKED:
            _leave_unasked(not_asked, reason, block.key)
        elif len(errors) < _MOST_ERRORS:
            errors.append({"policy": block.key, "native_id": line["native_id"], **reason})
    for entry in gaps.values():
        entry["calls"] = len(entry["calls"])
    entries = sorted(gaps.values(), key=lambda gap: (-len(gap["policies"]), gap["operation"]))
    for entry in entries:
        entry["places"] = sorted(entry["places"])
        entry["policies"] = sorted(entry["policies"])
    for entry in (*left_out.values(), *not_asked.values()):
        entry["policies"] = sorted(entry["policies"])
    denied = sorted(
        {g["action"] for g in entries if g["outcome"] == CallOutcome.DENIED and g["action"]}
    )
    return {
        "object": "coverage",
        "audit_id": audit.id,
        "coverage": (audit.result or {}).get("coverage"),
        "verdicts": (audit.result or {}).get("verdicts"),
        "cells": (audit.result or {}).get("cells"),
        "gaps": entries,
        "out_of_scope": [left_out[key] for key in sorted(left_out)],
        "not_asked": [not_asked[key] for key in sorted(not_asked)],
        "policy_errors": errors,
        "accounts_not_entered": [t.as_dict() for t in audit.targets or () if t.error],
        "iam_statement": _statement(denied),
    }


def _reasons(blocks: Blocks) -> Iterator[tuple[Block, Mapping[str, Any], Mapping[str, Any]]]:
    """Yield every reason of an unknown outcome, with its cell and line."""
    for block in blocks.all(OBSERVATIONS):
        for line in blocks.lines(block) if block.header["counts"]["unknown"] else ():
            if line["outcome"] == Outcome.UNKNOWN:
                yield from ((block, line, reason) for reason in line["reasons"])


def _add(
    gaps: dict[tuple[str, str, str], dict[str, Any]],
    gap: Mapping[str, Any],
    place: str,
    policy: str | None,
) -> None:
    key = (gap["service"], gap["operation"], gap["outcome"])
    names = ("service", "operation", "outcome", "error_code", "action")
    new = {"calls": set(), "verdicts": 0, "places": set(), "policies": set()}
    entry = gaps.setdefault(key, {**{n: gap[n] for n in names}, **new})
    entry["calls"].add(canonical([gap["account"], gap["region"], gap["parameters"]]))
    entry["places"].add(place)
    if policy:
        entry["policies"].add(policy)
        entry["verdicts"] += 1


def _leave(
    left_out: dict[tuple[str, str], dict[str, Any]], reason: Mapping[str, Any], policy: str
) -> None:
    kind, account = reason["type"], reason["account"]
    new = {
        "type": kind, "account": account, "regions": reason["regions"], "verdicts": 0,
        "policies": set(),
    }  # fmt: skip
    entry = left_out.setdefault((kind, account), new)
    entry["verdicts"] += 1
    entry["policies"].add(policy)


def _leave_unasked(
    not_asked: dict[tuple[str, str], dict[str, Any]], reason: Mapping[str, Any], policy: str
) -> None:
    key = (reason["service"], reason["operation"])
    new = {"service": key[0], "operation": key[1], "verdicts": 0, "policies": set()}
    entry = not_asked.setdefault(key, new)
    entry["verdicts"] += 1
    entry["policies"].add(policy)


def _statement(actions: list[str]) -> dict[str, Any] | None:
    if not actions:
        return None
    return {"Sid": "CloudSealedMissing", "Effect": "Allow", "Action": actions, "Resource": "*"}
