"""The first tables.

Revision: 0001, after None.
"""

# A column a line would hide the tables:
# fmt: off
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BYTES = sa.LargeBinary()


def _columns(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    """Return columns; a name that ends in ? may be null."""
    return [sa.Column(name.rstrip("?"), kind, nullable=name.endswith("?")) for name in names]


def upgrade() -> None:
    """Make every table and index."""
    op.create_table(
        "audit_blocks",
        *_columns(TEXT, "tenant_id", "audit_id", "kind", "account", "region", "key", "digest"),
        *_columns(INTEGER, "lines"),
        *_columns(TEXT, "header"),
        sa.PrimaryKeyConstraint("tenant_id", "audit_id", "kind", "account", "region", "key"),
    )
    op.create_table(
        "audits",
        *_columns(
            TEXT, "tenant_id", "id", "kind", "status", "parent_id?", "source_id", "request",
            "plan?", "policy_set", "created_at", "started_at?", "finished_at?", "progress",
            "result?", "error?", "verdict_digest?",
        ),
        *_columns(INTEGER, "cancel_requested"),
        *_columns(TEXT, "lease_owner?"),
        *_columns(INTEGER, "lease_epoch"),
        *_columns(TEXT, "lease_until?", "deleted_at?", "expired_at?"),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("audits_tenant_kind", "audits", ["tenant_id", "kind", "id"])
    op.create_index("audits_tenant_status", "audits", ["tenant_id", "status", "id"])
    op.create_table(
        "calls",
        *_columns(
            TEXT, "tenant_id", "audit_id", "provider", "account", "region", "service",
            "operation", "parameters",
        ),
        *_columns(INTEGER, "page"),
        *_columns(TEXT, "outcome"),
        *_columns(INTEGER, "attempts", "duration_ms"),
        *_columns(TEXT, "request_id?"),
        *_columns(INTEGER, "http_status?"),
        *_columns(TEXT, "error_code?", "error_message?", "digest?", "called_at"),
        sa.PrimaryKeyConstraint("tenant_id", "audit_id", "provider", "account", "region", "service", "operation", "parameters", "page"),
    )
    op.create_table(
        "cells",
        *_columns(TEXT, "tenant_id", "policy_id", "account", "region", "audit_id", "observed_at"),
        sa.PrimaryKeyConstraint("tenant_id", "policy_id", "account", "region", "audit_id"),
    )
    op.create_table(
        "connections",
        *_columns(
            TEXT, "tenant_id", "id", "provider", "name", "method", "account?", "role_arn?",
            "external_id?", "regions?", "created_at", "deleted_at?",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "name", name="connections_name"),
    )
    op.create_table(
        "episodes",
        *_columns(TEXT, "tenant_id", "finding_id"),
        *_columns(INTEGER, "sequence"),
        *_columns(TEXT, "outcome"),
        *_columns(INTEGER, "severity"),
        *_columns(TEXT, "first_audit_id", "last_audit_id", "first_at", "last_at"),
        sa.PrimaryKeyConstraint("tenant_id", "finding_id", "sequence"),
    )
    op.create_table(
        "events",
        *_columns(TEXT, "tenant_id", "id", "category", "type", "subject", "created_at", "data"),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("events_category", "events", ["tenant_id", "category", "id"])
    op.create_index("events_subject", "events", ["tenant_id", "subject", "id"])
    op.create_index("events_type", "events", ["tenant_id", "type", "id"])
    op.create_table(
        "findings",
        *_columns(TEXT, "tenant_id", "id", "fingerprint", "policy_id"),
        *_columns(INTEGER, "policy_version"),
        *_columns(
            TEXT, "resource_id", "connection_id", "provider", "account", "region",
            "resource_type", "dimension", "name?",
        ),
        *_columns(INTEGER, "severity", "base_severity"),
        *_columns(
            TEXT, "status", "resolution?", "triage?", "last_observation", "audit_id",
            "observed_at", "decided_by", "looked_at", "looked_by", "first_seen_at",
            "last_seen_at", "resolved_at?", "resolved_by?",
        ),
        *_columns(INTEGER, "monthly_savings"),
        *_columns(BYTES, "doc"),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "fingerprint", name="findings_fingerprint"),
    )
    op.create_index("findings_account", "findings", ["tenant_id", "account", "id"])
    op.create_index("findings_cell", "findings", ["tenant_id", "policy_id", "account", "region"])
    op.create_index("findings_connection", "findings", ["tenant_id", "connection_id", "id"])
    op.create_index("findings_dimension", "findings", ["tenant_id", "dimension", "id"])
    op.create_index("findings_last_seen", "findings", ["tenant_id", "last_seen_at", "id"])
    op.create_index("findings_policy", "findings", ["tenant_id", "policy_id", "id"])
    op.create_index("findings_resource", "findings", ["tenant_id", "resource_id", "id"])
    op.create_index("findings_savings", "findings", ["tenant_id", "monthly_savings", "id"])
    op.create_index("findings_severity", "findings", ["tenant_id", "severity", "id"])
    op.create_index("findings_severity_last_seen", "findings", ["tenant_id", "severity", "last_seen_at", "id"])
    op.create_index("findings_severity_savings", "findings", ["tenant_id", "severity", "monthly_savings", "id"])
    op.create_index("findings_status", "findings", ["tenant_id", "status", "id"])
    op.create_index("findings_status_last_seen", "findings", ["tenant_id", "status", "last_seen_at", "id"])
    op.create_index("findings_status_savings", "findings", ["tenant_id", "status", "monthly_savings", "id"])
    op.create_index("findings_status_severity", "findings", ["tenant_id", "status", "severity", "id"])
    op.create_index("findings_triage", "findings", ["tenant_id", "triage", "id"])
    op.create_table(
        "idempotency",
        *_columns(
            TEXT, "tenant_id", "owner", "method", "path", "key", "request_digest", "created_at",
        ),
        *_columns(INTEGER, "status?"),
        *_columns(TEXT, "headers?"),
        *_columns(BYTES, "body?"),
        sa.PrimaryKeyConstraint("tenant_id", "owner", "method", "path", "key"),
    )
    op.create_table(
        "installation",
        *_columns(TEXT, "name", "value"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "jobs",
        *_columns(TEXT, "tenant_id", "id", "kind", "subject", "status"),
        *_columns(INTEGER, "attempts"),
        *_columns(TEXT, "owner?"),
        *_columns(INTEGER, "epoch"),
        *_columns(TEXT, "until?", "error?", "created_at", "finished_at?"),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("jobs_status", "jobs", ["status", "kind", "id"])
    op.create_index("jobs_subject", "jobs", ["tenant_id", "subject"])
    op.create_table(
        "oauth_apps",
        *_columns(TEXT, "tenant_id", "id", "client_id", "name"),
        *_columns(INTEGER, "confidential"),
        *_columns(
            TEXT, "secret_digest?", "previous_digest?", "previous_until?", "redirect_uris",
            "scopes", "audience", "created_at", "updated_at", "deleted_at?",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("client_id", name="oauth_apps_client"),
    )
    op.create_table(
        "oauth_grants",
        *_columns(
            TEXT, "tenant_id", "id", "user_id", "client_id", "app_name", "scopes", "code_digest",
            "redirect_uri",
        ),
        *_columns(INTEGER, "redirect_sent"),
        *_columns(
            TEXT, "challenge?", "created_at", "redeemed_at?", "revoked_at?", "expires_at",
            "last_used_at?", "last_used_ip?",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("code_digest", name="oauth_grants_code"),
    )
    op.create_index("oauth_grants_expiry", "oauth_grants", ["expires_at"])
    op.create_index("oauth_grants_user", "oauth_grants", ["tenant_id", "user_id", "id"])
    op.create_table(
        "oauth_tokens",
        *_columns(
            TEXT, "tenant_id", "id", "grant_id", "kind", "digest", "scopes", "created_at",
            "expires_at", "consumed_at?",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("digest", name="oauth_tokens_digest"),
    )
    op.create_index("oauth_tokens_expiry", "oauth_tokens", ["expires_at"])
    op.create_table(
        "objects",
        *_columns(TEXT, "tenant_id", "digest", "used_in"),
        *_columns(BYTES, "data"),
        sa.PrimaryKeyConstraint("tenant_id", "digest"),
    )
    op.create_index("objects_used", "objects", ["tenant_id", "used_in"])
    op.create_table(
        "policies",
        *_columns(
            TEXT, "tenant_id", "id", "key", "kind", "source", "dimension?", "severity?",
            "provider",
        ),
        *_columns(INTEGER, "enabled", "version"),
        *_columns(
            TEXT, "spec", "params", "created_at", "updated_at", "applied_at?", "deleted_at?",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "key", name="policies_key"),
    )
    op.create_index("policies_dimension", "policies", ["tenant_id", "dimension", "id"])
    op.create_index("policies_kind", "policies", ["tenant_id", "kind", "id"])
    op.create_index("policies_severity", "policies", ["tenant_id", "severity", "id"])
    op.create_index("policies_source", "policies", ["tenant_id", "source", "id"])
    op.create_table(
        "policy_versions",
        *_columns(TEXT, "tenant_id", "policy_id"),
        *_columns(INTEGER, "version"),
        *_columns(TEXT, "digest", "spec", "created_at"),
        sa.PrimaryKeyConstraint("tenant_id", "policy_id", "version"),
    )
    op.create_table(
        "reports",
        *_columns(
            TEXT, "tenant_id", "id", "kind", "status", "audit_id", "request", "created_at",
            "finished_at?", "expires_at?", "error?", "files", "progress?",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("reports_tenant_audit", "reports", ["tenant_id", "audit_id", "id"])
    op.create_index("reports_tenant_kind", "reports", ["tenant_id", "kind", "id"])
    op.create_index("reports_tenant_status", "reports", ["tenant_id", "status", "id"])
    op.create_table(
        "resource_tags",
        *_columns(TEXT, "tenant_id", "key", "value", "resource_id"),
        sa.PrimaryKeyConstraint("tenant_id", "resource_id", "key"),
    )
    op.create_index("resource_tags_key", "resource_tags", ["tenant_id", "key", "resource_id"])
    op.create_index("resource_tags_pair", "resource_tags", ["tenant_id", "key", "value", "resource_id"])
    op.create_table(
        "resources",
        *_columns(
            TEXT, "tenant_id", "id", "connection_id", "provider", "account", "region", "type",
            "native_id", "name?", "state", "snapshot", "observed_at", "audit_id", "first_seen_at",
            "last_seen_at",
        ),
        *_columns(BYTES, "doc"),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "provider", "account", "region", "type", "native_id", name="resources_identity"),
    )
    op.create_index("resources_account", "resources", ["tenant_id", "account", "id"])
    op.create_index("resources_connection", "resources", ["tenant_id", "connection_id", "id"])
    op.create_index("resources_native_id", "resources", ["tenant_id", "native_id", "id"])
    op.create_index("resources_region", "resources", ["tenant_id", "region", "id"])
    op.create_index("resources_state", "resources", ["tenant_id", "state", "id"])
    op.create_index("resources_type", "resources", ["tenant_id", "type", "id"])
    op.create_table(
        "schedules",
        *_columns(TEXT, "tenant_id", "id", "name", "cron", "timezone"),
        *_columns(INTEGER, "enabled"),
        *_columns(
            TEXT, "kind", "request", "created_at", "next_run_at?", "last_run_at?", "made_id?",
            "error?",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "name", name="schedules_name"),
    )
    op.create_index("schedules_due", "schedules", ["tenant_id", "next_run_at"])
    op.create_table(
        "seals",
        *_columns(TEXT, "tenant_id"),
        *_columns(INTEGER, "sequence"),
        *_columns(TEXT, "audit_id", "digest"),
        *_columns(BYTES, "envelope"),
        sa.PrimaryKeyConstraint("tenant_id", "sequence"),
        sa.UniqueConstraint("tenant_id", "audit_id", name="seals_audit"),
    )
    op.create_table(
        "seal_rows",
        *_columns(TEXT, "tenant_id", "audit_id"),
        *_columns(INTEGER, "level", "number"),
        *_columns(BYTES, "hashes"),
        sa.PrimaryKeyConstraint("tenant_id", "audit_id", "level", "number"),
    )
    op.create_table(
        "sessions",
        *_columns(
            TEXT, "tenant_id", "id", "user_id", "digest", "created_at", "last_seen_at",
            "expires_at", "confirmed_at",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("digest", name="sessions_digest"),
    )
    op.create_index("sessions_expiry", "sessions", ["expires_at"])
    op.create_index("sessions_user", "sessions", ["tenant_id", "user_id"])
    op.create_table(
        "simulations",
        *_columns(
            TEXT, "tenant_id", "id", "status", "request", "created_at", "finished_at?", "results",
            "error?",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("simulations_created", "simulations", ["created_at"])
    op.create_table(
        "tenants",
        *_columns(TEXT, "tenant_id", "name", "created_at"),
        sa.PrimaryKeyConstraint("tenant_id"),
    )
    op.create_table(
        "tokens",
        *_columns(
            TEXT, "tenant_id", "id", "user_id", "name", "digest", "key_id", "scopes",
            "allowed_cidrs", "created_at", "expires_at", "revoked_at?", "last_used_at?",
            "last_used_ip?",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("digest", name="tokens_digest"),
    )
    op.create_index("tokens_user", "tokens", ["tenant_id", "user_id", "id"])
    op.create_table(
        "users",
        *_columns(
            TEXT, "tenant_id", "id", "email", "name", "role", "password_hash?", "created_at",
            "disabled_at?", "invitation_digest?", "invitation_expires_at?",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("email", name="users_email"),
        sa.UniqueConstraint("invitation_digest", name="users_invitation"),
    )
    op.create_index("users_role", "users", ["tenant_id", "role", "id"])


def downgrade() -> None:
    """Drop every table."""
    op.drop_table("users")
    op.drop_table("tokens")
    op.drop_table("tenants")
    op.drop_table("simulations")
    op.drop_table("sessions")
    op.drop_table("seals")
    op.drop_table("seal_rows")
    op.drop_table("schedules")
    op.drop_table("resources")
    op.drop_table("resource_tags")
    op.drop_table("reports")
    op.drop_table("policy_versions")
    op.drop_table("policies")
    op.drop_table("objects")
    op.drop_table("oauth_tokens")
    op.drop_table("oauth_grants")
    op.drop_table("oauth_apps")
    op.drop_table("jobs")
    op.drop_table("installation")
    op.drop_table("idempotency")
    op.drop_table("findings")
    op.drop_table("events")
    op.drop_table("episodes")
    op.drop_table("connections")
    op.drop_table("cells")
    op.drop_table("calls")
    op.drop_table("audits")
    op.drop_table("audit_blocks")
