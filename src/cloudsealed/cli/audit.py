"""`cloudsealed audit`: audits an account with the credentials of this machine; needs no server.

There is a command for each provider, and they differ in whose credentials they name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Any

import orjson
import typer

from cloudsealed import __version__
from cloudsealed.auditing import Auditing
from cloudsealed.cli.outputs import SUFFIXES, Ended, document, read_outputs, write_outputs
from cloudsealed.cli.progress import AuditProgress, Told
from cloudsealed.cli.request import (
    AuditRequest,
    read_given,
    refuse_half,
    refuse_unknown_framework,
    requested,
)
from cloudsealed.cli.session import LOCAL, open_auditing, settings
from cloudsealed.cli.summary import show_rest, show_summary
from cloudsealed.cli.telling import Telling
from cloudsealed.cli.terminal import Terminal
from cloudsealed.collectors.provider import NO_CHOICE, Choice
from cloudsealed.collectors.providers import PROVIDERS, Known, provider_of
from cloudsealed.findings.exceptions import is_accepted
from cloudsealed.jobs.worker import worker_name
from cloudsealed.kit.clock import utc_now
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.percent import percent
from cloudsealed.kit.traces import span, traced
from cloudsealed.packs import PolicyFileError
from cloudsealed.vocabulary import AuditStatus, FindingStatus, Provider, Severity

app = typer.Typer(help="Audit a cloud account.", no_args_is_help=True)

_ERROR, _USAGE, _AT_OR_ABOVE, _COVERAGE = 1, 2, 3, 4
_HELD_SECONDS = 0.5
_MOST_WARNINGS = 20
_INTERRUPTED = (
    "Interrupted. What was collected is kept: the same command goes on within a day, and begins"
    " anew with --fresh."
)
_GOES_ON = "What was collected is kept: renew the credentials and run the same command to go on."
THIN = 0.9
"""Coverage below this is remarked on."""
LEAST = 0.5
"""The coverage without which --fail-on proves nothing, unless --min-coverage says otherwise."""


class LogFormat(StrEnum):
    """The forms of what is said on stderr; those of the setting."""

    LINES = "lines"
    JSON = "json"


@app.callback()
def group() -> None:
    """Audit a cloud account."""


def _audit(
    provider: Provider,
    choice: Choice,
    regions: str = typer.Option("", help="Comma list; default: every region that is enabled."),
    services: str = typer.Option("", help="Comma list such as s3,iam; default: all."),
    types: str = typer.Option("", help="Comma list such as aws.s3.bucket; default: all."),
    framework: str = typer.Option(
        "", help="Judge by the policies of this framework alone, such as cis-aws-5.0."
    ),
    policy: list[Path] = typer.Option(
        None, exists=True, help="A policy file, or a folder of them, to judge by too; repeatable."
    ),
    exceptions: Path = typer.Option(
        None, exists=True, dir_okay=False, help="A file of accepted risks, with reason and end."
    ),
    output: list[str] = typer.Option(
        None, help=f"A file to write; its name ends in {', '.join(SUFFIXES)}. Repeatable."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the audit and its findings as JSON."),
    fresh: bool = typer.Option(False, "--fresh", help="Do not go on with an interrupted audit."),
    fail_on: Severity = typer.Option(
        None, help="Exit 3 when a finding that nobody accepted is at or above this."
    ),
    min_coverage: float = typer.Option(
        None,
        min=0.0,
        max=1.0,
        help="Exit 4 when coverage is below; what is forbidden is not covered. With --fail-on 0.5.",
    ),
    verbose: bool = typer.Option(False, "--verbose", help="Log every call, on stderr."),
    quiet: bool = typer.Option(False, "--quiet", help="Say errors alone, and why not 0."),
    log_format: LogFormat = typer.Option(None, help="Whether stderr is lines or JSON records."),
) -> None:
    form = str(log_format or settings().log_format)
    telling = Telling(verbose=verbose, quiet=quiet, as_json=form == LogFormat.JSON)
    refuse_unknown_framework(framework)
    outputs = read_outputs(output or ())
    scope = {
        "regions": _parts(regions),
        "services": _parts(services),
        "resource_types": _parts(types),
    }
    try:
        files = read_given(policy or (), exceptions)
        if choice.files:
            held = _brought(provider, choice, telling)
            if not types:  # of what they do not hold they say nothing
                scope["resource_types"] = held
        installation = open_auditing()
        tenant = installation.tenants.ensure(name=LOCAL).id
        request = requested(installation, tenant, provider, choice, scope, framework, files)
        ident = _begun(installation, tenant, request, telling, fresh=fresh or bool(choice.files))
    except PolicyFileError as error:
        for each in error.every:
            telling.error(str(each), each.code)
        raise typer.Exit(_USAGE) from error
    except CloudSealedError as error:
        telling.error(error.message, error.code)
        raise typer.Exit(_ERROR) from error
    try:
        with traced("cloudsealed", __version__), telling.progress() as progress:
            audit = run_audit(installation, tenant, ident, choice=choice, progress=progress)
        ended = _ended(installation, tenant, audit, request)
        _refuse_incomplete(ended, telling, as_json=as_json)
        write_outputs(outputs, ended)
    except KeyboardInterrupt:
        telling.warn(_INTERRUPTED)
        raise
    except (CloudSealedError, OSError) as error:
        telling.error(getattr(error, "message", str(error)), getattr(error, "code", ""))
        raise typer.Exit(_ERROR) from error
    if as_json:
        Terminal().document(document(ended))
    elif not telling.is_quiet:
        show_summary(Terminal(wraps=True), audit, ended.findings, ended.coverage)
        show_rest(Terminal(), ended.findings, [each.path for each in outputs])
    raise typer.Exit(_code(ended, fail_on, min_coverage, telling))


def _brought(provider: Provider, choice: Choice, telling: Telling) -> list[str]:
    """Return the types of resources in files, and say what of the files is not judged as it is."""
    brought = provider_of(provider).brought(choice.files)
    for warning in brought.warnings[:_MOST_WARNINGS]:
        telling.warn(warning)
    if (more := len(brought.warnings) - _MOST_WARNINGS) > 0:
        telling.warn(f"And {more} more of the kind.")
    if brought.other:
        telling.remark(f"Not judged, as no policy is about them: {brought.other}")
    return [*brought.types]


def _command(provider: Provider, known: Known) -> Callable[..., None]:
    """Return the command that audits an account of a provider."""

    own = [_option(known.option, str, typer.Option("", help=known.option_help))]
    if known.files is not None:
        files, named, account = known.files
        own += [
            _option(_FILES, list[Path], typer.Option(None, "--import", exists=True, help=files)),
            _option(named, str, typer.Option("", help=account)),
        ]

    def audit(**given: Any) -> None:
        files, account = given.pop(_FILES, None) or (), ""
        if known.files is not None:
            account = given.pop(known.files[1])
            refuse_half(known.files[1], account, files, known.option, given[known.option])
        choice = Choice(given.pop(known.option) or None, tuple(files), account or None)
        _audit(provider, choice, **given)

    shared = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in _SHARED.values()]
    audit.__signature__ = Signature([*own, *shared])  # type: ignore[attr-defined]
    audit.__annotations__ = {each.name: each.annotation for each in (*own, *shared)}
    audit.__doc__ = f"Audit {known.account} and print what was found.\n\n{_EXIT_CODES}"
    return audit


def _option(name: str, kind: type, option: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=option, annotation=kind)


_FILES = "files"
_EXIT_CODES = (
    "Exit codes: 0 done, 1 error or nothing readable, 2 usage, 3 findings at or above --fail-on,"
    " 4 coverage below --min-coverage."
)
_SHARED = {
    name: each
    for name, each in signature(_audit).parameters.items()
    if name not in ("provider", "choice")
}
for _provider, _known in PROVIDERS.items():
    app.command(_provider.value)(_command(_provider, _known))


def run_audit(
    installation: Auditing,
    tenant: str,
    ident: str,
    *,
    choice: Choice = NO_CHOICE,
    progress: Told | None = None,
) -> dict[str, Any]:
    """Run an audit to its end in this process, showing its progress; return its public form."""
    if progress is None:
        with AuditProgress(Terminal(stderr=True)) as shown:
            return run_audit(installation, tenant, ident, choice=choice, progress=shown)
    owner = _owner()
    while True:
        with span("audit", facts={"tenant": tenant, "subject": ident}):
            ran = installation.runner.run(
                tenant=tenant, ident=ident, owner=owner, choice=choice, report=progress.update
            )
        audit: dict[str, Any] = orjson.loads(installation.audits.get(tenant=tenant, ident=ident))
        if ran or AuditStatus(audit["status"]).is_final:
            return audit
        progress.waiting()
        time.sleep(_HELD_SECONDS)  # another process holds the audit; its lease ends within 15 s


def _begun(
    installation: Auditing, tenant: str, request: AuditRequest, telling: Telling, *, fresh: bool
) -> str:
    """Return the id of the audit to run: one that was interrupted, else a new one."""
    audits = installation.audits
    for audit in request.interrupted(installation, tenant):
        if not fresh and audits.go_on(tenant=tenant, audit=audit):
            telling.remark(f"Resuming {audit.id}, which was interrupted.")
            return audit.id
        if audits.abandon(tenant=tenant, ident=audit.id, owner=_owner()):
            telling.remark(
                f"{audit.id} of {audit.created_at}, which was interrupted, is canceled: a new one"
                " begins."
            )
    return request.create(installation, tenant)


def _owner() -> str:
    return f"cli:{worker_name()}"


def _parts(text: str) -> list[str] | None:
    """Return the parts of a comma list; None when the option was left out."""
    return [*dict.fromkeys(filter(None, map(str.strip, text.split(","))))] if text else None


def _ended(
    installation: Auditing, tenant: str, audit: dict[str, Any], request: AuditRequest
) -> Ended:
    """Return how an audit ended, with what it found, worst first."""
    completed = audit["status"] == AuditStatus.COMPLETED
    found = installation.findings.of_audit(tenant=tenant, audit=audit["id"])
    coverage = installation.audits.coverage(tenant=tenant, ident=audit["id"]) if completed else {}
    return Ended(
        installation=installation,
        tenant=tenant,
        audit=audit,
        findings=list(request.exceptions.applied(found)),
        coverage=coverage,
        exceptions=request.exceptions,
        framework=request.framework,
    )


def _refuse_incomplete(ended: Ended, telling: Telling, *, as_json: bool) -> None:
    """Say why an audit has not completed, and exit 1."""
    audit = ended.audit
    if audit["status"] == AuditStatus.COMPLETED:
        return
    if as_json:
        Terminal().document(document(ended))
    problem = audit["error"] or {"message": f"The audit was {audit['status']}", "code": ""}
    telling.error(problem["message"], problem["code"])
    found = ended.installation.audits.find(tenant=ended.tenant, ident=audit["id"])
    if found.is_resumable(utc_now()):
        telling.remark(_GOES_ON)
    raise typer.Exit(_ERROR)


def _code(
    ended: Ended, fail_on: Severity | None, min_coverage: float | None, telling: Telling
) -> int:
    """Return the exit code, and say why it is not 0 and what else should not be overlooked."""
    audit, at = ended.audit, ended.audit["finished_at"]
    for remark in ended.exceptions.remarks(at):
        telling.warn(remark)
    found = covered(audit)
    judged = audit["coverage"] is not None or audit["verdicts"]["forbidden"] > 0
    if judged and found < THIN:
        telling.warn(
            f"Only {percent(found)} could be read: nothing is said of the rest, which may fail too"
        )
    ranks = [
        Severity(each["severity"]).rank
        for each in ended.findings
        if each["status"] == FindingStatus.OPEN and not is_accepted(each, at)
    ]
    if fail_on is not None and (number := sum(rank >= fail_on.rank for rank in ranks)):
        telling.error(f"--fail-on {fail_on}: {number} at or above")
        return _AT_OR_ABOVE
    least = LEAST if judged and fail_on is not None else 0.0
    if found < (least := least if min_coverage is None else min_coverage):
        telling.error(f"Coverage is {percent(found)}, which is below {percent(least)}")
        return _COVERAGE
    return 0


def covered(audit: Mapping[str, Any]) -> float:
    """Return the coverage that CI asks for: what nobody may read is not read either."""
    verdicts = audit["verdicts"]
    sought = verdicts["possible"] + verdicts["forbidden"]
    reachable = verdicts["possible"] / sought if sought else 1.0
    return float(audit["coverage"] or 0.0) * reachable
