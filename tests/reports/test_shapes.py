"""What a report's JSON says is what the API's document says of it, field by field."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cloudsealed.api.components import components
from cloudsealed.api.v1.schemas.reports import ReportDocument
from cloudsealed.reports.kinds import build
from cloudsealed.reports.model import ReportRequest, ReportSource
from cloudsealed.vocabulary import ReportKind

Json = dict[str, Any]


def _closed(schemas: Json) -> Json:
    """Return the shapes with no room for a field that they do not name."""
    return {
        name: {**schema, "additionalProperties": False} if "properties" in schema else schema
        for name, schema in schemas.items()
    }


@pytest.mark.parametrize("kind", ReportKind)
def test_a_reports_json_has_exactly_the_fields_that_the_document_says(
    kind: ReportKind,
    make_source: Callable[..., ReportSource],
    make_finding: Callable[..., Json],
    make_framework: Callable[[], Json],
    make_observation: Callable[..., Json],
) -> None:
    of_framework = kind is ReportKind.COMPLIANCE_EVIDENCE
    given = {"framework": make_framework(), "observations": [make_observation()]}
    source = make_source([make_finding(1), make_finding(2)], **(given if of_framework else {}))
    request = ReportRequest(kind, source.audit["id"], "cis-aws-5.0" if of_framework else None, {})
    told = json.loads(b"".join(build(request, source).files["json"]))
    schemas = _closed(components({ReportDocument}, set()))
    whole = {"$ref": "#/components/schemas/ReportDocument", "components": {"schemas": schemas}}
    faults = Draft202012Validator(whole).iter_errors(told)
    assert [(list(e.absolute_path), e.message[:300]) for e in faults] == []
    assert told["kind"] == kind
