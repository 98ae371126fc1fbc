"""Every table, once, for SQLite and PostgreSQL. Statements live in the nouns' stores.

Times are RFC 3339 text with milliseconds, so they sort as text and are the public form; truth
values are 0 and 1; documents are the stored bytes of public JSON. Every key begins with the
tenant, so that the tables can be sharded by it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData()


def _text() -> TypeEngine[str]:
    return Text().with_variant(Text(collation="C"), "postgresql")


def text(name: str, *, null: bool = False) -> Column[str]:
    """Return a text column that sorts by bytes on both databases."""
    return Column(name, _text(), nullable=null)


def integer(name: str, *, null: bool = False) -> Column[int]:
    """Return a 64-bit integer column."""
    return Column(name, BigInteger().with_variant(Integer(), "sqlite"), nullable=null)


def blob(name: str, *, null: bool = False) -> Column[bytes]:
    """Return a column of bytes."""
    return Column(name, LargeBinary(), nullable=null)


tenants = Table(
    "tenants", metadata,
    text("tenant_id"), text("name"), text("created_at"),
    PrimaryKeyConstraint("tenant_id"),
)  # fmt: skip

installation = Table(
    "installation", metadata,
    text("name"), text("value"),
    PrimaryKeyConstraint("name"),
)  # fmt: skip

users = Table(
    "users", metadata,
    text("tenant_id"), text("id"), text("email"), text("name"), text("role"),
    text("password_hash", null=True), text("created_at"), text("disabled_at", null=True),
    text("invitation_digest", null=True), text("invitation_expires_at", null=True), text("kind"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("email", name="users_email"),
    UniqueConstraint("invitation_digest", name="users_invitation"),
    Index("users_role", "tenant_id", "role", "id"),
    Index("users_kind", "tenant_id", "kind", "id"),
)  # fmt: skip

tokens = Table(
    "tokens", metadata,
    text("tenant_id"), text("id"), text("user_id"), text("name"), text("digest"), text("key_id"),
    text("scopes"), text("allowed_cidrs"), text("created_at"), text("expires_at"),
    text("revoked_at", null=True), text("last_used_at", null=True), text("last_used_ip", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("digest", name="tokens_digest"),
    Index("tokens_user", "tenant_id", "user_id", "id"),
)  # fmt: skip

oauth_apps = Table(
    "oauth_apps", metadata,
    text("tenant_id"), text("id"), text("client_id"), text("name"), integer("confidential"),
    text("secret_digest", null=True), text("previous_digest", null=True), text("previous_until", null=True),
    text("redirect_uris"), text("scopes"), text("audience"), text("created_at"), text("updated_at"),
    text("deleted_at", null=True), integer("device_flow"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("client_id", name="oauth_apps_client"),
)  # fmt: skip

oauth_grants = Table(  # what one user lets one app do, as they said last
    "oauth_grants", metadata,
    text("tenant_id"), text("id"), text("user_id"), text("client_id"), text("app_name"), text("scopes"),
    text("created_at"), text("redeemed_at", null=True), text("expires_at"),
    text("last_used_at", null=True), text("last_used_ip", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "user_id", "client_id", name="oauth_grants_app"),
    Index("oauth_grants_user", "tenant_id", "user_id", "id"),
    Index("oauth_grants_client", "client_id", "tenant_id"),
    Index("oauth_grants_expiry", "expires_at"),
)  # fmt: skip

oauth_codes = Table(  # one consent: its code, whose id names the family of tokens that it gave
    "oauth_codes", metadata,
    text("tenant_id"), text("id"), text("grant_id"), text("digest"), text("scopes"),
    text("redirect_uri"), integer("redirect_sent"), text("challenge", null=True),
    text("created_at"), text("redeemed_at", null=True), text("expires_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("digest", name="oauth_codes_digest"),
    Index("oauth_codes_grant", "tenant_id", "grant_id"),
    Index("oauth_codes_expiry", "expires_at"),
)  # fmt: skip

oauth_tokens = Table(
    "oauth_tokens", metadata,
    text("tenant_id"), text("id"), text("grant_id"), text("kind"), text("digest"), text("scopes"),
    text("created_at"), text("expires_at"), text("consumed_at", null=True), text("family"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("digest", name="oauth_tokens_digest"),
    Index("oauth_tokens_grant", "tenant_id", "grant_id", "family"),
    Index("oauth_tokens_expiry", "expires_at"),
)  # fmt: skip

oauth_devices = Table(  # one question of a device; its tenant is the asking app's, '' for our own
    "oauth_devices", metadata,
    text("tenant_id"), text("id"), text("client_id"), text("device_digest"), text("user_digest"),
    text("scopes"), text("asked_ip"), text("created_at"), text("expires_at"), integer("pause"),
    text("polled_at", null=True), text("decision", null=True), text("decided_at", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("device_digest", name="oauth_devices_device"),
    UniqueConstraint("user_digest", name="oauth_devices_user"),
    Index("oauth_devices_expiry", "expires_at"),
)  # fmt: skip

oauth_clients = Table(  # by what programs get tokens of a service account
    "oauth_clients", metadata,
    text("tenant_id"), text("id"), text("user_id"), text("client_id"), text("name"), text("scopes"),
    text("keys"), text("secret_digest", null=True), text("previous_digest", null=True),
    text("previous_until", null=True), text("created_at"), text("updated_at"),
    text("deleted_at", null=True), text("last_used_at", null=True), text("last_used_ip", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("client_id", name="oauth_clients_client"),
    Index("oauth_clients_user", "tenant_id", "user_id", "id"),
)  # fmt: skip

oauth_client_tokens = Table(
    "oauth_client_tokens", metadata,
    text("tenant_id"), text("id"), text("client"), text("digest"), text("scopes"),
    text("created_at"), text("expires_at"), text("revoked_at", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("digest", name="oauth_client_tokens_digest"),
    Index("oauth_client_tokens_expiry", "expires_at"),
)  # fmt: skip

oauth_assertions = Table(  # the JWTs that clients proved themselves by, so that none is used twice
    "oauth_assertions", metadata,
    text("tenant_id"), text("client"), text("digest"), text("expires_at"),
    PrimaryKeyConstraint("tenant_id", "client", "digest"),
    Index("oauth_assertions_expiry", "expires_at"),
)  # fmt: skip

sessions = Table(
    "sessions", metadata,
    text("tenant_id"), text("id"), text("user_id"), text("digest"), text("created_at"),
    text("last_seen_at"), text("expires_at"), text("confirmed_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("digest", name="sessions_digest"),
    Index("sessions_user", "tenant_id", "user_id"),
    Index("sessions_expiry", "expires_at"),
)  # fmt: skip

connections = Table(
    "connections", metadata,
    text("tenant_id"), text("id"), text("provider"), text("name"), text("method"),
    text("account", null=True), text("role_arn", null=True), text("external_id", null=True),
    text("regions", null=True), text("created_at"), text("deleted_at", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "name", name="connections_name"),
)  # fmt: skip

objects = Table(  # content-addressed, compressed: provider answers, snapshots, blocks
    "objects", metadata,
    text("tenant_id"), text("digest"), text("used_in"), blob("data"),  # used_in: a month, 2026-11
    PrimaryKeyConstraint("tenant_id", "digest"),
    Index("objects_used", "tenant_id", "used_in"),
)  # fmt: skip

resources = Table(
    "resources", metadata,
    text("tenant_id"), text("id"), text("connection_id"), text("provider"), text("account"),
    text("region"), text("type"), text("native_id"), text("name", null=True), text("state"),
    text("snapshot"), text("observed_at"), text("audit_id"), text("first_seen_at"), text("last_seen_at"),
    blob("doc"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "provider", "account", "region", "type", "native_id", name="resources_identity"),
    Index("resources_type", "tenant_id", "type", "id"),
    Index("resources_connection", "tenant_id", "connection_id", "id"),
    Index("resources_account", "tenant_id", "account", "id"),
    Index("resources_region", "tenant_id", "region", "id"),
    Index("resources_state", "tenant_id", "state", "id"),
    Index("resources_native_id", "tenant_id", "native_id", "id"),
    Index("resources_audit", "tenant_id", "audit_id"),
    Index("resources_provider", "tenant_id", "provider"),
)  # fmt: skip

resource_tags = Table(
    "resource_tags", metadata,
    text("tenant_id"), text("key"), text("value"), text("resource_id"),
    PrimaryKeyConstraint("tenant_id", "resource_id", "key"),
    Index("resource_tags_pair", "tenant_id", "key", "value", "resource_id"),
    Index("resource_tags_key", "tenant_id", "key", "resource_id"),
    Index("resource_tags_value", "tenant_id", "value"),
)  # fmt: skip

policies = Table(
    "policies", metadata,
    text("tenant_id"), text("id"), text("key"), text("kind"), text("source"), text("dimension", null=True),
    text("severity", null=True), text("provider"), integer("enabled"), integer("version"),
    text("spec"), text("params"), text("created_at"), text("updated_at"), text("applied_at", null=True),
    text("deleted_at", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "key", name="policies_key"),
    Index("policies_kind", "tenant_id", "kind", "id"),
    Index("policies_source", "tenant_id", "source", "id"),
    Index("policies_severity", "tenant_id", "severity", "id"),
    Index("policies_dimension", "tenant_id", "dimension", "id"),
)  # fmt: skip

policy_versions = Table(
    "policy_versions", metadata,
    text("tenant_id"), text("policy_id"), integer("version"), text("digest"), text("spec"), text("created_at"),
    PrimaryKeyConstraint("tenant_id", "policy_id", "version"),
)  # fmt: skip

audits = Table(
    "audits", metadata,
    text("tenant_id"), text("id"), text("kind"), text("status"), text("parent_id", null=True),
    text("source_id"), text("request"), text("plan", null=True), text("policy_set"),
    text("created_at"), text("started_at", null=True), text("finished_at", null=True),
    text("progress"), text("result", null=True), text("error", null=True),
    text("verdict_digest", null=True), integer("cancel_requested"), text("lease_owner", null=True),
    integer("lease_epoch"), text("lease_until", null=True), text("deleted_at", null=True),
    text("expired_at", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("audits_tenant_status", "tenant_id", "status", "id"),
    Index("audits_tenant_kind", "tenant_id", "kind", "id"),
    Index("audits_parent", "tenant_id", "parent_id"),
)  # fmt: skip

seals = Table(  # one chain a tenant: the sequence has no gap and no fork
    "seals", metadata,
    text("tenant_id"), integer("sequence"), text("audit_id"), text("digest"), blob("envelope"),
    PrimaryKeyConstraint("tenant_id", "sequence"),
    UniqueConstraint("tenant_id", "audit_id", name="seals_audit"),
)  # fmt: skip

seal_rows = Table(  # an audit's Merkle tree, level 0 the leaf hashes: what a proof is made from
    "seal_rows", metadata,
    text("tenant_id"), text("audit_id"), integer("level"), integer("number"), blob("hashes"),
    PrimaryKeyConstraint("tenant_id", "audit_id", "level", "number"),
)  # fmt: skip

calls = Table(  # the ledger
    "calls", metadata,
    text("tenant_id"), text("audit_id"), text("provider"), text("account"), text("region"),
    text("service"), text("operation"), text("parameters"), integer("page"),
    text("outcome"), integer("attempts"), integer("duration_ms"), text("request_id", null=True),
    integer("http_status", null=True), text("error_code", null=True), text("error_message", null=True),
    text("digest", null=True), text("called_at"),
    PrimaryKeyConstraint(
        "tenant_id", "audit_id", "provider", "account", "region", "service", "operation", "parameters", "page"
    ),
)  # fmt: skip

audit_blocks = Table(  # snapshots, observations and failing findings of one audit, immutable
    "audit_blocks", metadata,
    text("tenant_id"), text("audit_id"), text("kind"), text("account"), text("region"), text("key"),
    text("digest"), integer("lines"), text("header"),
    PrimaryKeyConstraint("tenant_id", "audit_id", "kind", "account", "region", "key"),
)  # fmt: skip

findings = Table(
    "findings", metadata,
    text("tenant_id"), text("id"), text("fingerprint"), text("policy_id"), integer("policy_version"),
    text("resource_id"), text("connection_id"), text("provider"), text("account"), text("region"),
    text("resource_type"), text("dimension"), text("name", null=True), integer("severity"),
    integer("base_severity"), text("status"), text("resolution", null=True), text("triage", null=True),
    text("last_observation"), text("audit_id"), text("observed_at"),
    text("decided_by"), text("looked_at"), text("looked_by"), text("first_seen_at"),
    text("last_seen_at"), text("resolved_at", null=True),
    text("resolved_by", null=True), integer("monthly_savings"), blob("doc"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "fingerprint", name="findings_fingerprint"),
    Index("findings_cell", "tenant_id", "policy_id", "account", "region"),
    Index("findings_severity", "tenant_id", "severity", "id"),
    Index("findings_status", "tenant_id", "status", "id"),
    Index("findings_dimension", "tenant_id", "dimension", "id"),
    Index("findings_policy", "tenant_id", "policy_id", "id"),
    Index("findings_resource", "tenant_id", "resource_id", "id"),
    Index("findings_connection", "tenant_id", "connection_id", "id"),
    Index("findings_account", "tenant_id", "account", "id"),
    Index("findings_triage", "tenant_id", "triage", "id"),
    Index("findings_last_seen", "tenant_id", "last_seen_at", "id"),
    Index("findings_savings", "tenant_id", "monthly_savings", "id"),
    Index("findings_severity_last_seen", "tenant_id", "severity", "last_seen_at", "id"),
    Index("findings_severity_savings", "tenant_id", "severity", "monthly_savings", "id"),
    Index("findings_status_severity", "tenant_id", "status", "severity", "id"),
    Index("findings_status_last_seen", "tenant_id", "status", "last_seen_at", "id"),
    Index("findings_status_savings", "tenant_id", "status", "monthly_savings", "id"),
)  # fmt: skip

finding_texts = Table(  # what findings are searched by; its index of parts is made by migration 0006
    "finding_texts", metadata,
    text("tenant_id"), text("finding_id"), integer("number"), text("text"),
    PrimaryKeyConstraint("tenant_id", "finding_id"),
    Index("finding_texts_number", "tenant_id", "number"),
)  # fmt: skip

finding_counts = Table(  # how many findings are of one kind; triage '' is none
    "finding_counts", metadata,
    text("tenant_id"), text("status"), text("dimension"), integer("severity"), text("account"),
    text("region"), text("resource_type"), text("policy_id"), text("connection_id"),
    text("provider"), text("triage"), integer("count"),
    PrimaryKeyConstraint(
        "tenant_id", "status", "dimension", "severity", "account", "region", "resource_type",
        "policy_id", "connection_id", "provider", "triage",
    ),
    Index("finding_counts_resource_type", "tenant_id", "resource_type"),
    Index("finding_counts_region", "tenant_id", "region"),
    Index("finding_counts_provider", "tenant_id", "provider"),
    Index("finding_counts_policy", "tenant_id", "policy_id"),
    sqlite_with_rowid=False,
)  # fmt: skip

cells = Table(  # which audits have spoken for a policy in an account and region, and of when
    "cells", metadata,
    text("tenant_id"), text("policy_id"), text("account"), text("region"), text("audit_id"),
    text("observed_at"),
    PrimaryKeyConstraint("tenant_id", "policy_id", "account", "region", "audit_id"),
)  # fmt: skip

episodes = Table(
    "episodes", metadata,
    text("tenant_id"), text("finding_id"), integer("sequence"), text("outcome"), integer("severity"),
    text("first_audit_id"), text("last_audit_id"), text("first_at"), text("last_at"),
    PrimaryKeyConstraint("tenant_id", "finding_id", "sequence"),
)  # fmt: skip

jobs = Table(
    "jobs", metadata,
    text("tenant_id"), text("id"), text("kind"), text("subject"), text("status"), integer("attempts"),
    text("owner", null=True), integer("epoch"), text("until", null=True), text("error", null=True),
    text("created_at"), text("finished_at", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("jobs_status", "status", "kind", "id"),
    Index("jobs_subject", "tenant_id", "subject"),
)  # fmt: skip

workers = Table(  # the processes that do background work, and when each was last alive
    "workers", metadata,
    text("name"), text("started_at"), text("seen_at"), text("state"),
    PrimaryKeyConstraint("name"),
)  # fmt: skip

counts = Table(  # what workers counted, over all of them and for good
    "counts", metadata,
    text("name"), text("labels"), integer("value"),
    PrimaryKeyConstraint("name", "labels"),
)  # fmt: skip

reports = Table(
    "reports", metadata,
    text("tenant_id"), text("id"), text("kind"), text("status"), text("audit_id"), text("request"),
    text("created_at"), text("finished_at", null=True), text("expires_at", null=True),
    text("error", null=True), text("files"), text("progress", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("reports_tenant_status", "tenant_id", "status", "id"),
    Index("reports_tenant_kind", "tenant_id", "kind", "id"),
    Index("reports_tenant_audit", "tenant_id", "audit_id", "id"),
)  # fmt: skip

schedules = Table(
    "schedules", metadata,
    text("tenant_id"), text("id"), text("name"), text("cron"), text("timezone"), integer("enabled"),
    text("kind"), text("request"), text("created_at"), text("next_run_at", null=True),
    text("last_run_at", null=True), text("made_id", null=True), text("error", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "name", name="schedules_name"),
    Index("schedules_due", "tenant_id", "next_run_at"),
)  # fmt: skip

simulations = Table(
    "simulations", metadata,
    text("tenant_id"), text("id"), text("status"), text("request"), text("created_at"),
    text("finished_at", null=True), text("results"), text("error", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("simulations_created", "created_at"),
)  # fmt: skip

events = Table(
    "events", metadata,
    text("tenant_id"), text("id"), text("category"), text("type"), text("subject"),
    text("created_at"), text("data"),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("events_category", "tenant_id", "category", "id"),
    Index("events_type", "tenant_id", "type", "id"),
    Index("events_subject", "tenant_id", "subject", "id"),
)  # fmt: skip

idempotency = Table(
    "idempotency", metadata,
    text("tenant_id"), text("owner"), text("method"), text("path"), text("key"), text("request_digest"),
    text("created_at"), integer("status", null=True), text("headers", null=True), blob("body", null=True),
    PrimaryKeyConstraint("tenant_id", "owner", "method", "path", "key"),
)  # fmt: skip
