"""The files of `cloudsealed audit aws --output`: their names say their formats.

They are checked before anything is audited, and written whole or not at all: each takes the place
of an older one once it is complete.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import typer

from cloudsealed.auditing import Auditing
from cloudsealed.cli.session import open_installation
from cloudsealed.cli.terminal import as_json
from cloudsealed.findings.exceptions import Exceptions
from cloudsealed.findings.export import written
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.policies.frameworks import OWN
from cloudsealed.vocabulary import ReportKind

if TYPE_CHECKING:
    from cloudsealed.reports.look import Look

SUFFIXES: Mapping[str, str] = {
    ".html": "html",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".json": "json",
    ".sarif": "sarif",
    ".sarif.json": "sarif",
    ".ocsf": "ocsf",
    ".ocsf.jsonl": "ocsf",
    ".pdf": "pdf",
}
"""How names of files end, and the format of such a file; the longest that fits counts."""

Finding = Mapping[str, Any]


class OutputError(CloudSealedError):
    """A file of an audit's results could not be made."""

    code = "output_failed"
    status = 500


@dataclass(frozen=True, slots=True)
class Output:
    """A file to be written, in a format of SUFFIXES."""

    path: Path
    format: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A completed audit: its public JSON, what it found, worst first, and what it could not read.

    `framework` is the key of the only one that it is about, "" for none.
    """

    installation: Auditing
    tenant: str
    audit: Mapping[str, Any]
    findings: Sequence[Finding]
    coverage: Mapping[str, Any]
    exceptions: Exceptions
    framework: str


def read_outputs(given: Iterable[str]) -> list[Output]:
    """Return the files of `--output`, each given alone or several with commas between.

    Raises the usage error of a name whose format is not known, that is given twice, or of what
    cannot be written there; folders are made.
    """
    outputs = [_read(name) for each in given for name in _names(each)]
    for number, output in enumerate(outputs):
        if output.path in [other.path for other in outputs[:number]]:
            raise _wrong(f"{output.path} is given twice")
        _make_room(output.path)
    return outputs


def _names(text: str) -> list[str]:
    """Return the names that commas separate; a comma in a name alone separates nothing."""
    names = [name.strip() for name in text.split(",")]
    return names if all(_format(name) for name in names) else [text]


def _format(name: str) -> str | None:
    fits = [suffix for suffix in SUFFIXES if name.lower().endswith(suffix)]
    return SUFFIXES[max(fits, key=len)] if fits else None


def _read(name: str) -> Output:
    found = _format(name)
    if found is None:
        known = ", ".join(suffix for suffix in SUFFIXES if suffix.count(".") == 1)
        raise _wrong(f"{name!r} names no format: it must end in one of {known}")
    return Output(Path(name).expanduser().resolve(), found)


def _make_room(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise PermissionError(None, "its folder cannot be written to")
    except OSError as error:
        raise _wrong(f"{path} cannot be written: {error.strerror}") from error


def _wrong(message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint="--output")


def write_outputs(outputs: Sequence[Output], ended: Ended) -> None:
    """Write the files of an audit; raises OSError, and what making a report raises."""
    for output in outputs:
        _write(output.path, _pieces(output.format, ended))


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file beside the one whose place it takes."""
    making = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with making.open("xb") as file:
            file.writelines(pieces)
        making.replace(path)
    finally:
        with suppress(FileNotFoundError):
            making.unlink()


def _pieces(wanted: str, ended: Ended) -> Iterable[bytes]:
    match wanted:
        case "csv" | "jsonl":
            return written(map(orjson.dumps, ended.findings), wanted)
        case "json":
            return [as_json(document(ended)).encode(), b"\n"]
        case "sarif":
            from cloudsealed.reports.sarif import sarif

            return [sarif(ended.audit, ended.findings, _versions(ended))]
        case "html":
            return _page(ended)
        case _:
            return _reported(wanted, ended)


def document(ended: Ended) -> dict[str, Any]:
    """Return an audit and its findings as one document."""
    return {"audit": ended.audit, "findings": list(ended.findings)}


def _page(ended: Ended) -> Iterator[bytes]:
    from cloudsealed.reports.page import Shown, page

    audits, ident = ended.installation.audits, ended.audit["id"]
    framework = None
    if ended.framework:
        framework = audits.framework(tenant=ended.tenant, key=ended.framework, audit_id=ident)
    return page(
        Shown(
            audit=ended.audit,
            findings=ended.findings,
            policies=_versions(ended),
            coverage=ended.coverage,
            tenant=ended.installation.tenants.get(tenant=ended.tenant).name,
            framework=framework,
        )
    )


def _versions(ended: Ended) -> Mapping[str, Mapping[str, Any]]:
    """Return what the policies say that the audit judged by, by key."""
    audits, ident = ended.installation.audits, ended.audit["id"]
    versions = audits.policy_versions(tenant=ended.tenant, ident=ident)
    return {version["key"]: version["spec"] for version in versions}


@dataclass(frozen=True, slots=True)
class _Accepted:
    """Observations, read as often as they are asked for, with what a file accepts of them."""

    observations: Iterable[Mapping[str, Any]]
    exceptions: Exceptions

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for item in self.observations:
            if (finding := item["finding"]) is not None:
                finding = self.exceptions.of(finding, item["policy"]["key"], item["resource"])
            yield {**item, "finding": finding}


def _reported(wanted: str, ended: Ended) -> Iterator[bytes]:
    """Yield the pieces of a file of a report: evidence of the framework; without one a summary as
    PDF, and as OCSF evidence of every policy."""
    from cloudsealed.reports.kinds import build
    from cloudsealed.reports.model import ReportRequest

    evidence = wanted == "ocsf" or ended.framework
    kind = ReportKind.COMPLIANCE_EVIDENCE if evidence else ReportKind.EXECUTIVE_SUMMARY
    request = ReportRequest(kind, ended.audit["id"], (ended.framework or OWN) if evidence else None)
    services = open_installation(create=False)
    with closing(services.database):
        source = services.sources()(ended.tenant, services.reports.prepare(request))
        source = replace(
            source,
            findings=ended.exceptions.applied(source.findings),
            observations=_Accepted(source.observations, ended.exceptions),
        )
        built = build(request, source)
        if wanted == "pdf":
            yield _pdf(built.document, source.look)
        else:
            yield from built.files[wanted]


def _pdf(document: dict[str, Any], look: Look) -> bytes:
    from cloudsealed.reports.render import RenderError, render_pdf

    try:
        return render_pdf(document, look)
    except RenderError as error:
        raise OutputError(str(error)) from error
