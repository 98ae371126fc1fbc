"""Who may do what: tenants, users, their tokens and sessions, apps and programs."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table, UniqueConstraint

from cloudsealed.storage.schema.columns import integer, metadata, text

tenants = Table(
    "tenants",
    metadata,
    text("tenant_id"),
    text("name"),
    text("created_at"),
    PrimaryKeyConstraint("tenant_id"),
)

installation = Table(
    "installation", metadata, text("name"), text("value"), PrimaryKeyConstraint("name")
)

users = Table(
    "users",
    metadata,
    text("tenant_id"),
    text("id"),
    text("email"),
    text("name"),
    text("role"),
    text("password_hash", null=True),
    text("created_at"),
    text("disabled_at", null=True),
    text("invitation_digest", null=True),
    text("invitation_expires_at", null=True),
    text("kind"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("email", name="users_email"),
    UniqueConstraint("invitation_digest", name="users_invitation"),
    Index("users_role", "tenant_id", "role", "id"),
    Index("users_kind", "tenant_id", "kind", "id"),
)

tokens = Table(
    "tokens",
    metadata,
    text("tenant_id"),
    text("id"),
    text("user_id"),
    text("name"),
    text("digest"),
    text("key_id"),
    text("scopes"),
    text("allowed_cidrs"),
    text("created_at"),
    text("expires_at"),
    text("revoked_at", null=True),
    text("last_used_at", null=True),
    text("last_used_ip", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("digest", name="tokens_digest"),
    Index("tokens_user", "tenant_id", "user_id", "id"),
)

oauth_apps = Table(
    "oauth_apps",
    metadata,
    text("tenant_id"),
    text("id"),
    text("client_id"),
    text("name"),
    integer("confidential"),
    text("secret_digest", null=True),
    text("previous_digest", null=True),
    text("previous_until", null=True),
    text("redirect_uris"),
    text("scopes"),
    text("audience"),
    text("created_at"),
    text("updated_at"),
    text("deleted_at", null=True),
    integer("device_flow"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("client_id", name="oauth_apps_client"),
)

oauth_grants = Table(  # what one user lets one app do, as they said last
    "oauth_grants",
    metadata,
    text("tenant_id"),
    text("id"),
    text("user_id"),
    text("client_id"),
    text("app_name"),
    text("scopes"),
    text("created_at"),
    text("redeemed_at", null=True),
    text("expires_at"),
    text("last_used_at", null=True),
    text("last_used_ip", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "user_id", "client_id", name="oauth_grants_app"),
    Index("oauth_grants_user", "tenant_id", "user_id", "id"),
    Index("oauth_grants_client", "client_id", "tenant_id"),
    Index("oauth_grants_expiry", "expires_at"),
)

oauth_codes = Table(  # one consent: its code, whose id names the family of tokens that it gave
    "oauth_codes",
    metadata,
    text("tenant_id"),
    text("id"),
    text("grant_id"),
    text("digest"),
    text("scopes"),
    text("redirect_uri"),
    integer("redirect_sent"),
    text("challenge", null=True),
    text("created_at"),
    text("redeemed_at", null=True),
    text("expires_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("digest", name="oauth_codes_digest"),
    Index("oauth_codes_grant", "tenant_id", "grant_id"),
    Index("oauth_codes_expiry", "expires_at"),
)

oauth_tokens = Table(
    "oauth_tokens",
    metadata,
    text("tenant_id"),
    text("id"),
    text("grant_id"),
    text("kind"),
    text("digest"),
    text("scopes"),
    text("created_at"),
    text("expires_at"),
    text("consumed_at", null=True),
    text("family"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("digest", name="oauth_tokens_digest"),
    Index("oauth_tokens_grant", "tenant_id", "grant_id", "family"),
    Index("oauth_tokens_expiry", "expires_at"),
)

oauth_devices = Table(  # one question of a device; its tenant is the asking app's, '' for our own
    "oauth_devices",
    metadata,
    text("tenant_id"),
    text("id"),
    text("client_id"),
    text("device_digest"),
    text("user_digest"),
    text("scopes"),
    text("asked_ip"),
    text("created_at"),
    text("expires_at"),
    integer("pause"),
    text("polled_at", null=True),
    text("decision", null=True),
    text("decided_at", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("device_digest", name="oauth_devices_device"),
    UniqueConstraint("user_digest", name="oauth_devices_user"),
    Index("oauth_devices_expiry", "expires_at"),
)

oauth_clients = Table(  # by what programs get tokens of a service account
    "oauth_clients",
    metadata,
    text("tenant_id"),
    text("id"),
    text("user_id"),
    text("client_id"),
    text("name"),
    text("scopes"),
    text("keys"),
    text("secret_digest", null=True),
    text("previous_digest", null=True),
    text("previous_until", null=True),
    text("created_at"),
    text("updated_at"),
    text("deleted_at", null=True),
    text("last_used_at", null=True),
    text("last_used_ip", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("client_id", name="oauth_clients_client"),
    Index("oauth_clients_user", "tenant_id", "user_id", "id"),
)

oauth_client_tokens = Table(
    "oauth_client_tokens",
    metadata,
    text("tenant_id"),
    text("id"),
    text("client"),
    text("digest"),
    text("scopes"),
    text("created_at"),
    text("expires_at"),
    text("revoked_at", null=True),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("digest", name="oauth_client_tokens_digest"),
    Index("oauth_client_tokens_expiry", "expires_at"),
)

oauth_assertions = Table(  # the JWTs that clients proved themselves by, so that none is used twice
    "oauth_assertions",
    metadata,
    text("tenant_id"),
    text("client"),
    text("digest"),
    text("expires_at"),
    PrimaryKeyConstraint("tenant_id", "client", "digest"),
    Index("oauth_assertions_expiry", "expires_at"),
)

sessions = Table(
    "sessions",
    metadata,
    text("tenant_id"),
    text("id"),
    text("user_id"),
    text("digest"),
    text("created_at"),
    text("last_seen_at"),
    text("expires_at"),
    text("confirmed_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("digest", name="sessions_digest"),
    Index("sessions_user", "tenant_id", "user_id"),
    Index("sessions_expiry", "expires_at"),
)
