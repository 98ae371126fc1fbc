"""One grant a user and app, with the codes and families of tokens of each consent beside it.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CODE = (
    ("code_digest", TEXT, False),
    ("redirect_uri", TEXT, False),
    ("redirect_sent", INTEGER, False),
    ("challenge", TEXT, True),
    ("revoked_at", TEXT, True),
)

SAME = """FROM oauth_grants other WHERE other.tenant_id = oauth_grants.tenant_id
    AND other.user_id = oauth_grants.user_id AND other.client_id = oauth_grants.client_id"""
FORGOTTEN = (
    "DELETE FROM oauth_grants WHERE revoked_at IS NOT NULL OR redeemed_at IS NULL",
    """DELETE FROM oauth_tokens WHERE NOT EXISTS (SELECT 1 FROM oauth_grants
    WHERE oauth_grants.tenant_id = oauth_tokens.tenant_id
    AND oauth_grants.id = oauth_tokens.grant_id)""",
)
"""What was revoked, and the codes of the last minute."""
MERGED = (
    f"""INSERT INTO oauth_codes (tenant_id, id, grant_id, digest, scopes, redirect_uri,
    redirect_sent, challenge, created_at, redeemed_at, expires_at)
    SELECT tenant_id, id, (SELECT max(other.id) {SAME}), code_digest, scopes, redirect_uri,
    redirect_sent, challenge, created_at, redeemed_at, expires_at FROM oauth_grants""",  # noqa: S608 - no value is in it
    """UPDATE oauth_tokens SET family = grant_id, grant_id = (SELECT oauth_codes.grant_id
    FROM oauth_codes WHERE oauth_codes.tenant_id = oauth_tokens.tenant_id
    AND oauth_codes.id = oauth_tokens.grant_id)""",
    f"""UPDATE oauth_grants SET created_at = (SELECT min(other.created_at) {SAME}),
    expires_at = (SELECT max(other.expires_at) {SAME}),
    last_used_ip = (SELECT other.last_used_ip {SAME} AND other.last_used_at IS NOT NULL
    ORDER BY other.last_used_at DESC LIMIT 1),
    last_used_at = (SELECT max(other.last_used_at) {SAME})
    WHERE id = (SELECT max(other.id) {SAME})""",  # noqa: S608 - the same
    f"DELETE FROM oauth_grants WHERE id <> (SELECT max(other.id) {SAME})",  # noqa: S608 - the same
)
"""The newest consent's grant stays, with its scopes, and has the families of all."""


def upgrade() -> None:
    """Merge the grants of each user and app."""
    op.create_table(
        "oauth_codes",
        *(
            sa.Column(name, INTEGER if name == "redirect_sent" else TEXT, nullable=null)
            for name, null in (
                ("tenant_id", False),
                ("id", False),
                ("grant_id", False),
                ("digest", False),
                ("scopes", False),
                ("redirect_uri", False),
                ("redirect_sent", False),
                ("challenge", True),
                ("created_at", False),
                ("redeemed_at", True),
                ("expires_at", False),
            )
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("digest", name="oauth_codes_digest"),
    )
    op.add_column("oauth_tokens", sa.Column("family", TEXT, nullable=True))
    for statement in (*FORGOTTEN, *MERGED):
        op.execute(statement)
    with op.batch_alter_table("oauth_tokens") as tokens:
        tokens.alter_column("family", existing_type=TEXT, nullable=False)
    with op.batch_alter_table("oauth_grants") as grants:
        grants.drop_constraint("oauth_grants_code", type_="unique")
        for name, _kind, _null in CODE:
            grants.drop_column(name)
        grants.create_unique_constraint("oauth_grants_app", ["tenant_id", "user_id", "client_id"])
    op.create_index("oauth_grants_client", "oauth_grants", ["client_id", "tenant_id"])
    op.create_index("oauth_codes_grant", "oauth_codes", ["tenant_id", "grant_id"])
    op.create_index("oauth_codes_expiry", "oauth_codes", ["expires_at"])
    op.create_index("oauth_tokens_grant", "oauth_tokens", ["tenant_id", "grant_id", "family"])


def downgrade() -> None:
    """Forget the families, and let each grant have a code that nobody knows."""
    op.drop_index("oauth_tokens_grant", "oauth_tokens")
    op.drop_index("oauth_grants_client", "oauth_grants")
    op.drop_table("oauth_codes")
    with op.batch_alter_table("oauth_tokens") as tokens:
        tokens.drop_column("family")
    with op.batch_alter_table("oauth_grants") as grants:
        grants.drop_constraint("oauth_grants_app", type_="unique")
        for name, kind, _null in CODE:
            grants.add_column(sa.Column(name, kind, nullable=True))
    op.execute("UPDATE oauth_grants SET code_digest = id, redirect_uri = '', redirect_sent = 0")
    with op.batch_alter_table("oauth_grants") as grants:
        for name, kind, null in CODE:
            grants.alter_column(name, existing_type=kind, nullable=null)
        grants.create_unique_constraint("oauth_grants_code", ["code_digest"])
