"""Commands of the operator: init, serve, worker, migrate, aws-permissions."""

from __future__ import annotations

import fcntl
import json
import logging
import math
import os
import resource
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import typer
from rich.console import Console

from cloudsealed.api.server import Listen
from cloudsealed.api.server import run as run_server
from cloudsealed.auth.model import Scope
from cloudsealed.cli.beside import worker_beside
from cloudsealed.cli.session import LOCAL, log_to_stderr, open_installation, settings
from cloudsealed.collectors.permissions import policy_document
from cloudsealed.console import Console as WebPages
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.storage import migrate as schema
from cloudsealed.storage.database import ServiceUnavailableError
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.private import private_file
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import Services

log = logging.getLogger(__name__)

_HOUSEKEEPING_SECONDS = 5
_RETENTION_SECONDS = 3600


class AlreadyInitializedError(CloudSealedError):
    """The installation has an admin: `init` would give away a second one."""

    code = "already_initialized"
    status = 409


class DataFolderInUseError(CloudSealedError):
    """Another `serve` uses the data folder."""

    code = "data_folder_in_use"
    status = 409


def init(
    as_json: bool = typer.Option(False, "--json", help="Print what was made as JSON."),
    email: str = typer.Option("admin@localhost", help="E-mail of the first admin."),
) -> None:
    """Make the data folder, its keys and the first admin; print their secrets once."""
    made = initialize(email)
    if as_json:
        print(json.dumps(made))
        return
    console = Console()
    console.print(f"Tenant    {made['tenant']['name']} ({made['tenant']['id']})")
    console.print(
        f"Admin     {made['email']}\nPassword  {made['password']}\nToken     {made['token']}"
    )
    console.print("[yellow]Both secrets are shown this once.[/yellow] Next: cloudsealed serve")


def initialize(email: str) -> dict[str, Any]:
    """Make tenant, admin and a token that holds every scope; raises AlreadyInitializedError."""
    installation = open_installation(create=True)
    tenant = installation.tenants.ensure(name=LOCAL)
    if installation.users.has_admin():
        raise AlreadyInitializedError("This installation has an admin already")
    installation.policies.synchronize(tenant=tenant.id)
    password = secrets.token_urlsafe(18)
    user = installation.users.create(
        tenant=tenant.id, email=email, name="Admin", role=Role.ADMIN, password=password
    )
    token = installation.tokens.issue(
        tenant=tenant.id, user_id=user.id, name="init", scopes=frozenset(Scope)
    )
    return {
        "tenant": {"id": tenant.id, "name": tenant.name},
        "user_id": user.id,
        "email": user.email,
        "password": password,
        "token": token.text,
        "scopes": sorted(scope.value for scope in Scope),
    }


def serve(
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
    port: int = typer.Option(8000, help="Port to listen on; 0 takes any free one."),
    tls_cert: Path = typer.Option(None, help="Certificate chain in PEM."),
    tls_key: Path = typer.Option(None, help="Private key in PEM."),
    behind_proxy: bool = typer.Option(False, help="A proxy in front speaks HTTPS."),
) -> None:
    """Serve the API, with a worker beside it that ends with it."""
    log_to_stderr(logging.INFO)
    installation = open_installation(create=False)
    listen = Listen(host, port, tls_cert, tls_key, behind_proxy)
    listen.check()
    with only_server(installation.settings.data_dir), worker_beside():
        serve_until_stopped(installation, listen)


def serve_until_stopped(installation: Services, listen: Listen) -> None:
    """Serve until SIGINT or SIGTERM."""
    for tenant in installation.tenants.all():
        installation.policies.synchronize(tenant=tenant.id)
    run_server(installation, listen, WebPages(installation))


@contextmanager
def only_server(data_dir: Path) -> Iterator[None]:
    """Hold the data folder's lock, so that one `serve` uses it."""
    private_file(data_dir / "serve.lock")
    with (data_dir / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DataFolderInUseError(f"Another `cloudsealed serve` uses {data_dir}") from error
        yield


def worker(
    until_stdin_closes: bool = typer.Option(False, hidden=True),
) -> None:
    """Run background work: audits, simulations and reports."""
    log_to_stderr(logging.INFO)
    installation = open_installation(create=False)
    _bound_memory(installation.settings.worker_memory * 1024 * 1024)
    running = installation.worker()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    if until_stdin_closes:
        threading.Thread(target=_watch, args=(sys.stdin.buffer, stopped), daemon=True).start()
    running.start()
    looked = -math.inf
    while not stopped.is_set():
        try:
            installation.housekeep()
            if time.monotonic() - looked >= _RETENTION_SECONDS:
                installation.expire_evidence()
                looked = time.monotonic()
        except ServiceUnavailableError as error:  # a database that is away is waited for
            log.warning("housekeeping: %s", error)
        stopped.wait(_HOUSEKEEPING_SECONDS)
    running.stop(timeout=2)
    os._exit(0)  # an audit under way is resumed by the next worker: do not wait for its calls


def _bound_memory(most: int) -> None:
    """Let this process have at most so many bytes of its own; what it maps of the database's file,
    whole and once a connection, is not counted."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _watch(stream: IO[bytes], stopped: threading.Event) -> None:
    stream.read()
    stopped.set()


def migrate() -> None:
    """Bring the database's schema to this version of the program."""
    found = settings()
    ensure_keys(found.key_path)
    schema.migrate(found)
    print("The schema is current")


def aws_permissions() -> None:
    """Print the least-privilege IAM policy that audits need."""
    print(json.dumps(policy_document(), indent=2))
