"""To which resources of the tenant what a resource's document names leads. It guesses none.

A relation's row says of which type the other is, and which attribute of its document the id stands
in: a candidate is found by how its native id ends, and counts if its snapshot says the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudsealed.collectors.model import GLOBAL, Relation
from cloudsealed.collectors.paths import read
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.kit.batches import batches
from cloudsealed.resources.store import ResourceStore

_AT_ONCE = 20
_SEPARATORS = ("/", ":")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A resource that a relation may lead to."""

    id: str
    native_id: str
    account: str
    region: str
    is_present: bool
    snapshot: Mapping[str, Any] | None

    def is_called(self, target: str, key: str) -> bool:
        """Say whether a document that names `target` means this one."""
        if self.snapshot is not None:
            return str(read(key, self.snapshot["document"])) == target or self.native_id == target
        return self.native_id == target or self.native_id.endswith(
            tuple(separator + target for separator in _SEPARATORS)
        )


def related(
    store: ResourceStore, resource: Mapping[str, Any], *, tenant: str
) -> Iterator[dict[str, Any]]:
    """Yield what a resource's document names: the relation, the id that stands there, the type of
    what it means, and the id of that resource; null where no audit saw it."""
    row = RESOURCE_TYPES.get(resource["type"])
    declared = {each.name: each for each in row.relations} if row else {}
    for name, targets in sorted(resource["relations"].items()):
        relation = declared.get(name)
        for some in batches(targets, _AT_ONCE):
            found = _found(store, resource, relation, some, tenant) if relation else {}
            for target in some:
                yield {
                    "name": name,
                    "id": target,
                    "type": relation.type if relation else None,
                    "resource_id": found.get(target),
                }


def _found(
    store: ResourceStore,
    resource: Mapping[str, Any],
    relation: Relation,
    targets: Sequence[str],
    tenant: str,
) -> dict[str, str]:
    rows = store.called(tenant=tenant, kind=relation.type, targets=targets)
    here = resource["region"]
    rows += store.ending_in(
        tenant=tenant,
        provider=resource["provider"],
        account=resource["account"],
        regions=[] if here == GLOBAL else [here, GLOBAL],
        kind=relation.type,
        targets=targets,
    )
    snapshots = store.snapshots(tenant=tenant, addresses=[row[5] for row in rows])
    candidates = [
        Candidate(ident, native_id, account, region, bool(present), snapshots.get(address))
        for ident, native_id, account, region, present, address in rows
    ]
    near = [each for each in candidates if _is_near(each, resource)]
    chosen = ((target, _chosen(near, target, relation.key, resource)) for target in targets)
    return {target: each.id for target, each in chosen if each is not None}


def _is_near(other: Candidate, resource: Mapping[str, Any]) -> bool:
    """Say whether a resource can mean another by an id that only its own place gives sense to."""
    return GLOBAL in (other.region, resource["region"]) or other.region == resource["region"]


def _chosen(
    candidates: Iterable[Candidate], target: str, key: str, resource: Mapping[str, Any]
) -> Candidate | None:
    """Return the one that is meant; one that is there before one that was, and of the own account
    before what another account lists too."""
    called = [each for each in candidates if each.is_called(target, key)]
    own = resource["account"]
    return max(called, key=lambda each: (each.is_present, each.account == own), default=None)
