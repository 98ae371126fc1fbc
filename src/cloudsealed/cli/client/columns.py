"""What the tables of people show of each object, the most wanted first: at the narrow end the last
are left out. An id is whole in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Column:
    """One column: where its value stands in the object, and whether it may take several lines."""

    path: str
    folds: bool = False

    @property
    def head(self) -> str:
        """What stands above it."""
        return self.path.rpartition(".")[2].removesuffix("_at").replace("_", " ").capitalize()


def _columns(*paths: str) -> tuple[Column, ...]:
    return tuple(Column(path.rstrip("~"), path.endswith("~")) for path in paths)


COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "finding": _columns(
        "id", "severity", "title~", "status", "resource.account", "resource.region", "dimension"
    ),
    "episode": _columns("sequence", "outcome", "severity", "first_at", "last_at", "last_audit_id"),
    "decision": _columns(
        "decided_at", "triage.state", "decided_by_name", "triage.expires_at", "triage.note~"
    ),
    "resource": _columns("id", "type", "name~", "account", "region", "state"),
    "resource_version": _columns("snapshot", "first_seen_at", "last_seen_at", "last_audit_id"),
    "audit": _columns("id", "status", "kind", "coverage", "created_at", "findings"),
    "call": _columns(
        "outcome", "service", "operation", "account", "region", "called_at", "error_message~"
    ),
    "policy": _columns("key", "severity", "title~", "dimension", "source", "enabled"),
    "policy_version": _columns("version", "created_at", "policy_id"),
    "report": _columns("id", "status", "kind", "audit_id", "created_at"),
    "connection": _columns("id", "name~", "provider", "account", "method", "created_at"),
    "schedule": _columns("id", "name~", "cron", "enabled", "next_run_at"),
    "view": _columns("id", "name~", "of", "shared", "path~", "updated_at"),
    "framework": _columns("key", "title~", "controls", "controls_with_policies", "provider"),
    "resource_type": _columns("type", "listed_by", "provider", "service"),
    "token": _columns("id", "name~", "expires_at", "last_used_at", "scopes~", "user_id"),
    "error_code": _columns("code", "status", "when~", "remedy~"),
    "user": _columns("id", "name~", "role", "status", "email~", "kind"),
    "event": _columns("id", "type", "subject", "created_at", "actor.name", "actor.ip"),
    "oauth_app": _columns("id", "name~", "client_id", "audience", "scopes~"),
    "oauth_installation": _columns("tenant_id", "users", "created_at", "last_used_at"),
    "oauth_grant": _columns("id", "app_name~", "user_id", "last_used_at", "scopes~"),
    "oauth_client": _columns("id", "name~", "client_id", "user_id", "last_used_at"),
}
"""By what an object says that it is; `~` marks a text that may be long."""
