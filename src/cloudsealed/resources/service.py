"""What one does with resources: list, read, follow their relations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from cloudsealed.kit.cursor import Position
from cloudsealed.resources.model import with_document
from cloudsealed.resources.relating import related
from cloudsealed.resources.seen_store import SeenStore
from cloudsealed.resources.store import ResourceStore
from cloudsealed.storage.database import Database, ReadDeadlineError
from cloudsealed.storage.keyset import Page


class ResourceService:
    """The use cases of resources."""

    def __init__(self, *, database: Database) -> None:
        self._store = ResourceStore(database)
        self._seen = SeenStore(database)

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
        found = orjson.loads(self._store.served(tenant=tenant, ident=ident)[0])
        place = {"name": found["type"], "acct": found["account"], "place": found["region"]}
        return self._seen.history(tenant=tenant, ident=ident, place=place, after=after, limit=limit)

    def relations(self, *, tenant: str, ident: str) -> dict[str, Any]:
        """Return a resource's declared relations: names to the ids that its document names, and
        the resources that those are."""
        doc, _snapshot = self._store.served(tenant=tenant, ident=ident)
        targets = list(related(self._store, orjson.loads(doc), tenant=tenant))
        return {"object": "relations", "resource_id": ident, "relations": targets}
