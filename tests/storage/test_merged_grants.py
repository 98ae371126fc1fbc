"""Several grants of one user and app become one, with the tokens of all that are in force."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from cloudsealed.settings import Settings
from cloudsealed.storage.migrate import engine_for, migrate
from cloudsealed.storage.revision import require_current_schema

NEVER = "2099-01-01T00:00:00.000Z"
GRANTS = (  # id, user, client, scopes, created, redeemed, revoked, used
    ("gra_1", "ann", "a", '["findings:read"]', "2026-01-01", "2026-01-01", None, "2026-01-09"),
    ("gra_2", "ann", "a", '["audits:read"]', "2026-01-02", "2026-01-02", None, "2026-01-03"),
    ("gra_3", "ann", "a", '["admin"]', "2026-01-03", "2026-01-03", "2026-01-04", None),
    ("gra_4", "ann", "a", '["admin"]', "2026-01-04", None, None, None),
    ("gra_5", "ann", "b", '["findings:read"]', "2026-01-05", "2026-01-05", None, None),
    ("gra_6", "bob", "a", '["findings:read"]', "2026-01-06", "2026-01-06", None, None),
    ("gra_7", "cid", "a", '["findings:read"]', "2026-01-07", None, None, None),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Any) -> Settings:
    """The settings of a database with several grants of one user and app."""
    url = ""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        server.drop("test_merged")
        url = server.create("test_merged")
    settings = Settings(data_dir=tmp_path, database_url=url)
    migrate(settings, "0003")
    run(
        settings,
        "INSERT INTO oauth_grants VALUES ('ten', :id, :user, :client, 'App', :scopes, :id, 'x', 0,"
        " NULL, :created, :redeemed, :revoked, :until, :used, :used)",
        [
            dict(
                zip(
                    ("id", "user", "client", "scopes", "created", "redeemed", "revoked", "used"),
                    row,
                    strict=True,
                ),
                until=NEVER,
            )
            for row in GRANTS
        ],
    )
    run(
        settings,
        "INSERT INTO oauth_tokens VALUES ('ten', :id, :grant, 'csrt_', :id, '[]', 'x', :until,"
        " NULL)",
        [{"id": f"of {row[0]}", "grant": row[0], "until": NEVER} for row in GRANTS],
    )
    return settings


def run(settings: Settings, statement: str, rows: list[dict[str, Any]]) -> None:
    engine = engine_for(settings)
    with engine.begin() as connection:
        connection.execute(text(statement), rows)
    engine.dispose()


def read(settings: Settings, statement: str) -> list[tuple[Any, ...]]:
    engine = engine_for(settings)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(statement))]
    engine.dispose()
    return found


def test_the_newest_grant_stays_and_has_the_tokens_of_all(old: Settings) -> None:
    migrate(old)
    require_current_schema(old)
    columns = "id, user_id, client_id, scopes, created_at, last_used_at, last_used_ip"
    assert read(old, f"SELECT {columns} FROM oauth_grants ORDER BY id") == [
        ("gra_2", "ann", "a", '["audits:read"]', "2026-01-01", "2026-01-09", "2026-01-09"),
        ("gra_5", "ann", "b", '["findings:read"]', "2026-01-05", None, None),
        ("gra_6", "bob", "a", '["findings:read"]', "2026-01-06", None, None),
    ]
    assert read(old, "SELECT id, grant_id, family FROM oauth_tokens ORDER BY id") == [
        ("of gra_1", "gra_2", "gra_1"),
        ("of gra_2", "gra_2", "gra_2"),
        ("of gra_5", "gra_5", "gra_5"),
        ("of gra_6", "gra_6", "gra_6"),
    ]
    assert read(old, "SELECT id, grant_id, digest, scopes FROM oauth_codes ORDER BY id") == [
        ("gra_1", "gra_2", "gra_1", '["findings:read"]'),
        ("gra_2", "gra_2", "gra_2", '["audits:read"]'),
        ("gra_5", "gra_5", "gra_5", '["findings:read"]'),
        ("gra_6", "gra_6", "gra_6", '["findings:read"]'),
    ]
