"""Which key file a database belongs to: its fingerprint stands in the database.

A foreign key file would find no token, read no cursor and sign seals that nobody trusts. It is
refused by words, and never written over.
"""

from __future__ import annotations

import json
from contextlib import closing

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.keys import KeyRing, key_id, load_keys, public_key
from cloudsealed.storage.open import open_database
from cloudsealed.storage.revision import has_schema
from cloudsealed.storage.schema import installation, seals, tokens
from cloudsealed.storage.sqlite_file import readable

_NAME = "key_fingerprint"
_RECORDED = select(installation.c.value).where(installation.c.name == _NAME)
_RECORD = (
    insert(installation)  # SQLite reads the same words
    .values(name=_NAME, value=bindparam("fingerprint"))
    .on_conflict_do_nothing()
)
_COPY = "copy the key file from where `cloudsealed keys rotate` ran"
_TOKEN_KEYS = select(tokens.c.key_id).distinct()
_last = (
    select(seals.c.tenant_id, func.max(seals.c.sequence).label("sequence"))
    .group_by(seals.c.tenant_id)
    .subquery()
)
_LAST_SEALS = select(seals.c.envelope).join(
    _last, and_(seals.c.tenant_id == _last.c.tenant_id, seals.c.sequence == _last.c.sequence)
)


class ForeignKeyFileError(CloudSealedError):
    """The key file is not the one that this database was made with, or an older copy of it."""

    code = "foreign_key_file"
    status = 500


def check_fingerprint(connection: Connection, keys: KeyRing) -> str | None:
    """Return why a key file is not the database's, in words for the operator; None if it is.

    A database from before fingerprints is judged by its tokens and seals alone.
    """
    recorded = connection.first(_RECORDED)
    if recorded is not None and recorded[0] != keys.fingerprint:
        return (
            f"The key file is not this database's: its fingerprint is {keys.fingerprint}, the "
            f"database's is {recorded[0]}; put back the key file that was saved with the database"
        )
    known = {key.id for key in keys.keys["tokens"]}
    unknown = [str(row[0]) for row in connection.all(_TOKEN_KEYS) if row[0] not in known]
    if unknown and recorded is not None:
        return f"The key file lacks the key {unknown[0]}, which made tokens: {_COPY}"
    if unknown:
        return (
            "The key file is not this database's: it made none of the tokens; put back the key "
            "file that was saved with the database"
        )
    return _unknown_seal(connection, keys)


def require_own_keys(settings: Settings) -> None:
    """Raise KeyFileError or ForeignKeyFileError unless the key file is there and the database's;
    one without tables is anybody's."""
    keys = load_keys(settings.key_path)
    if not has_schema(settings):
        return
    with (
        closing(open_database(settings)) as database,
        readable(settings.sqlite_path),
        database.read() as connection,
    ):
        fault = check_fingerprint(connection, keys)
    if fault is not None:
        raise ForeignKeyFileError(fault)


def claim(database: Database, keys: KeyRing) -> None:
    """Write the fingerprint into a database that has none; raises ForeignKeyFileError."""
    with database.read() as connection:
        fault = check_fingerprint(connection, keys)
        is_new = connection.first(_RECORDED) is None
    if fault is None and is_new:
        with database.write() as connection:
            connection.run(_RECORD, {"fingerprint": keys.fingerprint})
            fault = check_fingerprint(connection, keys)
    if fault is not None:
        raise ForeignKeyFileError(fault)


def _unknown_seal(connection: Connection, keys: KeyRing) -> str | None:
    known = {key_id(public_key(key)) for key in keys.all("seal")}
    for (envelope,) in connection.all(_LAST_SEALS):
        name = json.loads(bytes(envelope))["signatures"][0]["keyid"]
        if name not in known:
            return f"The key file lacks the key of the last seal, sha256:{name}: {_COPY}"
    return None


def recorded(connection: Connection) -> str | None:
    """Return the fingerprint of the key file that claimed a database; None when none has."""
    row = connection.first(_RECORDED)
    return None if row is None else str(row[0])
