"""Who did what: an event's actor, what its object was and is, and its place in a chain.

Revision: 0007, after 0006.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TOLD = (
    "actor_kind",
    "user_id",
    "user_name",
    "user_email",
    "credential_id",
    "credential_name",
    "ip",
    "request_id",
    "before",
    "after",
)
PLACE = ("previous", "hash", "signature")
AUTHORS = (
    ("policies", "created_by"),
    ("policies", "updated_by"),
    ("policy_versions", "created_by"),
    ("reports", "created_by"),
)
STAYS = ("tenant_id", "id", "category", "type", "subject", "created_at", "data", *TOLD)
events = sa.table("events", *map(sa.column, ("category", "data", *TOLD)))
UNCHAINED: sa.ColumnElement[Any] = sa.literal_column("sequence IS NULL")
TAKEN = (
    "EXISTS (SELECT 1 FROM events AS other"
    " WHERE other.tenant_id = new.tenant_id AND other.sequence = new.sequence)"
)
SQLITE = (
    (
        "CREATE TRIGGER events_are_kept BEFORE DELETE ON events"
        " BEGIN SELECT RAISE(ABORT, 'events are never removed'); END"
    ),
    (
        "CREATE TRIGGER events_are_chained_once BEFORE UPDATE ON events"
        " WHEN old.sequence IS NOT NULL OR new.sequence IS NULL OR "
        + " OR ".join(f'new."{name}" IS NOT old."{name}"' for name in STAYS)
        + f" OR {TAKEN}"
        + " BEGIN SELECT RAISE(ABORT, 'events are never changed'); END"
    ),
    (  # a conflict that is resolved by REPLACE would remove one, and ask no other trigger
        "CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events"
        f" WHEN {TAKEN} OR EXISTS (SELECT 1 FROM events AS other"
        " WHERE other.tenant_id = new.tenant_id AND other.id = new.id)"
        " BEGIN SELECT RAISE(ABORT, 'events are never changed'); END"
    ),
)
POSTGRESQL = (
    (
        "CREATE FUNCTION events_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN RAISE EXCEPTION 'events are never removed or changed'; END $$"
    ),
    (
        "CREATE TRIGGER events_are_kept BEFORE DELETE ON events"
        " FOR EACH ROW EXECUTE FUNCTION events_are_kept()"
    ),
    (
        "CREATE TRIGGER events_are_not_truncated BEFORE TRUNCATE ON events"
        " FOR EACH STATEMENT EXECUTE FUNCTION events_are_kept()"
    ),
    (
        "CREATE TRIGGER events_are_chained_once BEFORE UPDATE ON events FOR EACH ROW"
        " WHEN (old.sequence IS NOT NULL OR new.sequence IS NULL OR "
        + " OR ".join(f'new."{name}" IS DISTINCT FROM old."{name}"' for name in STAYS)
        + ") EXECUTE FUNCTION events_are_kept()"
    ),
)


_NAMES = ("user_id", "credential_id", "ip")
_KIND = (
    "CASE WHEN user_id IS NULL AND ip IS NULL THEN 'operator' WHEN user_id IS NULL THEN 'anonymous'"
    " WHEN credential_id LIKE 'gra%' OR credential_id LIKE 'cli%' THEN 'app' ELSE 'user' END"
)


def _name_actors(dialect: str) -> None:
    """Take who did something from where security events had it so far."""
    of_security = events.update().where(events.c.category == "security")
    said = {name: _said(dialect, name) for name in _NAMES}
    op.execute(of_security.values(said))
    op.execute(of_security.values(actor_kind=sa.literal_column(_KIND)))


def _said(dialect: str, name: str) -> sa.ColumnElement[str]:
    if dialect == "sqlite":
        return sa.func.json_extract(events.c.data, f"$.actor.{name}")
    return sa.func.json_extract_path_text(sa.cast(events.c.data, sa.JSON), "actor", name)


def upgrade() -> None:
    """What happened before is chained from now on; nothing says what its object was."""
    for name in TOLD:
        op.add_column("events", sa.Column(name, TEXT, nullable=True))
    op.add_column("events", sa.Column("sequence", INTEGER, nullable=True))
    for name in PLACE:
        op.add_column("events", sa.Column(name, TEXT, nullable=True))
    op.create_index("events_user", "events", ["tenant_id", "user_id", "id"])
    op.create_index("events_credential", "events", ["tenant_id", "credential_id", "id"])
    op.create_index("events_sequence", "events", ["tenant_id", "sequence"], unique=True)
    op.create_index(
        "events_unchained",
        "events",
        ["tenant_id", "id"],
        sqlite_where=UNCHAINED,
        postgresql_where=UNCHAINED,
    )
    for table, name in AUTHORS:
        op.add_column(table, sa.Column(name, TEXT, nullable=True))
    dialect = op.get_bind().dialect.name
    _name_actors(dialect)
    for statement in SQLITE if dialect == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    """Drop the triggers, then what they keep."""
    if op.get_bind().dialect.name == "sqlite":
        for name in ("kept", "chained_once", "not_replaced"):
            op.execute(f"DROP TRIGGER events_are_{name}")
    else:
        for name in ("kept", "not_truncated", "chained_once"):
            op.execute(f"DROP TRIGGER events_are_{name} ON events")
        op.execute("DROP FUNCTION events_are_kept()")
    for name in ("events_user", "events_credential", "events_sequence", "events_unchained"):
        op.drop_index(name, "events")
    for table, name in AUTHORS:
        with op.batch_alter_table(table) as changed:
            changed.drop_column(name)
    with op.batch_alter_table("events") as changed:
        for name in (*TOLD, "sequence", *PLACE):
            changed.drop_column(name)
