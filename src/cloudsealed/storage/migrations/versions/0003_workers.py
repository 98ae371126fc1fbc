"""Workers and what they counted.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "workers",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("started_at", TEXT, nullable=False),
        sa.Column("seen_at", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "counts",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("labels", TEXT, nullable=False),
        sa.Column("value", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("name", "labels"),
    )


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("counts")
    op.drop_table("workers")
