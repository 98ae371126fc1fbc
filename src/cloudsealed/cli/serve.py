"""The command `serve`: the API, and a worker beside it that ends with it."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import typer

from cloudsealed import __version__
from cloudsealed.api.listen import HIGHEST_PORT, Listen, Taken
from cloudsealed.api.server import run as run_server
from cloudsealed.cli.beside import MOST_PROCESSES, workers_beside
from cloudsealed.cli.session import log_to_stderr, open_installation, settings
from cloudsealed.console import Console as WebPages
from cloudsealed.jobs.process import has_worker
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.traces import traced
from cloudsealed.settings import Settings
from cloudsealed.storage.open import require_connections
from cloudsealed.storage.private import private_file
from cloudsealed.wiring import Services


class DataFolderInUseError(CloudSealedError):
    """Another `serve` uses the data folder."""

    code = "data_folder_in_use"
    status = 409


class NotInitializedError(CloudSealedError):
    """Nobody could log in: the installation has no admin."""

    code = "not_initialized"
    status = 409


def serve(
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
    port: int = typer.Option(
        8000, min=0, max=HIGHEST_PORT, help="Port to listen on; 0 takes any free one."
    ),
    tls_cert: Path = typer.Option(None, help="Certificate chain in PEM."),
    tls_key: Path = typer.Option(None, help="Private key in PEM."),
    behind_proxy: bool = typer.Option(False, help="A proxy in front speaks HTTPS."),
    workers: int = typer.Option(
        1,
        min=0,
        max=MOST_PROCESSES,
        help="Worker processes beside it; 0 where `cloudsealed worker` runs elsewhere.",
    ),
) -> None:
    """Serve the API, with a worker beside it that ends with it."""
    found = settings()
    log_to_stderr(found)
    signal.signal(signal.SIGTERM, _leave)
    listen = Listen(host, port, tls_cert, tls_key, behind_proxy)
    with listen.taken() as taken:
        installation = opened(taken)
        _require_admin(installation)
        require_connections(
            installation.database,
            processes=1 + workers,
            connections=installation.settings.database_connections,
        )
        with only_server(installation.settings):
            serve_until_stopped(installation, listen, taken, workers)


def opened(taken: Taken) -> Services:
    """Return the services of an installation that is served there: links of this process and of
    the workers that it starts from here on lead to it."""
    os.environ["CLOUDSEALED_LISTENS_AT"] = taken.url
    return open_installation(create=False)


def _require_admin(installation: Services) -> None:
    if not installation.users.has_admin():
        raise NotInitializedError("Nobody could log in yet: run `cloudsealed init` first")


def _leave(_number: int, _frame: object) -> None:
    """End in order: the server raises the signal again when it has ended, before the worker has."""
    raise SystemExit(0)


def serve_until_stopped(
    installation: Services, listen: Listen, taken: Taken, workers: int = 1
) -> None:
    """Start the workers, then serve what was `opened` until SIGINT or SIGTERM."""
    with workers_beside(workers) as beside:
        for worker in beside:
            worker.wait_until_up(partial(has_worker, installation.database))
        for tenant in installation.tenants.all():
            installation.policies.synchronize(tenant=tenant.id)
        with traced("cloudsealed", __version__):
            run_server(installation, listen, taken, WebPages(installation))


@contextmanager
def only_server(found: Settings) -> Iterator[None]:
    """Hold the data folder's lock, so that one `serve` uses it; raises DataFolderInUseError."""
    path = found.data_dir / "serve.lock"
    private_file(path)
    with path.open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DataFolderInUseError(
                f"Another `cloudsealed serve` uses {found.data_dir}"
            ) from error
        yield
