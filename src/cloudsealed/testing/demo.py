"""The demo: an emulated AWS and a cluster, a sample estate, one audit of all, and the API over it.

    python -m cloudsealed.testing.demo [--once] [--port PORT]

It keeps its data in `cloudsealed-demo`, made anew each time, and speaks to this machine alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import orjson
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cloudsealed.api.listen import Listen
from cloudsealed.cli.audit import run_audit
from cloudsealed.cli.main import INTERRUPTED, end_at_once
from cloudsealed.cli.operate import initialize
from cloudsealed.cli.serve import DataFolderInUseError, only_server, opened, serve_until_stopped
from cloudsealed.cli.session import open_installation
from cloudsealed.cli.summary import show_summary
from cloudsealed.cli.terminal import Terminal
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.settings import Settings
from cloudsealed.storage.private import IGNORED, data_folder
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import deploy
from cloudsealed.testing.estate_site import AUDIT_ROLE, FAR_REGION, HOME_REGION, SECOND_ACCOUNT
from cloudsealed.testing.kubernetes.audited import served
from cloudsealed.testing.kubernetes.estate import facts
from cloudsealed.vocabulary import AuditStatus

FOLDER = Path("cloudsealed-demo")
_EMAIL, _TENANT = "demo@example.com", "Larkspur"
_LOCK, _KEYS = "serve.lock", "keys.json"
_ELSEWHERE = ("DATABASE_URL", "BLOB_URL", "KEY_FILE", "PUBLIC_URL", "VALKEY_URL")


class DemoFolderError(CloudSealedError):
    """The demo's folder holds something that is not the demo's, or cannot be made."""

    code = "demo_folder"


def main(argv: list[str] | None = None) -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(prog="cloudsealed demo")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args(argv)
    console = Terminal(wraps=True)
    try:
        with _own_folder():
            if arguments.once:
                return _once(console)
            return _served(console, Listen(port=arguments.port))
    except CloudSealedError as error:
        Terminal(stderr=True).error(error.message, error.code)
        return 1
    except KeyboardInterrupt:
        end_at_once(INTERRUPTED)


def _once(console: Terminal) -> int:
    _empty_folder()
    with _emulated() as endpoint:
        return 0 if _audited(console, endpoint) else 1


def _served(console: Terminal, listen: Listen) -> int:
    """Audit, then serve until a signal; return the exit code."""
    with listen.taken() as taken:
        for each in taken.sockets:
            each.listen()  # who asks meanwhile waits, and nobody else gets the port
        _empty_folder()
        with _emulated() as endpoint:
            made = _audited(console, endpoint)
            if made is None:
                return 1
            _show_how(console, made, taken.url)
            serve_until_stopped(opened(taken), listen, taken)
    return 0


@contextmanager
def _own_folder() -> Iterator[None]:
    """Hold the demo's folder; raises DemoFolderError where it cannot be the demo's alone."""
    with ExitStack() as stack:
        try:
            if FOLDER.exists() and any(FOLDER.iterdir()) and not _is_the_demos():
                raise DemoFolderError(f"{FOLDER} exists and is not the demo's: move it away")
            data_folder(FOLDER)
            stack.enter_context(only_server(Settings(data_dir=FOLDER)))
        except OSError as error:
            raise DemoFolderError(f"{FOLDER.absolute()} cannot be made anew: {error}") from error
        except DataFolderInUseError as error:
            raise DemoFolderError(
                f"Another demo runs in {FOLDER.absolute()}: end it with Ctrl+C, or begin this one"
                " in another folder"
            ) from error
        yield


def _is_the_demos() -> bool:
    return any((FOLDER / name).exists() for name in (_LOCK, _KEYS))


def _empty_folder() -> None:
    """Remove what the last demo left, but for the lock, which is held."""
    try:
        for path in FOLDER.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name not in (_LOCK, IGNORED):
                path.unlink()
    except OSError as error:
        raise DemoFolderError(f"{FOLDER.absolute()} cannot be made anew: {error}") from error


@contextmanager
def _emulated() -> Iterator[str]:
    """Run an emulator whose endpoint and a cluster, and no real account, are all that this process
    knows."""
    os.environ["CLOUDSEALED_DATA_DIR"] = str(FOLDER.resolve())
    for name in _ELSEWHERE:
        os.environ.pop(f"CLOUDSEALED_{name}", None)
    cluster = (fact.item for fact in facts())
    with Emulator() as emulator, served(FOLDER, cluster):
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(emulator.environment())
        yield emulator.endpoint


def _audited(console: Terminal, endpoint: str) -> Mapping[str, Any] | None:
    """Return what `init` made, after an audit of the sample estate; None when that failed."""
    _deploy(endpoint)
    made = initialize(_EMAIL, _TENANT)
    audit = _audit(console, made["tenant"]["id"])
    return made if audit["status"] == AuditStatus.COMPLETED else None


def _deploy(endpoint: str) -> None:
    console = Terminal(stderr=True)
    with Progress(
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.description:<11}", markup=False),
        BarColumn(bar_width=28),
        TextColumn("{task.fields[detail]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("Deploying", total=None, detail="")

        def update(done: int, total: int, step: str) -> None:
            progress.update(task, total=total, completed=done, detail=step)

        manifest = deploy(endpoint, update)
        progress.update(task, detail=f"{manifest.total} resources of {len(manifest.counts)} types")
    if not console.is_terminal:
        console.print(f"Deployed {manifest.total} resources of {len(manifest.counts)} types")


def _audit(console: Terminal, tenant: str) -> Mapping[str, Any]:
    installation = open_installation(create=False)
    bodies = (
        {"provider": "aws", "name": "larkspur-main", "regions": [HOME_REGION, FAR_REGION]},
        {
            "provider": "aws",
            "name": "larkspur-sandbox",
            "regions": [HOME_REGION, FAR_REGION],
            "role_arn": f"arn:aws:iam::{SECOND_ACCOUNT}:role/{AUDIT_ROLE}",
        },
        {"provider": "kubernetes", "name": "larkspur-cluster"},
    )
    made = [
        orjson.loads(installation.connections.create(tenant=tenant, body=body)) for body in bodies
    ]
    request = {"connection_ids": [connection["id"] for connection in made]}
    ident = orjson.loads(installation.audits.create(tenant=tenant, body=request, queue=False))["id"]
    began, cpu = time.monotonic(), time.process_time()
    audit = run_audit(installation, tenant, ident)
    wall, own = time.monotonic() - began, time.process_time() - cpu
    if audit["status"] == AuditStatus.COMPLETED:
        findings = list(installation.findings.of_audit(tenant=tenant, audit=ident))
        coverage = installation.audits.coverage(tenant=tenant, ident=ident)
        show_summary(console, audit, findings, coverage)
        console.print(f"The audit took {wall:.1f} s, of which {own:.1f} s of our own CPU")
    else:
        console.error((audit["error"] or {}).get("message", audit["status"]))
    installation.database.close()
    return audit


def _show_how(console: Terminal, made: Mapping[str, Any], base: str) -> None:
    curl = f'  curl -s -H "Authorization: Bearer $CS_TOKEN" \'{base}'
    lines = [
        "",
        "Serving. In another terminal:",
        "",
        f"  export CS_TOKEN={made['token']}",
        f"{curl}/v1/findings?severity=critical&limit=5'",
        f"{curl}/v1/findings?limit=50'",
        f"{curl}/v1/findings?severity=urgent'",
        f"{curl}/v1/audits'",
        "",
        f"  Log in at {base}/login as {made['email']} with {made['password']}",
        f"  Interactive docs: {base}/docs      Stop with Ctrl+C",
        "",
    ]
    for line in lines:
        console.print(line, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
