"""Saved views of lists: a tenant's and one's own.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table; a view's `audience` is the only user who sees it, '' for all of its tenant."""
    op.create_table(
        "views",
        sa.Column("tenant_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("noun", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("query", TEXT, nullable=False),
        sa.Column("group_by", TEXT, nullable=True),
        sa.Column("columns", TEXT, nullable=True),
        sa.Column("audience", TEXT, nullable=False),
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "audience", "noun", "name", name="views_name"),
    )
    op.create_index("views_audience", "views", ["tenant_id", "audience", "id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("views")
