"""The demo: an emulated AWS, a sample estate, an audit of both its accounts, and the API over it.

    python -m cloudsealed.testing.demo [--once] [--port PORT]

It keeps its data in `cloudsealed-demo`, made anew each time, and speaks to this machine alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cloudsealed.api.server import Listen
from cloudsealed.cli.audit import run_audit
from cloudsealed.cli.beside import worker_beside
from cloudsealed.cli.operate import initialize, only_server, serve_until_stopped
from cloudsealed.cli.session import open_installation
from cloudsealed.cli.summary import show_summary
from cloudsealed.cli.terminal import Terminal
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.storage.private import private_folder
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import deploy
from cloudsealed.testing.estate_site import AUDIT_ROLE, FAR_REGION, HOME_REGION, SECOND_ACCOUNT
from cloudsealed.vocabulary import AuditStatus

FOLDER = Path("cloudsealed-demo")
_MARK = "keys.json"


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
        return _demo(console, once=arguments.once, port=arguments.port)
    except CloudSealedError as error:
        Terminal(stderr=True).error(error.message)
        return 1


def _demo(console: Terminal, *, once: bool, port: int) -> int:
    _fresh_folder()
    os.environ["CLOUDSEALED_DATA_DIR"] = str(FOLDER.resolve())
    for name in ("DATABASE_URL", "BLOB_URL", "KEY_FILE"):
        os.environ.pop(f"CLOUDSEALED_{name}", None)
    with Emulator() as emulator:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]  # the demo never speaks to a real account
        os.environ.update(emulator.environment())
        _deploy(emulator.endpoint)
        made = initialize("demo@example.com")
        audit = _audit(console, made["tenant"]["id"])
        if audit["status"] != AuditStatus.COMPLETED:
            return 1
        if once:
            return 0
        _show_how(console, made["token"], port)
        with only_server(FOLDER), worker_beside() as beside:
            installation = open_installation(create=False)
            serve_until_stopped(installation, Listen(port=port), beside)
    return 0


def _fresh_folder() -> None:
    try:
        if FOLDER.exists():
            if not (FOLDER / _MARK).exists() and any(FOLDER.iterdir()):
                raise DemoFolderError(f"{FOLDER} exists and is not the demo's: move it away")
            shutil.rmtree(FOLDER)
        private_folder(FOLDER)
    except OSError as error:
        raise DemoFolderError(f"{FOLDER.absolute()} cannot be made anew: {error}") from error


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


def _show_how(console: Terminal, token: str, port: int) -> None:
    base = f"http://127.0.0.1:{port}"
    curl = f'  curl -s -H "Authorization: Bearer $CS_TOKEN" \'{base}'
    lines = [
        "",
        "Serving. In another terminal:",
        "",
        f"  export CS_TOKEN={token}",
        f"{curl}/v1/findings?severity=critical&limit=5'",
        f"{curl}/v1/findings?limit=50'",
        f"{curl}/v1/findings?severity=urgent'",
        f"{curl}/v1/audits'",
        "",
        f"  Interactive docs: {base}/docs      Stop with Ctrl+C",
        "",
    ]
    for line in lines:
        console.print(line, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
