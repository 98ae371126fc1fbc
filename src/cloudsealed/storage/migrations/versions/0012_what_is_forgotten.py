"""An audit whose evidence is gone says when the last row of it was dropped.

Revision: 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Until now all rows went in the transaction that said that the evidence is gone."""
    op.add_column("audits", sa.Column("forgotten_at", TEXT, nullable=True))
    op.execute("UPDATE audits SET forgotten_at = expired_at WHERE expired_at IS NOT NULL")


def downgrade() -> None:
    """Drop the column: rows that are left of evidence which is gone stay."""
    with op.batch_alter_table("audits") as changed:
        changed.drop_column("forgotten_at")
