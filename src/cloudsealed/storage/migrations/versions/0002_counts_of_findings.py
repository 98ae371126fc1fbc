"""Counts of findings by kind, and indexes that tell at once that a filter matches nothing.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = (
    "tenant_id",
    "status",
    "dimension",
    "severity",
    "account",
    "region",
    "resource_type",
    "policy_id",
    "connection_id",
    "provider",
    "triage",
)
INDEXES = (
    ("audits_parent", "audits", "parent_id"),
    ("resources_audit", "resources", "audit_id"),
    ("resources_provider", "resources", "provider"),
    ("resource_tags_value", "resource_tags", "value"),
    ("finding_counts_resource_type", "finding_counts", "resource_type"),
    ("finding_counts_region", "finding_counts", "region"),
    ("finding_counts_provider", "finding_counts", "provider"),
    ("finding_counts_policy", "finding_counts", "policy_id"),
)


def upgrade() -> None:
    """Make the table, and count in the database: no row of a finding comes into memory."""
    columns = [
        sa.Column(name, INTEGER if name == "severity" else TEXT, nullable=False) for name in KEY
    ]
    op.create_table(
        "finding_counts",
        *columns,
        sa.Column("count", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint(*KEY),
        sqlite_with_rowid=False,
    )
    counts = sa.table("finding_counts", *map(sa.column, (*KEY, "count")))
    findings = sa.table("findings", *map(sa.column, KEY))
    kind = [
        sa.func.coalesce(findings.c.triage, sa.literal_column("''"))
        if name == "triage"
        else findings.c[name]
        for name in KEY
    ]
    counted = sa.select(*kind, sa.func.count()).select_from(findings).group_by(*kind)
    op.execute(counts.insert().from_select([*KEY, "count"], counted))
    for name, table, column in INDEXES:
        op.create_index(name, table, ["tenant_id", column])


def downgrade() -> None:
    """Drop the table and the indexes."""
    for name, table, _column in reversed(INDEXES):
        op.drop_index(name, table)
    op.drop_table("finding_counts")
