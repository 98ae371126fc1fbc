"""What local commands share: settings from the environment, and an open installation."""

from __future__ import annotations

import logging
import os
from contextlib import closing

from cloudsealed.api.gate.gate import ACCESS_LOG
from cloudsealed.kit.logs import JsonFormatter, LineFormatter, LogHandler
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import has_schema, migrate, require_current_schema
from cloudsealed.storage.open import open_database
from cloudsealed.storage.ownership import claim, keys_for
from cloudsealed.storage.private import tighten
from cloudsealed.wiring import Services, build_services

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
    found = settings()
    tighten(found)
    if create:
        prepare(found)
    require_current_schema(found)
    services = build_services(found)
    claim(services.database, services.keys)
    return services


def prepare(found: Settings, *, newest: bool = False) -> None:
    """Make the key file and the schema, where they are missing; with `newest`, bring an older
    schema to the version of this program.

    Raises KeyFileError when the key file of a database is gone.
    """
    is_new = not has_schema(found)
    if is_new:
        ensure_keys(found.key_path)
    else:
        with closing(open_database(found)) as database:
            keys_for(database, found.key_path)
    if is_new or newest:
        migrate(found)


def log_to_stderr(found: Settings, level: int = logging.INFO) -> None:
    """Send log records of this process, uvicorn's too, to stderr in the form that is set."""
    handler = LogHandler(every=(ACCESS_LOG,))
    handler.setFormatter(JsonFormatter() if found.log_format == "json" else LineFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # its INFO is noise at every start
