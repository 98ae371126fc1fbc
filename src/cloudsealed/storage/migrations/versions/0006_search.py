"""The text that findings are searched by, and an index of its runs of three characters.

Revision: 0006, after 0005.
"""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BATCH = 1_000
DIGITS = str.maketrans("0123456789ABCDEFGHJKMNPQRSTVWXYZ", "0123456789ABCDEFGHIJKLMNOPQRSTUV")
SQLITE = (
    (
        "CREATE VIRTUAL TABLE finding_grams USING"
        " fts5(text, content='', tokenize='trigram', detail=none, columnsize=0)"
    ),
    (
        "CREATE TRIGGER finding_grams_new AFTER INSERT ON finding_texts BEGIN"
        " INSERT INTO finding_grams (rowid, text) VALUES (new.number, new.text); END"
    ),
    (
        "CREATE TRIGGER finding_grams_other AFTER UPDATE OF text ON finding_texts BEGIN"
        " INSERT INTO finding_grams (finding_grams, rowid, text)"
        " VALUES ('delete', old.number, old.text);"
        " INSERT INTO finding_grams (rowid, text) VALUES (new.number, new.text); END"
    ),
)
POSTGRESQL = (
    (
        "CREATE FUNCTION finding_grams(tenant text, body text) RETURNS text[]"
        " LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$"
        " SELECT array_append(array_agg(DISTINCT substr(body, place, 3)), tenant)"
        " FROM generate_series(1, length(body) - 2) AS place $$"
    ),
    "CREATE INDEX finding_grams_index ON finding_texts USING gin (finding_grams(tenant_id, text))",
)


def upgrade() -> None:
    """Make the table and the index, and fill them, a batch of findings in memory at a time."""
    op.create_table(
        "finding_texts",
        sa.Column("tenant_id", TEXT, nullable=False),
        sa.Column("finding_id", TEXT, nullable=False),
        sa.Column("number", INTEGER, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "finding_id"),
    )
    op.create_index("finding_texts_number", "finding_texts", ["tenant_id", "number"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if is_sqlite else ():
        op.execute(statement)
    texts = sa.table(
        "finding_texts", *map(sa.column, ("tenant_id", "finding_id", "number", "text"))
    )
    for rows in _batches():
        op.get_bind().execute(texts.insert(), rows)
    for statement in () if is_sqlite else POSTGRESQL:
        op.execute(statement)


def _batches() -> Iterator[list[dict[str, Any]]]:
    findings = sa.table("findings", *map(sa.column, ("tenant_id", "id", "doc")))
    place = sa.tuple_(findings.c.tenant_id, findings.c.id)
    after = ("", "")
    while True:
        rows = (
            op.get_bind()
            .execute(
                sa.select(findings.c.tenant_id, findings.c.id, findings.c.doc)
                .where(place > sa.tuple_(*map(sa.literal, after)))
                .order_by(findings.c.tenant_id, findings.c.id)
                .limit(BATCH)
            )
            .all()
        )
        if not rows:
            return
        after = rows[-1][0], rows[-1][1]
        yield [_row(*row) for row in rows]


def _row(tenant: str, ident: str, doc: bytes) -> dict[str, Any]:
    finding = json.loads(bytes(doc))
    resource = finding["resource"]
    parts = (finding["title"], resource["name"] or "", resource["native_id"])
    value = int(ident.rpartition("_")[2].translate(DIGITS), 32)
    number = (value >> 80 & (1 << 41) - 1) << 22 | value & (1 << 22) - 1
    return {
        "tenant_id": tenant,
        "finding_id": ident,
        "number": number,
        "text": "\n".join(parts).lower(),
    }


def downgrade() -> None:
    """Drop the index and the table."""
    if op.get_bind().dialect.name == "sqlite":
        op.drop_table("finding_texts")
        op.drop_table("finding_grams")
    else:
        op.drop_table("finding_texts")
        op.execute("DROP FUNCTION finding_grams(text, text)")
