"""What surrounds every view: where people go from it, as far as they may."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cloudsealed.auth.model import Scope
from cloudsealed.console.language import worded


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation: its path, its query at first, its words, and what it needs."""

    path: str
    label: str
    icon: str
    needs: Scope | None = None
    query: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that belong together; the first group has no words."""

    label: str
    places: Sequence[Place]


_GROUPS = (
    Group(
        "",
        (
            Place("/overview", worded("Overview"), "overview", Scope.FINDINGS_READ),
            Place(
                "/findings",
                worded("Findings"),
                "findings",
                Scope.FINDINGS_READ,
                "status=open&sort=-severity",
            ),
            Place("/resources", worded("Resources"), "resources", Scope.RESOURCES_READ),
            Place("/audits", worded("Audits"), "audits", Scope.AUDITS_READ),
            Place("/policies", worded("Policies"), "policies", Scope.POLICIES_READ),
        ),
    ),
    Group(
        worded("Set up"),
        (
            Place("/connections", worded("Connections"), "connections", Scope.CONNECTIONS_READ),
            Place("/schedules", worded("Schedules"), "schedules", Scope.SCHEDULES_READ),
        ),
    ),
    Group(
        worded("Evidence"),
        (
            Place("/frameworks", worded("Frameworks"), "frameworks", Scope.POLICIES_READ),
            Place("/reports", worded("Reports"), "reports", Scope.REPORTS_READ),
        ),
    ),
    Group(
        worded("Organisation"),
        (
            Place("/users", worded("Users"), "users", Scope.USERS_READ),
            Place("/events", worded("Events"), "events", Scope.EVENTS_READ),
            Place("/limits", worded("Limits"), "limits"),
        ),
    ),
    Group(
        worded("Your account"),
        (
            Place("/account", worded("Account"), "account"),
            Place("/account/tokens", worded("Tokens"), "tokens"),
            Place("/account/apps", worded("Apps"), "apps", Scope.APPS_WRITE),
            Place("/account/password", worded("Password"), "password"),
        ),
    ),
)


def shown_to(rights: Collection[Scope]) -> list[Group]:
    """Return the navigation of a visitor with these rights."""
    found = [
        Group(group.label, [p for p in group.places if p.needs is None or p.needs in rights])
        for group in _GROUPS
    ]
    return [group for group in found if group.places]
