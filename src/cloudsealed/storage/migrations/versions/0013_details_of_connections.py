"""A connection keeps what only its provider's connections say as one value.

Revision: 0013, after 0012.
"""

import json
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
CONNECTIONS = sa.table(
    "connections", *(sa.column(name) for name in ("tenant_id", "id", "role_arn", "details"))
)


def upgrade() -> None:
    """A role that is assumed was a column of its own."""
    op.add_column("connections", sa.Column("details", TEXT, nullable=False, server_default="{}"))
    _moved("role_arn", "details", lambda role: json.dumps({"role_arn": role}))
    with op.batch_alter_table("connections") as changed:
        changed.alter_column("details", server_default=None)
        changed.drop_column("role_arn")


def downgrade() -> None:
    """Keep the role; what other providers' connections say is lost, and so is their way."""
    op.add_column("connections", sa.Column("role_arn", TEXT, nullable=True))
    _moved("details", "role_arn", lambda said: json.loads(said).get("role_arn"))
    with op.batch_alter_table("connections") as changed:
        changed.drop_column("details")


def _moved(source: str, target: str, made: Callable[[str], str | None]) -> None:
    bind, table = op.get_bind(), CONNECTIONS.c
    rows = bind.execute(sa.select(table.tenant_id, table.id, table[source])).all()
    for tenant, ident, value in rows:
        if value is not None:
            bind.execute(
                CONNECTIONS.update()
                .where(table.tenant_id == tenant, table.id == ident)
                .values({target: made(value)})
            )
