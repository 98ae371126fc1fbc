"""A finding's row has the digest of what was said last of it.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is there is noted by the next audit that says it again."""
    op.add_column("findings", sa.Column("said", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Drop the column: audits read every finding again."""
    with op.batch_alter_table("findings") as changed:
        changed.drop_column("said")
