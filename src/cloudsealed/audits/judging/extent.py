"""How far an audit looks: the regions and types that its scope left out are not “there is none”.

An account has the regions that it said it has; a connection or a scope may narrow them. Refuses to
ask: a plan has asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from cloudsealed.audits.model import Target
from cloudsealed.audits.records.reasons import OUT_OF_SCOPE, Reason
from cloudsealed.collectors.model import GLOBAL
from cloudsealed.collectors.registry import RESOURCE_TYPES


class Extent:
    """Knows the places of each account behind an audit's targets."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._regions: dict[str, set[str]] = {}
        self._gaps: dict[str, list[Reason]] = {}
        for target in targets:
            if target.account is not None:
                enabled = self._regions.setdefault(target.account, set())
                enabled.update(target.regions, target.left_out)
                gap = [target.regions_gap] if target.regions_gap else []
                self._gaps.setdefault(target.account, []).extend(gap)

    def left_out(
        self, kind: str, account: str, region: str | None, listed: Collection[str]
    ) -> list[Reason]:
        """Return why there may be resources of a type that the lists of the regions `listed` lack;
        with `region`, in that region."""
        one = GLOBAL if RESOURCE_TYPES[kind].scope == GLOBAL else region
        places = self._regions.get(account, set()) if one is None else {one}
        gaps = self._gaps.get(account, []) if one is None else []
        lacking = sorted(places - set(listed))
        if not lacking:
            return list(gaps)
        return [{"kind": OUT_OF_SCOPE, "type": kind, "account": account, "regions": lacking}, *gaps]
