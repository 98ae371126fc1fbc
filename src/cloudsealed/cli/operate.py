"""Commands of the operator: init, serve, migrate, aws-permissions."""

from __future__ import annotations

import fcntl
import json
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from cloudsealed.api.server import Listen
from cloudsealed.api.server import run as run_server
from cloudsealed.auth.model import Scope
from cloudsealed.cli.beside import WorkerBeside, worker_beside
from cloudsealed.cli.session import LOCAL, log_to_stderr, open_installation, settings
from cloudsealed.cli.terminal import Line, Terminal
from cloudsealed.collectors.asked import joined, left_out, shared
from cloudsealed.collectors.permissions import policy_document
from cloudsealed.console import Console as WebPages
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.packs import load_policies
from cloudsealed.policies.needs import not_asked
from cloudsealed.storage import migrate as schema
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.open import require_connections
from cloudsealed.storage.ownership import require_own_keys
from cloudsealed.storage.private import private_file
from cloudsealed.storage.revision import has_schema
from cloudsealed.vocabulary import PolicyKind, Role
from cloudsealed.wiring import Services

_PROCESSES = 2  # of a `serve`: the API and the worker


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
        Terminal().print(json.dumps(made))
        return
    console = Terminal()
    console.print(f"Tenant    {made['tenant']['name']} ({made['tenant']['id']})")
    console.print(f"Admin     {made['email']}")
    console.print(f"Password  {made['password']}")
    console.print(f"Token     {made['token']}")
    console.print(
        Line.assemble(("Both secrets are shown this once.", "yellow"), " Next: cloudsealed serve")
    )


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
    log_to_stderr(settings())
    signal.signal(signal.SIGTERM, _leave)
    installation = open_installation(create=False)
    listen = Listen(host, port, tls_cert, tls_key, behind_proxy)
    listen.check()
    require_connections(
        installation.database,
        processes=_PROCESSES,
        connections=installation.settings.database_connections,
    )
    with only_server(installation.settings.data_dir), worker_beside() as beside:
        serve_until_stopped(installation, listen, beside)


def _leave(_number: int, _frame: object) -> None:
    """End in order: the server raises the signal again when it has ended, before the worker has."""
    raise SystemExit(0)


def serve_until_stopped(installation: Services, listen: Listen, beside: WorkerBeside) -> None:
    """Wait for the worker, then serve until SIGINT or SIGTERM."""
    beside.wait_until_up(installation.has_worker)
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


def migrate() -> None:
    """Bring the database's schema to this version of the program."""
    found = settings()
    if has_schema(found):
        require_own_keys(found)
    else:
        ensure_keys(found.key_path)
    schema.migrate(found)
    schema.require_same_tables(found)
    Terminal().print("The schema is current")


def aws_permissions() -> None:
    """Print the least-privilege IAM policy that audits need, also for the tenants' policies.

    That is for what ships and, where there is an installation, for the policies of its tenants.
    """
    found = settings()
    unread = [not_asked((PolicyKind.CHECK, spec.words) for spec in load_policies())]
    if found.key_path.exists():
        services = open_installation(create=False)
        tenants = services.tenants.all()
        unread += [services.policies.not_asked(tenant=tenant.id) for tenant in tenants]
        services.database.close()
    left = joined(shared(unread), left_out(found.calls_left_out))
    Terminal().document(policy_document(not_asked=left))
