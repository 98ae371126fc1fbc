"""Findings follow the head of their cell, and sort by when they were first seen.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PLACE = ("tenant_id", "policy_id", "account", "region")
SORTED = ("", "severity", "status")


def _sorts(column: str, new: str) -> None:
    """Let findings sort by `new` in the place of `column`."""
    for name in SORTED:
        led = f"{name}_" if name else ""
        op.drop_index(f"findings_{led}{column}", "findings")
        columns = ["tenant_id", *([name] if name else []), f"{new}_at", "id"]
        op.create_index(f"findings_{led}{new}", "findings", columns)


def upgrade() -> None:
    """What is there follows nothing until an audit says it again."""
    op.add_column("findings", sa.Column("follows", INTEGER, nullable=False, server_default="0"))
    op.create_table(
        "cell_heads",
        *(sa.Column(name, TEXT, nullable=False) for name in (*PLACE, "observed_at", "audit_id")),
        sa.Column("version", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint(*PLACE),
    )
    _sorts("last_seen", "first_seen")


def downgrade() -> None:
    """Findings that followed an audit are as they were written: the next one writes them."""
    _sorts("first_seen", "last_seen")
    op.drop_table("cell_heads")
    with op.batch_alter_table("findings") as changed:
        changed.drop_column("follows")
