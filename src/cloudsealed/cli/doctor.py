"""`doctor` says whether all is well; `backup` copies an installation, `restore` puts it back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import typer

from cloudsealed.api.parts import Finding, Parts
from cloudsealed.cli.session import settings
from cloudsealed.cli.terminal import Line, Terminal
from cloudsealed.collectors.provider import Choice, Way
from cloudsealed.collectors.providers import PROVIDERS, provider_of
from cloudsealed.kit import traces
from cloudsealed.kit.clock import utc_now
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.reports.look import look_of
from cloudsealed.settings import Settings
from cloudsealed.storage import backup as copies
from cloudsealed.storage.database import ping
from cloudsealed.storage.keys import load_keys
from cloudsealed.storage.open import open_database
from cloudsealed.storage.ownership import require_own_keys
from cloudsealed.storage.private import loose
from cloudsealed.storage.revision import require_current_schema
from cloudsealed.vocabulary import FIRST_PROVIDER, Provider
from cloudsealed.wiring import build_services

_LEAST_FREE = 1 << 30

Check = Callable[[], str]


class PartFaultError(CloudSealedError):
    """A part of the running installation is at fault, as `/readyz` says too."""

    code = "part_fault"


class LooseFilesError(CloudSealedError):
    """Others than their owner can open files of the installation."""

    code = "loose_files"


def doctor(
    profile: str = typer.Option("", help="AWS profile; default: the SDK's own chain."),
    as_json: bool = typer.Option(False, "--json", help="Print a list of checks as JSON."),
) -> None:
    """Check this installation and its way to AWS; exit 1 when something is wrong.

    It says what `/readyz` does, too, and tries the collector of traces. It changes nothing.
    """
    console, found = Terminal(), []
    for name, check in _checks(settings(), profile or None):
        good, said = _done(check)
        found.append({"check": name, "ok": good, "message": said})
        if not as_json:
            state = ("ok", "green") if good else ("wrong", "red")
            console.print(
                Line.assemble(state, f" {name}: {said}" if not good else f"    {name}: {said}")
            )
    if as_json:
        console.document(found)
    raise typer.Exit(0 if all(each["ok"] for each in found) else 1)


def _done(check: Check) -> tuple[bool, str]:
    try:
        return True, check()
    except CloudSealedError as error:
        return False, error.message
    except Exception as error:  # whatever is wrong is what the command is there to say
        return False, " ".join(str(error).split()) or type(error).__name__


def _checks(found: Settings, profile: str | None) -> Iterator[tuple[str, Check]]:
    yield "files", lambda: _files(found)
    yield "keys", lambda: f"{found.key_path}, fingerprint {load_keys(found.key_path).fingerprint}"
    yield "schema", lambda: _schema(found)
    yield "database", lambda: _database(found)
    yield "disk", lambda: _disk(found)
    yield "reports", lambda: _reports(found)
    yield from _running(found)
    yield "traces", _traces
    yield PROVIDERS[FIRST_PROVIDER].title, lambda: _cloud(FIRST_PROVIDER, profile)


def _files(found: Settings) -> str:
    if others := loose(found):
        raise LooseFilesError("; ".join(map(str, others)))
    return "only their owner can open them"


def _schema(found: Settings) -> str:
    require_current_schema(found)
    return "current"


def _database(found: Settings) -> str:
    """Ask the database, whole and with the key file that it was made with."""
    require_current_schema(found)
    if not found.database_url:
        copies.check_whole(found)
    with closing(open_database(found)) as database, database.read() as connection:
        ping(connection)
    require_own_keys(found)
    return f"{database.name} answers, and the key file is its own"


def _disk(found: Settings) -> str:
    free = shutil.disk_usage(found.data_dir if found.data_dir.exists() else Path.cwd()).free
    if free < _LEAST_FREE:
        raise OSError(f"{free / 1e9:.1f} GB free in {found.data_dir}: less than 1 GB")
    return f"{free / 1e9:.0f} GB free"


def _reports(found: Settings) -> str:
    look = look_of(found)
    logo = "a logo" if look.logo else "no logo"
    return f"by {look.organisation or 'CloudSealed'}, in {look.language}, with {logo}"


def _running(found: Settings) -> Iterator[tuple[str, Check]]:
    """Yield what is seen in a database that answers: of another its own check says enough."""
    try:
        require_current_schema(found)
        services = build_services(found)
    except Exception:
        return
    with closing(services.database):
        seen = Parts(services).seen()
        for name, say in _SEEN.items():
            if name in seen and not seen["database"].fault:
                yield name, partial(_part, seen[name], say)


def _part(part: Finding, say: Callable[[Mapping[str, Any]], str]) -> str:
    was_there = part.facts.get("seen_at", "") is not None  # a worker that never was is no fault
    if part.fault and was_there:
        raise PartFaultError(part.fault)
    return say(part.facts)


_SEEN: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "worker": lambda facts: (
        f"{facts['alive']} alive" if facts["alive"] else "none runs; `cloudsealed serve` has one"
    ),
    "jobs": lambda facts: f"{facts['waiting']} wait, {facts['running']} run",
    "audits": lambda facts: (
        f"the last one {facts['last_status']} at {facts['last_ended_at']}"
        if facts["last_ended_at"]
        else "none has ended yet"
    ),
    "limits": lambda _: "counted",
    "blobs": lambda _: "the object store answers",
}
"""What is said of a part of a running installation that has no fault, from its facts."""


def _traces() -> str:
    if fault := traces.collector_fault("cloudsealed"):
        raise PartFaultError(fault)
    return "the collector takes them" if traces.is_asked_for() else "no collector is named"


def _cloud(provider: Provider, option: str | None) -> str:
    with closing(provider_of(provider).open(Way({}, Choice(option)), utc_now)) as session:
        identity = session.identify()
    return f"account {identity.account} as {identity.name}"


def backup(folder: Path = typer.Argument(help="A new folder for the copy.")) -> None:
    """Copy database, blobs and key file, while the server runs."""
    for path in copies.back_up(settings(), folder):
        Terminal().print(str(path))


def restore(folder: Path = typer.Argument(help="The folder of a backup.")) -> None:
    """Put a backup back, into a data folder that has no installation."""
    for path in copies.restore(folder, settings()):
        Terminal().print(str(path))
