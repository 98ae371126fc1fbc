"""Audits are done in shards, and who does one holds its lease.

Revision: 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = ("tenant_id", "audit_id", "step", "account", "region")
TAKEN_UP = """
UPDATE audits SET lease_until = created_at
WHERE status NOT IN ('completed', 'failed', 'canceled') AND EXISTS (
  SELECT 1 FROM audit_shards WHERE audit_shards.tenant_id = audits.tenant_id
  AND audit_shards.audit_id = audits.id AND audit_shards.until IS NOT NULL)
"""
BLOCKS = ["tenant_id", "audit_id", "kind", "key", "account", "region"]
OPEN = """
INSERT INTO audit_shards (tenant_id, audit_id, step, account, region, until, taken)
SELECT tenant_id, id, 'plan', '', '', COALESCE(lease_until, CASE WHEN EXISTS (
  SELECT 1 FROM jobs WHERE jobs.tenant_id = audits.tenant_id AND jobs.subject = audits.id
  AND jobs.status IN ('queued', 'running')) THEN created_at END), 0
FROM audits WHERE status NOT IN ('completed', 'failed', 'canceled')
"""


def upgrade() -> None:
    """An audit that runs goes on with its plan: what it has asked for is in its ledger. One that
    nobody looked for, as the command line left it, waits for that."""
    op.create_table(
        "audit_shards",
        *(sa.Column(name, TEXT, nullable=False) for name in KEY),
        *(sa.Column(name, TEXT, nullable=True) for name in ("hold", "owner", "until")),
        sa.Column("taken", INTEGER, nullable=False),
        sa.Column("counts", TEXT, nullable=True),
        sa.PrimaryKeyConstraint(*KEY),
    )
    op.create_index("audit_shards_hold", "audit_shards", ["tenant_id", "audit_id", "hold"])
    op.create_index("audit_shards_until", "audit_shards", ["until"])
    op.execute(OPEN)
    op.create_index("audit_blocks_key", "audit_blocks", BLOCKS)
    with op.batch_alter_table("audits") as changed:
        for name in ("lease_owner", "lease_epoch", "lease_until"):
            changed.drop_column(name)
    op.create_index("audits_standing", "audits", ["deleted_at", "status"])
    op.create_index("audits_finished", "audits", ["finished_at"])


def downgrade() -> None:
    """An audit that runs is taken up by whoever looks for it."""
    op.drop_index("audits_finished", "audits")
    op.drop_index("audits_standing", "audits")
    with op.batch_alter_table("audits") as changed:
        changed.add_column(sa.Column("lease_owner", TEXT, nullable=True))
        changed.add_column(
            sa.Column("lease_epoch", INTEGER, nullable=False, server_default=sa.text("0"))
        )
        changed.add_column(sa.Column("lease_until", TEXT, nullable=True))
    op.execute(TAKEN_UP)
    op.drop_index("audit_blocks_key", "audit_blocks")
    op.drop_table("audit_shards")
