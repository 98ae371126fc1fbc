"""What a saved view is, and who sees it: its owner, or the whole tenant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloudsealed.kit.errors import NotFoundError
from cloudsealed.views.bodies import Query, address
from cloudsealed.vocabulary import ViewOf

MOST_OWN = 100
MOST_SHARED = 100
TENANT = ""
"""The audience of what the whole tenant sees; otherwise it is a user's id."""


class ViewNotFoundError(NotFoundError):
    """No view of the tenant that the caller may see has this id."""

    code = "view_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("view", ident)


@dataclass(frozen=True, slots=True)
class View:
    """A view as it stands. The owner of a shared one may have been removed since."""

    id: str
    of: ViewOf
    name: str
    query: Query
    group_by: str | None
    columns: tuple[str, ...] | None
    shared: bool
    owner_id: str
    created_at: str
    updated_at: str

    @property
    def audience(self) -> str:
        """Who sees it: TENANT, or its owner's id."""
        return TENANT if self.shared else self.owner_id

    def public(self, error: Mapping[str, str] | None) -> dict[str, Any]:
        """Return the view as the API shows it; `error` is why the list refuses its query now."""
        return {
            "id": self.id,
            "object": "view",
            "name": self.name,
            "of": self.of,
            "query": self.query,
            "group_by": self.group_by,
            "columns": self.columns,
            "shared": self.shared,
            "owner_id": self.owner_id,
            "path": address(self.of, self.query),
            "error": error,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }
