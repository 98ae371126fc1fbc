"""Snapshots that are held in memory: what was recorded once is judged many times, in parts too."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cloudsealed.audits.judging.extent import Extent
from cloudsealed.audits.model import Target
from cloudsealed.audits.records.blocks import SNAPSHOTS, Block
from cloudsealed.audits.records.observation import Observation
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.steps.evaluate import Evaluator
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.policies.service import PolicySet

Snapshot = dict[str, Any]
Lists = Iterable[tuple[Block, list[tuple[str, Snapshot]]]]
NOW = "2026-01-01T00:00:00.000Z"


class Kept(Snapshots):
    """The snapshots of an audit by the block of their list."""

    def __init__(self, kept: Lists) -> None:
        self._kept = {(b.key, b.account, b.region): (b, found) for b, found in kept}

    @classmethod
    def of_audit(cls, snapshots: Snapshots) -> Kept:
        return cls((block, list(snapshots.of(block))) for block in snapshots.listings())

    def copied(self, wanted: Collection[tuple[str, str, str]], account: str) -> Lists:
        """Yield the lists of these types, accounts and regions, as those of another account."""
        for place, (block, found) in self._kept.items():
            if place in wanted:
                copies = [
                    (address, {**each, "account": account, "owner": account})
                    for address, each in found
                ]
                yield replace(block, account=account), copies

    def listings(self) -> list[Block]:
        return [block for block, _found in self._kept.values()]

    def each(self, kind: str | None = None) -> Iterator[Block]:
        return (block for block in self.listings() if kind in (None, block.key))

    def of(self, block: Block) -> Iterator[tuple[str, Mapping[str, Any]]]:
        return iter(self._kept[block.key, block.account, block.region][1])


def listing(
    kind: str,
    account: str,
    region: str,
    found: Iterable[Snapshot],
    gap: Mapping[str, Any] | None = None,
) -> tuple[Block, list[tuple[str, Snapshot]]]:
    """A list of resources in one place, read to its end unless it has a gap."""
    own = ({"owner": account, "formerly": None, **each} for each in found)
    snapshots = [(each["native_id"], each) for each in own]
    header = {
        "connection_id": "con_a",
        "complete": gap is None,
        "outcome": "ok",
        "observed_at": NOW,
        "gap": gap,
    }
    return Block(SNAPSHOTS, kind, account, region, (), len(snapshots), header), snapshots


def judged(
    policies: Iterable[PolicyVersion], kept: Kept, targets: Iterable[Target] = (), clock: str = NOW
) -> dict[tuple[str, str, str], Observation]:
    """Return what policies say of each resource, by account, the policy's key and its native id."""
    evaluator = Evaluator(
        policies=PolicySet(tuple(policies), ()),
        snapshots=kept,
        clock=clock,
        extent=Extent(targets),
        seconds=600,
    )
    return {
        (cell.account, cell.check.version.key, observation.native_id): observation
        for here in evaluator.places()
        for batch in evaluator.judge(here, evaluator.cells(here))
        for cell, observation in batch
    }
