"""What is being done: jobs, workers, reports, schedules, views, events, repeated requests."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    literal_column,
)

from cloudsealed.storage.schema.columns import blob, integer, metadata, text

jobs = Table(
    "jobs",
    metadata,
    text("tenant_id"),
    text("id"),
    text("kind"),
    text("subject"),
    text("status"),
    integer("attempts"),
    text("owner", null=True),
    integer("epoch"),
    text("until", null=True),
    text("error", null=True),
    text("created_at"),
    text("finished_at", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("jobs_status", "status", "kind", "id"),
    Index("jobs_subject", "tenant_id", "subject"),
)

workers = Table(  # the processes that do background work, and when each was last alive
    "workers",
    metadata,
    text("name"),
    text("started_at"),
    text("seen_at"),
    text("state"),
    PrimaryKeyConstraint("name"),
)

counts = Table(  # what workers counted, over all of them and for good
    "counts",
    metadata,
    text("name"),
    text("labels"),
    integer("value"),
    PrimaryKeyConstraint("name", "labels"),
)

reports = Table(
    "reports",
    metadata,
    text("tenant_id"),
    text("id"),
    text("kind"),
    text("status"),
    text("audit_id"),
    text("request"),
    text("created_at"),
    text("finished_at", null=True),
    text("expires_at", null=True),
    text("error", null=True),
    text("files"),
    text("progress", null=True),
    text("created_by", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("reports_tenant_status", "tenant_id", "status", "id"),
    Index("reports_tenant_kind", "tenant_id", "kind", "id"),
    Index("reports_tenant_audit", "tenant_id", "audit_id", "id"),
)

schedules = Table(
    "schedules",
    metadata,
    text("tenant_id"),
    text("id"),
    text("name"),
    text("cron"),
    text("timezone"),
    integer("enabled"),
    text("kind"),
    text("request"),
    text("created_at"),
    text("next_run_at", null=True),
    text("last_run_at", null=True),
    text("made_id", null=True),
    text("error", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "name", name="schedules_name"),
    Index("schedules_due", "tenant_id", "next_run_at"),
)

views = Table(  # `audience` is the only user who sees one, '' where the whole tenant does
    "views",
    metadata,
    text("tenant_id"),
    text("id"),
    text("noun"),
    text("name"),
    text("query"),
    text("group_by", null=True),
    text("columns", null=True),
    text("audience"),
    text("owner_id"),
    text("created_at"),
    text("updated_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "audience", "noun", "name", name="views_name"),
    Index("views_audience", "tenant_id", "audience", "id"),
)

simulations = Table(
    "simulations",
    metadata,
    text("tenant_id"),
    text("id"),
    text("status"),
    text("request"),
    text("created_at"),
    text("finished_at", null=True),
    text("results"),
    text("error", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("simulations_created", "created_at"),
)

_UNCHAINED: ColumnElement[Any] = literal_column("sequence IS NULL")
events = Table(  # triggers let none be removed, nor changed but for its place in the chain, once
    "events",
    metadata,
    text("tenant_id"),
    text("id"),
    text("category"),
    text("type"),
    text("subject"),
    text("created_at"),
    text("data"),
    text("actor_kind", null=True),
    text("user_id", null=True),
    text("user_name", null=True),
    text("user_email", null=True),
    text("credential_id", null=True),
    text("credential_name", null=True),
    text("ip", null=True),
    text("request_id", null=True),
    text("before", null=True),
    text("after", null=True),
    integer("sequence", null=True),
    text("previous", null=True),
    text("hash", null=True),
    text("signature", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("events_category", "tenant_id", "category", "id"),
    Index("events_type", "tenant_id", "type", "id"),
    Index("events_subject", "tenant_id", "subject", "id"),
    Index("events_user", "tenant_id", "user_id", "id"),
    Index("events_credential", "tenant_id", "credential_id", "id"),
    Index("events_sequence", "tenant_id", "sequence", unique=True),
    Index(
        "events_unchained", "tenant_id", "id", sqlite_where=_UNCHAINED, postgresql_where=_UNCHAINED
    ),
)

idempotency = Table(
    "idempotency",
    metadata,
    text("tenant_id"),
    text("owner"),
    text("method"),
    text("path"),
    text("key"),
    text("request_digest"),
    text("created_at"),
    integer("status", null=True),
    text("headers", null=True),
    blob("body", null=True),
    PrimaryKeyConstraint("tenant_id", "owner", "method", "path", "key"),
)
