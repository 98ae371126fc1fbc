"""What a report is, what may be asked of one, and the plain data that it is made from.

It refuses to know how a report is stored or rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from cloudsealed.kit.errors import CloudSealedError, NotFoundError
from cloudsealed.kit.spreadsheet import MEDIA_TYPE as CSV
from cloudsealed.reports.look import PLAIN, Look
from cloudsealed.vocabulary import (
    Dimension,
    Provider,
    ReportKind,
    ReportStage,
    ReportStatus,
    Severity,
)

Document = dict[str, Any]
Finding = Mapping[str, Any]
Observation = Mapping[str, Any]

FORMATS: Mapping[str, str] = {
    "pdf": "application/pdf",
    "json": "application/json",
    "csv": CSV,
    "oscal": "application/oscal+json",
    "ocsf": "application/jsonl",
}
"""Every format of a report's files, with its media type."""
SUFFIXES: Mapping[str, str] = {"oscal": "oscal.json", "ocsf": "ocsf.jsonl"}
"""How the names of files end whose format is not what their readers look for in a name."""


class ReportNotFoundError(NotFoundError):
    """No report of the tenant has this id."""

    code = "report_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("report", ident)


class ReportNotReadyError(CloudSealedError):
    """A report's file is asked for before it was made, or after making it failed."""

    code = "report_not_ready"
    status = 409
    remedy = "Wait until `status` is `ready`; where it is `failed`, its `error` says why."


class ReportExpiredError(CloudSealedError):
    """A report's files are gone, because it is older than reports are kept."""

    code = "report_expired"
    status = 410
    remedy = "Ask for the report again, of the same audit while its evidence is kept."


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What the customer asked for; `language` None is the installation's."""

    kind: ReportKind
    audit_id: str
    framework: str | None = None
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    language: str | None = None


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """One file of a ready report: its format, size in bytes and SHA-256 in hex."""

    format: str
    size: int
    sha256: str

    def blob(self, report_id: str) -> str:
        """Return the name of the file's blob: another content has another name."""
        return f"{report_id}-{self.sha256}.{self.format}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a report in the making is: what is done now, and how much in all, from 0 to 100."""

    stage: ReportStage
    percent: int


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it stands. Times are RFC 3339 text; `error` has `code` and `message`.
    `created_by` is the id of the user who asked for it, None when a schedule did; nobody can change
    one, so the same user is the last to have."""

    id: str
    status: ReportStatus
    request: ReportRequest
    created_at: str
    finished_at: str | None = None
    expires_at: str | None = None
    error: Mapping[str, str] | None = None
    formats: tuple[ReportFormat, ...] = ()
    progress: Progress | None = None
    created_by: str | None = None

    def public(self) -> Document:
        """Return the report as the API shows it."""
        return {
            "id": self.id,
            "object": "report",
            "kind": self.request.kind,
            "status": self.status,
            "audit_id": self.request.audit_id,
            "framework": self.request.framework,
            "filters": {name: list(values) for name, values in self.request.filters.items()},
            "language": self.request.language,
            "formats": [
                {"format": item.format, "size": item.size, "sha256": item.sha256}
                for item in self.formats
            ],
            "progress": {"stage": self.progress.stage, "percent": self.progress.percent}
            if self.progress is not None
            else None,
            "error": self.error,
            "created_at": self.created_at,
            "finished_at": self.finished_at,
            "expires_at": self.expires_at,
            "created_by": self.created_by,
            "updated_by": self.created_by,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of findings since the audit before: of the same connections and scope.

    audit: the public JSON of that audit; `clock` is the moment by which it judged, RFC 3339.
    entered: the ids of those that fail now and did not then.
    left: the public JSON of those that failed then and do not now, read once.
    """

    audit: Mapping[str, Any]
    clock: str
    entered: Collection[str] = frozenset()
    left: Iterable[Finding] = ()


@dataclass(frozen=True, slots=True)
class ReportSource:
    """The plain data of one audit that a report is made from.

    audit: its public JSON; `coverage` is a fraction from 0 to 1 or null, `dimensions` maps each
    dimension to `score`, `fail`, `pass`, `unknown`, `accounts` are its targets.
    findings: the public JSON of every finding that failed in the audit, read once, in any order.
    tenant: the organisation's name.
    framework: `key`, `title`, `version`, `source`, `sections` (`id`, `title`) and `controls` with
    `id`, `title`, `section`, `status` and `policies` (keys); needed for compliance evidence alone.
    observations: what the framework's policies said of each resource, as `audits.observations`
    shows it, each with its `controls`; the same each time that it is read.
    policies: what the audit's policies say, by key: the version as JSON values, and `counts` of
    resources by outcome.
    classification: what a classification says, from its key and version, as JSON values; empty
    where that is not known any more.
    collected: `services` that were asked, `first_call_at` and `last_call_at`, RFC 3339 or None.
    seal: `root`, `digest` (of its envelope), `sequence` and `key_id`.
    gaps: what could not be read, and policy_errors: how many verdicts a policy failed to give, as
    the audit's coverage shows both.
    policy_titles: the titles of policies by key.
    owners: from ids of resources to who owns each, for those that have an owner.
    history: the public JSON of the completed audits of the same connections and scope, oldest
    first, this one the last.
    since: what changed; None when this is the first.
    frameworks: those that the audit touches, each as `framework` is.
    """

    audit: Mapping[str, Any]
    findings: Iterable[Finding]
    tenant: str
    framework: Mapping[str, Any] | None = None
    seal: Mapping[str, Any] | None = None
    gaps: Sequence[Mapping[str, Any]] = ()
    policy_titles: Mapping[str, str] = field(default_factory=dict)
    owners: Callable[[Sequence[str]], Mapping[str, str]] = lambda _resources: {}
    policy_errors: int = 0
    history: Sequence[Mapping[str, Any]] = ()
    since: Comparison | None = None
    frameworks: Sequence[Mapping[str, Any]] = ()
    look: Look = PLAIN
    observations: Iterable[Observation] = ()
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    classification: Callable[[str, int], Mapping[str, Any]] = lambda _key, _version: {}
    collected: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """One filter of a report: what of a finding it looks at, and the only values of an enum."""

    values: Callable[[Finding], Collection[str]]
    choices: tuple[str, ...] = ()


FILTERS: Mapping[str, FindingFilter] = {
    "severity": FindingFilter(lambda f: (f["severity"],), tuple(Severity)),
    "dimension": FindingFilter(lambda f: (f["dimension"],), tuple(Dimension)),
    "policy": FindingFilter(lambda f: (f["policy"]["key"], f["policy"]["id"])),
    "resource_type": FindingFilter(lambda f: (f["resource"]["type"],)),
    "provider": FindingFilter(lambda f: (f["resource"]["provider"],), tuple(Provider)),
    "account": FindingFilter(lambda f: (f["resource"]["account"],)),
    "region": FindingFilter(lambda f: (f["resource"]["region"],)),
    "framework": FindingFilter(lambda f: tuple(c["framework"] for c in f["controls"])),
}
"""What `filters` of a report may narrow its findings by."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a report is: the document that its PDF shows, and its other files in pieces, by format.

    The pieces are made while they are taken, once.
    """

    document: Document
    files: Mapping[str, Iterable[bytes]]


def written(document: Document) -> bytes:
    """Return a document as the bytes of a JSON file."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def matches(finding: Finding, filters: Mapping[str, tuple[str, ...]]) -> bool:
    """Say whether every filter takes the finding: one of its values is among the filter's."""
    return not filters or all(
        any(value in wanted for value in FILTERS[name].values(finding))
        for name, wanted in filters.items()
    )
