"""What bodies about reports may say, and the requests that they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloudsealed.audits.bodies import AUDIT_ID
from cloudsealed.connections.bodies import connections
from cloudsealed.kit.errors import MissingFieldError
from cloudsealed.kit.shapes import (
    NAME,
    Choice,
    Component,
    Fault,
    FormError,
    Part,
    Path,
    Record,
    Text,
    Texts,
    dotted,
    read_body,
    refuse,
    words,
)
from cloudsealed.reports.model import FILTERS, ReportRequest
from cloudsealed.settings import LANGUAGES
from cloudsealed.vocabulary import FIRST_PROVIDER, ReportKind

LANGUAGE = "Language of its PDF; null: the installation's."
THROUGH = "Of the newest completed audit through these connections; null: through any."
FRAMEWORK_KEY = Component(
    "FrameworkKey",
    Text(told=r"^[a-z0-9.-]+$", longest=100, least=0),
    "Key of a framework of controls.",
    ("cis-aws-5.0",),
)
_VALUES = Texts(NAME, most=100, distinct=False)  # as in a query, where it is repeated


@dataclass(frozen=True, slots=True)
class _OneOrMore(Component):
    """A value of a filter or several, which are among `known` if there are any."""

    known: tuple[str, ...] = ()

    def read(self, value: Any, at: Path = ()) -> tuple[str, ...]:
        found = (Text().read(value, at),) if isinstance(value, str) else _VALUES.read(value, at)
        for each in found if self.known else ():
            if each not in self.known:
                said = f"must be one of: {', '.join(self.known)}"
                raise FormError(at, said, Fault.VALUE, each, self.known)
        return found


def _filter(name: str, doc: str, example: Any) -> Part:
    one = Choice((NAME, _VALUES), lambda value, _: NAME if isinstance(value, str) else _VALUES)
    shape = _OneOrMore("OneOrMore", one, "", known=FILTERS[name].choices)
    return Part(shape, doc, example=example)


NARROWING = Component(
    "ReportNarrowing",
    Record(
        {
            name: _filter(name, doc, example)
            for name, doc, example in (
                ("severity", "Severities.", ["high", "critical"]),
                ("dimension", "Dimensions.", "security"),
                ("policy", "Ids or keys of policies.", "aws-s3-bucket-public-read"),
                ("resource_type", "Types of resources.", "aws.s3.bucket"),
                ("provider", "Clouds.", FIRST_PROVIDER),
                ("account", "Accounts.", "123456789012"),
                ("region", "Regions.", ["eu-west-1", "global"]),
                ("framework", "Keys of frameworks.", "cis-aws-5.0"),
            )
        }
    ),
    "What narrows a report's findings: for each, a value or several.",
    ({"severity": ["high", "critical"]},),
)
_KIND = Part(words(ReportKind), "What to tell.", needed=True, example="executive_summary")
_REST = {
    "framework": Part(FRAMEWORK_KEY, "Of compliance evidence, which needs it, the framework."),
    "filters": Part(
        NARROWING, "What to narrow its findings to.", example={"severity": ["high", "critical"]}
    ),
    "language": Part(words(LANGUAGES), LANGUAGE, example="de"),
}

REPORT = Component(
    "ReportBody",
    Record(
        {
            "kind": _KIND,
            "audit_id": Part(AUDIT_ID, "The audit to tell of; it must be completed.", needed=True),
            **_REST,
        }
    ),
    "A new report of a completed audit.",
)

SCHEDULED = Component(
    "ScheduledReportBody",
    Record({"kind": _KIND, **_REST, "connection_ids": connections(THROUGH, needed=False)}),
    "A report of the newest completed audit through these connections, or through any.",
)


def parse_request(body: Any) -> ReportRequest:
    """Return what a body asks for; raises the 422 that names the first bad field."""
    asked = read_body(REPORT, body)
    return request_of(asked, asked["audit_id"])


def request_of(asked: Mapping[str, Any], audit_id: str = "", at: Path = ()) -> ReportRequest:
    """Return the request that stands `at` a path of a body that was read; raises the 422 of a
    framework that is missing, or there and not wanted."""
    kind, framework = ReportKind(asked["kind"]), asked["framework"]
    field = dotted((*at, "framework"))
    if kind is ReportKind.COMPLIANCE_EVIDENCE:
        if framework is None:
            raise MissingFieldError(field)
    elif framework is not None:
        raise refuse(field, f"must be absent for {kind}")
    given = asked["filters"] or {}
    filters = {name: values for name, values in given.items() if values is not None}
    return ReportRequest(kind, audit_id, framework, filters, asked["language"])
