"""Service accounts, their OAuth clients, and devices that ask for a login.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=null)


def upgrade() -> None:
    """Every user so far is a person, and no app asks by a device."""
    op.add_column("users", sa.Column("kind", TEXT, nullable=False, server_default="person"))
    op.create_index("users_kind", "users", ["tenant_id", "kind", "id"])
    op.add_column(
        "oauth_apps", sa.Column("device_flow", INTEGER, nullable=False, server_default="0")
    )
    op.create_table(
        "oauth_devices",
        _text("tenant_id"),
        _text("id"),
        _text("client_id"),
        _text("device_digest"),
        _text("user_digest"),
        _text("scopes"),
        _text("asked_ip"),
        _text("created_at"),
        _text("expires_at"),
        sa.Column("pause", INTEGER, nullable=False),
        _text("polled_at", null=True),
        _text("decision", null=True),
        _text("decided_at", null=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("device_digest", name="oauth_devices_device"),
        sa.UniqueConstraint("user_digest", name="oauth_devices_user"),
    )
    op.create_index("oauth_devices_expiry", "oauth_devices", ["expires_at"])
    op.create_table(
        "oauth_clients",
        _text("tenant_id"),
        _text("id"),
        _text("user_id"),
        _text("client_id"),
        _text("name"),
        _text("scopes"),
        _text("keys"),
        _text("secret_digest", null=True),
        _text("previous_digest", null=True),
        _text("previous_until", null=True),
        _text("created_at"),
        _text("updated_at"),
        _text("deleted_at", null=True),
        _text("last_used_at", null=True),
        _text("last_used_ip", null=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("client_id", name="oauth_clients_client"),
    )
    op.create_index("oauth_clients_user", "oauth_clients", ["tenant_id", "user_id", "id"])
    op.create_table(
        "oauth_client_tokens",
        _text("tenant_id"),
        _text("id"),
        _text("client"),
        _text("digest"),
        _text("scopes"),
        _text("created_at"),
        _text("expires_at"),
        _text("revoked_at", null=True),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("digest", name="oauth_client_tokens_digest"),
    )
    op.create_index("oauth_client_tokens_expiry", "oauth_client_tokens", ["expires_at"])
    op.create_table(
        "oauth_assertions",
        _text("tenant_id"),
        _text("client"),
        _text("digest"),
        _text("expires_at"),
        sa.PrimaryKeyConstraint("tenant_id", "client", "digest"),
    )
    op.create_index("oauth_assertions_expiry", "oauth_assertions", ["expires_at"])


def downgrade() -> None:
    """Drop them; service accounts go with what tells them from people."""
    for name in ("oauth_assertions", "oauth_client_tokens", "oauth_clients", "oauth_devices"):
        op.drop_table(name)
    with op.batch_alter_table("oauth_apps") as apps:
        apps.drop_column("device_flow")
    op.drop_index("users_kind", "users")
    op.execute("DELETE FROM users WHERE kind = 'service'")
    with op.batch_alter_table("users") as users:
        users.drop_column("kind")
