"""`cloudsealed audit`: audits an account with the SDK's own credentials; needs no server."""

from __future__ import annotations

import os
import time
from typing import Any

import orjson
import typer

from cloudsealed.auditing import Auditing
from cloudsealed.cli.progress import AuditProgress
from cloudsealed.cli.session import LOCAL, open_auditing
from cloudsealed.cli.summary import show_summary
from cloudsealed.cli.terminal import Terminal
from cloudsealed.kit.clock import utc_now
from cloudsealed.kit.errors import InvalidFieldError
from cloudsealed.vocabulary import AuditStatus, Severity

app = typer.Typer(help="Audit a cloud account.", no_args_is_help=True)

_USAGE, _AT_OR_ABOVE, _COVERAGE = 2, 3, 4
_HELD_SECONDS = 0.5
_INTERRUPTED = (
    "Interrupted. What was collected is kept: the same command goes on within a day, and begins"
    " anew with --fresh."
)
_GOES_ON = "What was collected is kept: renew the credentials and run the same command to go on."


@app.callback()
def group() -> None:
    """Audit a cloud account."""


@app.command("aws")
def aws(
    profile: str = typer.Option("", help="AWS profile; default: the SDK's own chain."),
    regions: str = typer.Option("", help="Comma list; default: every region that is enabled."),
    services: str = typer.Option("", help="Comma list such as s3,iam; default: all."),
    as_json: bool = typer.Option(False, "--json", help="Print the audit and its findings as JSON."),
    fresh: bool = typer.Option(False, "--fresh", help="Do not go on with an interrupted audit."),
    fail_on: Severity = typer.Option(None, help="Exit 3 when a finding is at or above this."),
    min_coverage: float = typer.Option(
        0.0,
        min=0.0,
        max=1.0,
        help="Exit 4 when coverage is below; what is forbidden is not covered.",
    ),
) -> None:
    """Audit an AWS account and print what was found.

    Exit codes: 0 done, 1 error or nothing readable, 2 usage, 3 findings at or above --fail-on,
    4 coverage below --min-coverage.
    """
    installation = open_auditing()
    tenant = installation.tenants.ensure(name=LOCAL).id
    installation.policies.synchronize(tenant=tenant)
    scope = {
        name: _parts(value)
        for name, value in (("regions", regions), ("services", services))
        if value
    }
    ident = _begun(installation, tenant, profile or "default", scope, fresh=fresh)
    try:
        audit = run_audit(installation, tenant, ident, profile=profile or None)
    except KeyboardInterrupt:
        Terminal(stderr=True).print(_INTERRUPTED)
        raise
    findings = list(installation.findings.of_audit(tenant=tenant, audit=ident))
    if as_json:
        Terminal().document({"audit": audit, "findings": findings})
    if audit["status"] != AuditStatus.COMPLETED:
        problem = audit["error"] or {"message": f"The audit was {audit['status']}"}
        Terminal(stderr=True).error(problem["message"])
        if installation.audits.find(tenant=tenant, ident=ident).is_resumable(utc_now()):
            Terminal(stderr=True).print(_GOES_ON)
        raise typer.Exit(1)
    if not as_json:
        show_summary(
            Terminal(wraps=True),
            audit,
            findings,
            installation.audits.coverage(tenant=tenant, ident=ident),
        )
    raise typer.Exit(_exit_code(audit, findings, fail_on, min_coverage))


def run_audit(
    installation: Auditing, tenant: str, ident: str, *, profile: str | None = None
) -> dict[str, Any]:
    """Run an audit to its end in this process, showing its progress; return its public form."""
    with AuditProgress(Terminal(stderr=True)) as progress:
        while True:
            ran = installation.runner.run(
                tenant=tenant, ident=ident, owner=_owner(), profile=profile, report=progress.update
            )
            audit: dict[str, Any] = orjson.loads(
                installation.audits.get(tenant=tenant, ident=ident)
            )
            if ran or AuditStatus(audit["status"]).is_final:
                return audit
            progress.waiting()
            time.sleep(_HELD_SECONDS)  # another process holds the audit; its lease ends within 15 s


def _begun(
    installation: Auditing, tenant: str, name: str, scope: dict[str, list[str]], *, fresh: bool
) -> str:
    """Return the id of the audit to run: one that was interrupted, else a new one."""
    connection = installation.connections.ensure(tenant=tenant, name=name, body={"provider": "aws"})
    audits, console = installation.audits, Terminal(stderr=True)
    for audit in audits.interrupted(tenant=tenant, connection_ids=(connection,), scope=scope):
        if not fresh and audits.go_on(tenant=tenant, audit=audit):
            console.print(f"Resuming {audit.id}, which was interrupted.")
            return audit.id
        if audits.abandon(tenant=tenant, ident=audit.id, owner=_owner()):
            console.print(
                f"{audit.id} of {audit.created_at}, which was interrupted, is canceled: a new one"
                " begins."
            )
    body = {"connection_ids": [connection], "scope": scope or None}
    try:
        return str(orjson.loads(audits.create(tenant=tenant, body=body, queue=False))["id"])
    except InvalidFieldError as error:
        Terminal(stderr=True).error(error.message)
        raise typer.Exit(_USAGE) from error


def _owner() -> str:
    return f"cli:{os.getpid()}"


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _exit_code(
    audit: dict[str, Any],
    findings: list[dict[str, Any]],
    fail_on: Severity | None,
    min_coverage: float,
) -> int:
    counted = [Severity(f["severity"]).rank for f in findings if f["status"] == "open"]
    if fail_on is not None and any(rank >= fail_on.rank for rank in counted):
        return _AT_OR_ABOVE
    return _COVERAGE if covered(audit) < min_coverage else 0


def covered(audit: dict[str, Any]) -> float:
    """Return the coverage that CI asks for: what nobody may read is not read either."""
    verdicts = audit["verdicts"]
    sought = verdicts["possible"] + verdicts["forbidden"]
    reachable = verdicts["possible"] / sought if sought else 1.0
    return float(audit["coverage"] or 0.0) * reachable
