"""A database knows its key file, and refuses another."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from cloudsealed.auth.model import ALL_SCOPES
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import ensure_keys, key_id, load_keys, public_key, replace_key
from cloudsealed.storage.ownership import ForeignKeyFileError, check_fingerprint, claim
from cloudsealed.storage.schema import installation, seals
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import build_services


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ensure_keys(tmp_path / "keys.json")
    return tmp_path / "keys.json"


def recorded(database: Database) -> list[tuple[str, ...]]:
    with database.read() as connection:
        return connection.all(select(installation.c.value))


def seal(database: Database, tenant: str, sequence: int, key: str) -> None:
    envelope = f'{{"signatures":[{{"keyid":"{key}"}}]}}'.encode()
    row = {"tenant_id": tenant, "sequence": sequence, "audit_id": f"a{sequence}", "digest": ""}
    with database.write() as connection:
        connection.run(seals.insert(), row | {"envelope": envelope})


def test_the_first_key_file_is_recorded_once_and_another_refused(
    database: Database, path: Path, tmp_path: Path
) -> None:
    own, other = load_keys(path), ensure_keys(tmp_path / "other.json")
    claim(database, own)
    claim(database, own)
    assert recorded(database) == [(own.fingerprint,)]
    with pytest.raises(ForeignKeyFileError, match=f"is {other.fingerprint}, the database's is"):
        claim(database, other)
    with database.read() as connection:
        assert check_fingerprint(connection, own) is None
        assert "put back the key file" in str(check_fingerprint(connection, other))
    assert recorded(database) == [(own.fingerprint,)]


def test_a_database_from_before_fingerprints_is_known_by_its_tokens(
    storage_settings: Settings, database: Database, tmp_path: Path
) -> None:
    ensure_keys(storage_settings.key_path)
    services = build_services(storage_settings)
    tenant = services.tenants.create(name="Acme").id
    user = services.users.create(tenant=tenant, email="ann@example.com", role=Role.ADMIN)
    services.tokens.issue(tenant=tenant, user_id=user.id, name="t", scopes=ALL_SCOPES)
    services.database.close()
    with pytest.raises(ForeignKeyFileError, match="made none of the tokens"):
        claim(database, ensure_keys(tmp_path / "other.json"))
    assert recorded(database) == []
    claim(database, services.keys)


def test_replacing_a_seal_key_keeps_the_file_its_own_and_an_older_copy_is_told(
    database: Database, path: Path
) -> None:
    old = load_keys(path)
    claim(database, old)
    seal(database, "ten_a", 1, key_id(public_key(old.current("seal"))))
    replace_key(path, "seal")
    new = load_keys(path)
    claim(database, new)
    claim(database, old)  # nothing was sealed with the new key yet
    seal(database, "ten_a", 2, key_id(public_key(new.current("seal"))))
    claim(database, new)
    with pytest.raises(ForeignKeyFileError, match="lacks the key of the last seal"):
        claim(database, old)
