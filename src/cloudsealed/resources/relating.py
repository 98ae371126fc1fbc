"""To which resources of the tenant what a resource's document names leads, and which lead to it. It
guesses none.

A relation's row says of which type the other is, and which attribute of its document the id stands
in: a candidate is found by how its native id ends, and counts if its snapshot says the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any

import orjson

from cloudsealed.collectors.model import GLOBAL, Relation
from cloudsealed.collectors.paths import read
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.kit.batches import batches
from cloudsealed.resources.relation_store import RelationStore
from cloudsealed.vocabulary import ResourceState

_AT_ONCE = 20
MOST_REFERRING = 200
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
    type: str
    name: str | None

    def is_called(self, target: str, key: str) -> bool:
        """Say whether a document that names `target` means this one."""
        if self.snapshot is not None:
            return str(read(key, self.snapshot["document"])) == target or self.native_id == target
        return self.native_id == target or self.native_id.endswith(
            tuple(separator + target for separator in _SEPARATORS)
        )


def related(
    store: RelationStore, resource: Mapping[str, Any], *, tenant: str
) -> Iterator[dict[str, Any]]:
    """Yield what a resource's document names: the relation, the id that stands there, the type of
    what it means, and the id and name of that resource; null where no audit saw it."""
    row = RESOURCE_TYPES.get(resource["type"])
    declared = {each.name: each for each in row.relations} if row else {}
    named = [
        (name, target)
        for name, targets in sorted(resource["relations"].items())
        for target in targets
    ]
    found: dict[tuple[str, str], Candidate] = {}
    for some in batches([each for each in named if each[0] in declared], _AT_ONCE):
        found |= _found(store, resource, [(declared[name], t) for name, t in some], tenant)
    for name, target in named:
        meant = found.get((name, target))
        yield {
            "name": name,
            "id": target,
            "type": declared[name].type if name in declared else None,
            "resource_id": meant.id if meant else None,
            "resource_name": meant.name if meant else None,
        }


def referring(
    store: RelationStore, resource: Mapping[str, Any], document: Any, *, tenant: str
) -> tuple[list[dict[str, Any]], bool]:
    """Return which resources of its account refer to a resource, newest first, and whether every
    one that may was looked at and is told: no more are read than for one page."""
    called = _called(resource, document)
    if not called:
        return [], True
    here = resource["region"]
    docs, complete = store.around(
        tenant=tenant,
        provider=resource["provider"],
        account=resource["account"],
        regions=[] if here == GLOBAL else [here, GLOBAL],
        kinds=sorted({kind for kind, _name in called}),
    )
    others = _naming(docs, set().union(*called.values()))
    found = [
        {
            "name": name,
            "type": other["type"],
            "native_id": other["native_id"],
            "resource_name": other["name"],
            "resource_id": other["id"],
        }
        for other in others
        for name, targets in sorted(other["relations"].items())
        if called.get((other["type"], name), set()).intersection(targets)
    ]
    found.sort(key=itemgetter("resource_id"), reverse=True)
    return found[:MOST_REFERRING], complete and len(found) <= MOST_REFERRING


def _called(resource: Mapping[str, Any], document: Any) -> dict[tuple[str, str], set[str]]:
    """Return what each relation that leads to its type calls a resource: its native id, and what
    stands where the relation looks; by the type that has the relation, and its name."""
    found: dict[tuple[str, str], set[str]] = {}
    for kind, relation in _leading_to(resource["type"]):
        called = found.setdefault((kind, relation.name), {resource["native_id"]})
        if document is None:
            called.update(resource["native_id"].rpartition(each)[2] for each in _SEPARATORS)
        elif there := read(relation.key, document):
            called.add(str(there))
    return found


@cache
def _leading_to(kind: str) -> list[tuple[str, Relation]]:
    """Return the relations that lead to resources of a type, each with the type that has it."""
    return [
        (name, each)
        for name, row in RESOURCE_TYPES.items()
        for each in row.relations
        if each.type == kind
    ]


def _naming(docs: Iterable[bytes], names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the resources that are there whose JSON has one of some names in it."""
    needles = [orjson.dumps(name) for name in names]
    found = (orjson.loads(doc) for doc in docs if any(needle in doc for needle in needles))
    yield from (each for each in found if each["state"] == ResourceState.PRESENT)


def _found(
    store: RelationStore,
    resource: Mapping[str, Any],
    wanted: Sequence[tuple[Relation, str]],
    tenant: str,
) -> dict[tuple[str, str], Candidate]:
    """Return what is meant, by the relation's name and what it names."""
    kinds = sorted({relation.type for relation, _target in wanted})
    targets = sorted({target for _relation, target in wanted})
    rows = store.called(tenant=tenant, targets=targets)
    here = resource["region"]
    rows += store.ending_in(
        tenant=tenant,
        provider=resource["provider"],
        account=resource["account"],
        regions=[] if here == GLOBAL else [here, GLOBAL],
        kinds=kinds,
        targets=targets,
    )
    snapshots = store.snapshots(tenant=tenant, addresses=[row[5] for row in rows])
    candidates = [
        Candidate(ident, native_id, account, region, bool(present), snapshots.get(address), *others)
        for ident, native_id, account, region, present, address, *others in rows
    ]
    near = [each for each in candidates if _is_near(each, resource)]
    found: dict[tuple[str, str], Candidate] = {}
    for relation, target in wanted:
        of_type = [each for each in near if each.type == relation.type]
        chosen = _chosen(of_type, target, relation.key, resource)
        if chosen is not None:
            found[relation.name, target] = chosen
    return found


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
