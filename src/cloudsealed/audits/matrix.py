"""What each policy of an audit said, place by place: its cells, counted, a row a policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import orjson

from cloudsealed.audits.model import Audit
from cloudsealed.audits.records.blocks import OBSERVATIONS, Block, Blocks
from cloudsealed.audits.records.calls import passes
from cloudsealed.audits.sealing.verdict import is_possible
from cloudsealed.kit.batches import batches
from cloudsealed.kit.cursor import Position
from cloudsealed.storage.filters import NOT, Filter
from cloudsealed.storage.keyset import Page
from cloudsealed.vocabulary import Dimension, Outcome, PolicyKind

FILTERS = (
    Filter("dimension", "Dimension of the policy", choices=tuple(Dimension), kind="enum"),
    Filter("account", "Cloud account", kind="word", example="123456789012"),
    Filter("region", "Region", kind="word", example="eu-west-1"),
    Filter(
        "outcome",
        "Outcome that a resource of the cell has",
        choices=tuple(Outcome),
        kind="enum",
        has_negation=False,
    ),
)
_OF_POLICIES = ("dimension", f"dimension{NOT}")
_AT_ONCE = 50  # policies whose cells are read together

Filters = Mapping[str, Sequence[str]]


def matrix_page(
    blocks: Blocks, audit: Audit, *, filters: Filters, after: Position | None, limit: int
) -> Page:
    """Return a page of an audit's policies in the order of their keys, each with its cells that
    pass the filters; a policy without one is left out."""
    of_policies = {name: given for name, given in filters.items() if name in _OF_POLICIES}
    of_cells = {name: given for name, given in filters.items() if name not in _OF_POLICIES}
    versions = [
        version
        for version in sorted(audit.policy_set, key=lambda each: str(each["key"]))
        if version["kind"] == PolicyKind.CHECK
        and (after is None or version["key"] > after.id)
        and passes(version["spec"], of_policies)
    ]
    found: list[tuple[str, bytes]] = []
    for row in _rows(blocks, versions, of_cells, max(limit + 1, _AT_ONCE)):
        found.append(row)
        if len(found) > limit:
            return Page([item for _key, item in found[:limit]], Position(found[limit - 1][0]))
    return Page([item for _key, item in found], None)


def _rows(
    blocks: Blocks, versions: Sequence[Mapping[str, Any]], filters: Filters, at_once: int
) -> Iterator[tuple[str, bytes]]:
    for some in batches(versions, at_once):
        known = {version["key"]: version for version in some}
        read = blocks.between(OBSERVATIONS, some[0]["key"], some[-1]["key"])
        for key, own in groupby(read, lambda block: block.key):
            cells = [_cell(block) for block in own if is_possible(block)]
            kept = [cell for cell in cells if _passes(cell, filters)]
            if kept and key in known:
                yield key, orjson.dumps(_row(known[key], kept))


def _passes(cell: Mapping[str, Any], filters: Filters) -> bool:
    wanted = filters.get("outcome", ())
    others = {name: given for name, given in filters.items() if name != "outcome"}
    return (not wanted or any(cell[name] for name in wanted)) and passes(cell, others)


def _cell(block: Block) -> dict[str, Any]:
    return {
        "account": block.account,
        "region": block.region,
        **block.header["counts"],
        "complete": all(block.header["complete"].values()),
    }


def _row(version: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    spec = version["spec"]
    return {
        "object": "policy_cells",
        "policy": {name: version[name] for name in ("id", "key", "version")},
        "title": spec["title"],
        "dimension": spec["dimension"],
        "severity": spec["severity"],
        "cells": cells,
    }
