"""Related resources: joined once an audit by an index, never fetched by an expression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cloudsealed.audits.blocks import Block
from cloudsealed.audits.derive import EVERYTHING, Snapshots, underived_reason
from cloudsealed.collectors.paths import names_in, read

_INDEXES = 64


@dataclass(frozen=True, slots=True)
class Found:
    """The related snapshots, and why they may not be all."""

    snapshots: Sequence[Mapping[str, Any]]
    gaps: list[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Index:
    everything: list[Mapping[str, Any]]
    by_key: Mapping[str, list[Mapping[str, Any]]]
    gaps: list[Mapping[str, Any]]


class Relations:
    """Answers which resources a policy's relation means for one resource."""

    def __init__(self, snapshots: Snapshots, listings: Sequence[Block]) -> None:
        self._snapshots = snapshots
        self._listings = listings
        self._index = lru_cache(maxsize=_INDEXES)(self._build)

    def of(self, snapshot: Mapping[str, Any], relation: Mapping[str, Any]) -> Found:
        """Return what `relation` (type, from, key, scope) joins to `snapshot`."""
        region = snapshot["region"] if relation.get("scope") == "region" else None
        index = self._index(relation["type"], relation["key"], snapshot["account"], region)
        if relation["from"] is None:
            return Found(index.everything, index.gaps)
        wanted = _texts(read(relation["from"], snapshot["document"]))
        matched = [target for key in wanted for target in index.by_key.get(key, ())]
        return Found(matched, index.gaps)

    def _build(self, kind: str, key: str | None, account: str, region: str | None) -> _Index:
        listings = [
            b for b in self._listings
            if b.key == kind and b.account == account and region in (None, b.region)
        ]  # fmt: skip
        everything: list[Mapping[str, Any]] = []
        by_key: dict[str, list[Mapping[str, Any]]] = {}
        gaps = [b.header["gap"] for b in listings if b.header["gap"]]
        for block in listings:
            for _address, snapshot in self._snapshots.of(block):
                everything.append(snapshot)
                try:
                    values = _texts(read(key, snapshot["document"])) if key else ()
                except Exception as error:  # whom it would join is not known
                    gaps.append(underived_reason(type(error).__name__))
                    continue
                for value in values:
                    by_key.setdefault(value, []).append(snapshot)
        joined = names_in(key) | {EVERYTHING} if key else frozenset()
        gaps += [s["unread"][name] for s in everything for name in joined & s["unread"].keys()]
        if not listings:
            gaps = [{"kind": "not_collected", "type": kind, "account": account, "region": region}]
        return _Index(everything, by_key, gaps)


def _texts(found: Any) -> list[str]:
    values = found if isinstance(found, list) else [found]
    return list(dict.fromkeys(str(value) for value in values if value is not None))
