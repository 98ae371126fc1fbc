"""What an audit could not read, what that left unknown, and the permission that would cure it.

The ledger says which calls had no answer, whether or not a verdict needs one; the observations say
which verdicts are unknown for it. A region that denies everything is one entry, not one a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cloudsealed.audits.model import Audit
from cloudsealed.audits.records.blocks import OBSERVATIONS, Block, Blocks
from cloudsealed.audits.records.reasons import OUT_OF_SCOPE
from cloudsealed.audits.records.tally import Tallied
from cloudsealed.collectors.model import NOT_ASKED, curable
from cloudsealed.collectors.providers import provider_of
from cloudsealed.kit.canonical import canonical
from cloudsealed.vocabulary import FIRST_PROVIDER, CallOutcome, Outcome, Provider

_MOST_ERRORS = 100
_SID = "CloudSealedMissing"
EVERY = "*"
"""The service and the operation of the entry of regions that deny everything."""


def coverage_report(
    audit: Audit, calls: Iterable[Tallied], listings: Iterable[Block], blocks: Blocks
) -> dict[str, Any]:
    """Return an audit's gaps, one entry a call kind and outcome, worst first."""
    gaps, not_enabled = _Gaps(), set()
    for call in calls:
        gaps.count(call)
        lacks = call.outcome is CallOutcome.UNSUPPORTED
        if lacks and provider_of(call.provider).is_stranger(call.error_code):
            not_enabled.add(f"{call.account}/{call.region}")
    errors: list[dict[str, Any]] = []
    for listing in listings:
        if listing.header["gap"]:
            gaps.add(listing.header["gap"], None)
    left_out: dict[tuple[str, str], dict[str, Any]] = {}
    not_asked: dict[tuple[str, str], dict[str, Any]] = {}
    for block, line, reason in _reasons(blocks):
        if reason["kind"] == "call":
            gaps.add(reason, block.key)
        elif reason["kind"] == OUT_OF_SCOPE:
            _leave(left_out, reason, block.key)
        elif reason["kind"] == NOT_ASKED:
            _leave_unasked(not_asked, reason, block.key)
        elif len(errors) < _MOST_ERRORS:
            errors.append({"policy": block.key, "native_id": line["native_id"], **reason})
    for entry in (*left_out.values(), *not_asked.values()):
        entry["policies"] = sorted(entry["policies"])
    entries = gaps.entries()
    cures = _cures(audit, entries)
    return {
        "object": "coverage",
        "audit_id": audit.id,
        "coverage": (audit.result or {}).get("coverage"),
        "verdicts": (audit.result or {}).get("verdicts"),
        "cells": (audit.result or {}).get("cells"),
        "gaps": entries,
        "out_of_scope": [left_out[key] for key in sorted(left_out)],
        "not_asked": [not_asked[key] for key in sorted(not_asked)],
        "regions_not_enabled": sorted(not_enabled),
        "policy_errors": errors,
        "accounts_not_entered": [t.as_dict() for t in audit.targets or () if t.error],
        "cures": cures,
        "iam_statement": _statement(cures),
    }


def _cures(audit: Audit, gaps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what would cure the gaps that can be cured: for each provider, in its words."""
    providers = {target.account: target.provider for target in audit.targets or ()}
    actions: dict[Provider, set[str]] = {}
    for gap in gaps:
        if gap["curable"] and gap["action"]:
            account = gap["places"][0].rpartition("/")[0]
            actions.setdefault(providers.get(account, FIRST_PROVIDER), set()).add(gap["action"])
    return [
        {
            "provider": provider,
            "permissions": sorted(wanted),
            "document": provider_of(provider).granting(wanted),
        }
        for provider, wanted in sorted(actions.items())
    ]


def _reasons(blocks: Blocks) -> Iterator[tuple[Block, Mapping[str, Any], Mapping[str, Any]]]:
    """Yield every reason of an unknown outcome, with its cell and line."""
    for block in blocks.all(OBSERVATIONS):
        for line in blocks.lines(block) if block.header["counts"]["unknown"] else ():
            if line["outcome"] == Outcome.UNKNOWN:
                yield from ((block, line, reason) for reason in line["reasons"])


class _Gaps:
    """The gaps of an audit by service, operation and outcome."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, str], dict[str, Any]] = {}

    def count(self, call: Tallied) -> None:
        """Count calls of the ledger that had no answer."""
        if not call.outcome.unread:
            return
        cured = curable(call.outcome, call.error_message)
        action = provider_of(call.provider).permission_of(call.service, call.operation)
        named = (call.service, call.operation, action)
        entry = self._entry(*named, call.outcome, call.error_code, cured)
        entry["recorded"] += call.count
        entry["places"].add(f"{call.account}/{call.region}")

    def add(self, gap: Mapping[str, Any], policy: str | None) -> None:
        """Add what a gap left unknown: a list, or a verdict of `policy`."""
        outcome = CallOutcome(gap["outcome"])
        if not outcome.unread:
            return
        cured = gap.get("curable", outcome is CallOutcome.DENIED)
        named = (gap["service"], gap["operation"], gap["action"])
        entry = self._entry(*named, outcome, gap["error_code"], cured)
        entry["calls"].add(canonical([gap["account"], gap["region"], gap["parameters"]]))
        entry["places"].add(f"{gap['account']}/{gap['region']}")
        if policy:
            entry["policies"].add(policy)
            entry["verdicts"] += 1

    def entries(self) -> list[dict[str, Any]]:
        """Return the gaps as JSON values, those of the most policies first."""
        found = sorted(self._entries.values(), key=lambda e: (-len(e["policies"]), e["operation"]))
        return [
            {
                **{name: entry[name] for name in _NAMES},
                "calls": max(entry["recorded"], len(entry["calls"])),
                "verdicts": entry["verdicts"],
                "places": sorted(entry["places"]),
                "policies": sorted(entry["policies"]),
            }
            for entry in found
        ]

    def _entry(
        self,
        service: str,
        operation: str,
        action: str | None,
        outcome: CallOutcome,
        code: str | None,
        cured: bool,
    ) -> dict[str, Any]:
        if outcome is CallOutcome.REGION_DENIED:
            service, operation, action = EVERY, EVERY, None
        new: dict[str, Any] = {
            "service": service,
            "operation": operation,
            "outcome": outcome,
            "error_code": code,
            "action": action,
            "curable": False,
            "recorded": 0,
            "calls": set(),
            "verdicts": 0,
            "places": set(),
            "policies": set(),
        }
        entry = self._entries.setdefault((service, operation, outcome), new)
        entry["curable"] = entry["curable"] or cured
        return entry


_NAMES = ("service", "operation", "outcome", "error_code", "action", "curable")


def _leave(
    left_out: dict[tuple[str, str], dict[str, Any]], reason: Mapping[str, Any], policy: str
) -> None:
    kind, account = reason["type"], reason["account"]
    new = {
        "type": kind,
        "account": account,
        "regions": reason["regions"],
        "verdicts": 0,
        "policies": set(),
    }
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


def _statement(cures: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return what cures the gaps of the provider whose statements the API had before others."""
    own = next((each for each in cures if each["provider"] is FIRST_PROVIDER), None)
    if own is None:
        return None
    return {**provider_of(FIRST_PROVIDER).statement(own["permissions"]), "Sid": _SID}
