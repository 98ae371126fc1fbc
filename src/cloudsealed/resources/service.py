"""What one does with resources: list, read, follow their relations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from cloudsealed.kit.cursor import Position
from cloudsealed.resources.history import compared
from cloudsealed.resources.model import with_document
from cloudsealed.resources.relating import referring, related
from cloudsealed.resources.relation_store import RelationStore
from cloudsealed.resources.seen_store import SeenStore
from cloudsealed.resources.store import listing_of
from cloudsealed.resources.summary import columns_of, groups
from cloudsealed.storage.database import Database, ReadDeadlineError
from cloudsealed.storage.filters import OWNER_TAGS
from cloudsealed.storage.keyset import Page


class ResourceService:
    """The use cases of resources."""

    def __init__(self, *, database: Database, owner_tags: tuple[str, ...] = OWNER_TAGS) -> None:
        self._store = RelationStore(database, listing_of(owner_tags))
        self._seen = SeenStore(database, [key.lower() for key in owner_tags])

    def list(
        self,
        *,
        tenant: str,
        filters: Mapping[str, tuple[str, ...]],
        sort: str = "-id",
        after: Position | None = None,
        limit: int = 50,
        deadline: float | None = None,
    ) -> Page:
        """Return a page of resources, each without its document.

        With `audit`, of what that audit saw, as it saw it; raises EvidenceExpiredError.
        """
        if "audit" in filters:
            if deadline is not None:
                raise ReadDeadlineError  # snapshots are read: that is nothing for the event loop
            return self._seen.page(
                tenant=tenant, audit=filters["audit"][0], filters=filters, after=after, limit=limit
            )
        rows = self._store.page(
            tenant=tenant, filters=filters, sort=sort, after=after, limit=limit, deadline=deadline
        )
        return Page([bytes(row[2]) for row in rows.rows], rows.next)

    def summary(
        self, *, tenant: str, group_by: tuple[str, ...], filters: Mapping[str, tuple[str, ...]]
    ) -> dict[str, Any]:
        """Count resources by some of GROUPS; with `audit`, what that audit saw, as it saw it;
        raises EvidenceExpiredError.

        `complete` is false when the bound of a page's reading ended the count, or when there are
        more groups than are told.
        """
        rows: Sequence[tuple[Mapping[str, Any], int]]
        if "audit" in filters:
            audit = filters["audit"][0]
            seen, complete = self._seen.count(tenant=tenant, audit=audit, filters=filters)
            rows = [(row, 1) for row in seen]
        else:
            rows, complete = self._store.count(
                tenant=tenant, filters=filters, columns=columns_of(group_by)
            )
        found, all_told = groups(group_by, rows, filters.get("tag_key", ()))
        return {
            "object": "resource_summary",
            "group_by": list(group_by),
            "total": sum(number for _row, number in rows),
            "complete": complete and all_told,
            "groups": found,
        }

    def get(self, *, tenant: str, ident: str, deadline: float | None = None) -> bytes:
        """Return one resource with the document of its newest snapshot."""
        doc, snapshot = self._store.served(tenant=tenant, ident=ident)
        return doc if snapshot is None else with_document(doc, snapshot["document"])

    def seen(self, *, tenant: str, ident: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Return a resource without its document, and its newest snapshot, None when retention
        dropped it; raises ResourceNotFoundError."""
        doc, snapshot = self._store.served(tenant=tenant, ident=ident)
        return orjson.loads(doc), snapshot

    def many(self, *, tenant: str, idents: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return at most 1,000 resources by id, each as lists show it."""
        found = map(orjson.loads, self._store.docs(tenant=tenant, idents=idents))
        return {resource["id"]: resource for resource in found}

    def tags(self, *, tenant: str, idents: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the tags of some hundred resources, by id."""
        found = self.many(tenant=tenant, idents=idents)
        return {ident: resource["tags"] for ident, resource in found.items()}

    def history(
        self, *, tenant: str, ident: str, after: Position | None = None, limit: int = 50
    ) -> Page:
        """Return a page of a resource's versions, newest first; raises ResourceNotFoundError."""
        place = self._place(tenant, ident)
        return self._seen.history(tenant=tenant, ident=ident, place=place, after=after, limit=limit)

    def comparison(
        self, *, tenant: str, ident: str, first: str | None = None, second: str | None = None
    ) -> dict[str, Any]:
        """Return what differs between what two audits saw of a resource: by default those that saw
        the newest version and the one before it last; raises ResourceNotFoundError and
        NotSeenError."""
        place = self._place(tenant, ident)
        if not (first and second):
            found = self._seen.history(tenant=tenant, ident=ident, place=place, after=None, limit=2)
            last = [orjson.loads(version)["last_audit_id"] for version in found.items] or [""]
            first, second = first or last[-1], second or last[0]
        old, new = (
            self._seen.seen(tenant=tenant, ident=ident, place=place, audit=audit)
            for audit in (first or "", second or "")
        )
        return compared(ident, old, new)

    def _place(self, tenant: str, ident: str) -> dict[str, str]:
        found = self._store.known(tenant=tenant, ident=ident)
        return {"name": found["type"], "acct": found["account"], "place": found["region"]}

    def relations(self, *, tenant: str, ident: str) -> dict[str, Any]:
        """Return a resource's declared relations: names to the ids that its document names, and
        the resources that those are."""
        resource = self._store.known(tenant=tenant, ident=ident)
        targets = list(related(self._store, resource, tenant=tenant))
        return {"object": "relations", "resource_id": ident, "relations": targets}

    def referrers(self, *, tenant: str, ident: str) -> dict[str, Any]:
        """Return the resources whose documents name a resource."""
        doc, snapshot = self._store.served(tenant=tenant, ident=ident)
        document = None if snapshot is None else snapshot["document"]
        found, complete = referring(self._store, orjson.loads(doc), document, tenant=tenant)
        return {
            "object": "referrers",
            "resource_id": ident,
            "complete": complete,
            "referrers": found,
        }
