"""`cloudsealed doctor` says whether all is well; `cloudsealed backup` copies an installation."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import typer

from cloudsealed.cli.session import settings
from cloudsealed.cli.terminal import Line, Terminal
from cloudsealed.collectors.aws.access import AwsAccess, AwsSession, identify
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.reports.look import look_of
from cloudsealed.settings import Settings
from cloudsealed.storage.backup import back_up
from cloudsealed.storage.database import ping
from cloudsealed.storage.keys import load_keys
from cloudsealed.storage.migrate import require_current_schema
from cloudsealed.storage.open import open_database

_LEAST_FREE = 1 << 30


def doctor(
    profile: str = typer.Option("", help="AWS profile; default: the SDK's own chain."),
) -> None:
    """Check this installation and its way to AWS; exit 1 when something is wrong."""
    console, wrong = Terminal(), 0
    for name, check in _checks(settings(), profile or None):
        try:
            console.print(Line.assemble(("ok", "green"), f"    {name}: {check()}"))
        except (CloudSealedError, OSError) as error:
            wrong += 1
            console.print(Line.assemble(("wrong", "red"), f" {name}: {error}"))
    raise typer.Exit(1 if wrong else 0)


def _checks(found: Settings, profile: str | None) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "keys", lambda: f"{found.key_path}, fingerprint {load_keys(found.key_path).fingerprint}"
    yield "schema", lambda: _schema(found)
    yield "database", lambda: _database(found)
    yield "disk", lambda: _disk(found)
    yield "reports", lambda: _reports(found)
    yield "AWS", lambda: _aws(profile)


def _schema(found: Settings) -> str:
    require_current_schema(found)
    return "current"


def _database(found: Settings) -> str:
    database = open_database(found)
    with database.read() as connection:
        ping(connection)
    database.close()
    return f"{database.name} answers"


def _disk(found: Settings) -> str:
    free = shutil.disk_usage(found.data_dir if found.data_dir.exists() else Path.cwd()).free
    if free < _LEAST_FREE:
        raise OSError(f"{free / 1e9:.1f} GB free in {found.data_dir}: less than 1 GB")
    return f"{free / 1e9:.0f} GB free"


def _reports(found: Settings) -> str:
    look = look_of(found)
    logo = "a logo" if look.logo else "no logo"
    return f"by {look.organisation or 'CloudSealed'}, in {look.language}, with {logo}"


def _aws(profile: str | None) -> str:
    identity = identify(AwsSession(AwsAccess(profile=profile)))
    return f"account {identity.account} as {identity.arn}"


def backup(
    folder: Path = typer.Argument(help="A new folder for the copy."),
) -> None:
    """Copy database, blobs and key file, while the server runs."""
    for path in back_up(settings(), folder):
        Terminal().print(str(path))
