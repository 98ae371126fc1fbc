"""What local commands share: settings from the environment, and an open installation."""

from __future__ import annotations

import logging
import os
from contextlib import closing
from typing import TYPE_CHECKING

from cloudsealed.kit.logs import ACCESS_LOG, JsonFormatter, LineFormatter, LogHandler
from cloudsealed.settings import Settings
from cloudsealed.storage.fresh import make_tables
from cloudsealed.storage.keys import KeyFileError, ensure_keys
from cloudsealed.storage.open import open_database
from cloudsealed.storage.ownership import claim, recorded
from cloudsealed.storage.private import data_folder, tighten
from cloudsealed.storage.revision import has_schema, require_current_schema

if TYPE_CHECKING:
    from cloudsealed.auditing import Auditing
    from cloudsealed.wiring import Services

LOCAL = "local"
"""The tenant that the first local command makes."""


def settings() -> Settings:
    """Return the settings of this process's environment."""
    return Settings.from_environment(os.environ)


def open_installation(*, create: bool) -> Services:
    """Return the services of the installation; with `create`, make what is missing of it.

    Raises SchemaVersionError when the database belongs to another version of the program, and
    ForeignKeyFileError when it belongs to another key file.
    """
    found = _there(create=create)
    from cloudsealed.wiring import build_services  # which is slow to import

    services = build_services(found)
    claim(services.database, services.keys)
    return services


def open_auditing() -> Auditing:
    """Return what audits with the installation, made where it is missing; raises as
    `open_installation` does."""
    found = _there(create=True)
    from cloudsealed.auditing import build_auditing

    services = build_auditing(found)
    claim(services.database, services.keys)
    return services


def _there(*, create: bool) -> Settings:
    """Return the settings of an installation that is there, or was made."""
    found = settings()
    if create:
        make(found)
    tighten(found)
    require_current_schema(found)
    return found


def make(found: Settings) -> None:
    """Make what is missing of an installation: the data folder, keys, tables."""
    _refuse_lost_keys(found)
    data_folder(found.data_dir)
    ensure_keys(found.key_path)
    if not has_schema(found):
        make_tables(found)


def _refuse_lost_keys(found: Settings) -> None:
    """Raise KeyFileError when a database's key file is gone: a second one would hide the loss."""
    if found.key_path.exists() or not has_schema(found):
        return
    with closing(open_database(found)) as database, database.read() as connection:
        fingerprint = recorded(connection)
    if fingerprint is not None:
        raise KeyFileError(
            f"{found.key_path} does not exist, and the database has one, of fingerprint "
            f"{fingerprint}: put back the key file that was saved with the database"
        )


def log_to_stderr(found: Settings, level: int = logging.INFO) -> None:
    """Send log records of this process, uvicorn's too, to stderr in the form that is set."""
    handler = LogHandler(every=(ACCESS_LOG,))
    handler.setFormatter(JsonFormatter() if found.log_format == "json" else LineFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # its INFO is noise at every start
