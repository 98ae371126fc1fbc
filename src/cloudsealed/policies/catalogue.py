"""The catalogue of a tenant's policies: how many there are of each kind, and how each is tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from cloudsealed.packs import EXAMPLE_OUTCOMES, Example, load_policies
from cloudsealed.policies.model import Policy
from cloudsealed.policies.selecting import resolve_filters
from cloudsealed.policies.store import PolicyStore, decode
from cloudsealed.policies.summary import groups
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import PolicySource

_MOST_COUNTED = 5_000
_MOST_PAGES = 20


class Catalogue:
    """Reads policies; it changes nothing."""

    def __init__(self, database: Database) -> None:
        self._store = PolicyStore(database)

    def summary(
        self, *, tenant: str, group_by: Sequence[str], filters: Mapping[str, tuple[str, ...]]
    ) -> dict[str, Any]:
        """Count policies by some of GROUPS; `complete` is false when there are more than are
        counted. A page whose reading was long ends early, and the next one goes on."""
        narrowed = resolve_filters(self._store, tenant=tenant, filters=filters)
        found, after = list[Policy](), None
        for _ in range(_MOST_PAGES):
            rows = self._store.page(
                tenant=tenant, filters=narrowed, sort="-id", after=after, limit=_MOST_COUNTED
            )
            found += [decode(row[2:]) for row in rows.rows]
            after = rows.next
            if after is None or len(found) >= _MOST_COUNTED:
                break
        return {
            "object": "policy_summary",
            "group_by": list(group_by),
            "total": len(found),
            "complete": after is None,
            "groups": groups(group_by, found),
        }

    def examples(self, *, tenant: str, ident: str) -> dict[str, Any]:
        """Return the documents by which a check is tried, and the outcome for each; of a built-in
        one those that ship. Raises PolicyNotFoundError."""
        policy = self._store.get(tenant=tenant, ident=ident)
        if policy.source is PolicySource.BUILTIN:
            said = _shipped().get(policy.key, {})
        else:
            said = policy.spec.get("examples") or {}
        found = {outcome.value: said.get(outcome.value, []) for outcome in EXAMPLE_OUTCOMES}
        return {"object": "policy_examples", "policy_id": policy.id, **found}


@cache
def _shipped() -> Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]:
    """Return the examples of built-in policies by key and outcome, as their files say them."""
    return {
        spec.key: {
            outcome.value: [_said(each) for each in spec.examples if each.outcome is outcome]
            for outcome in EXAMPLE_OUTCOMES
        }
        for spec in load_policies()
    }


def _said(example: Example) -> dict[str, Any]:
    related = {name: list(found) for name, found in example.related.items() if found}
    said = {
        "related": related,
        "unread": list(example.unread),
        "severity": example.severity and example.severity.value,
    }
    return {"resource": example.resource, **{n: each for n, each in said.items() if each}}
