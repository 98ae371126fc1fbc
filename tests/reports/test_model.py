from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.reports.bodies import parse_request
from cloudsealed.reports.model import ReportRequest, matches
from cloudsealed.vocabulary import ReportKind

AUDIT = "aud_01JD0000000000000000000000"


def test_a_full_body_becomes_a_request_with_lists_of_filters() -> None:
    body = {
        "kind": "remediation_plan",
        "audit_id": AUDIT,
        "framework": None,
        "filters": {"severity": ["high", "critical"], "account": "123456789012"},
        "language": "de",
    }
    assert parse_request(body) == ReportRequest(
        ReportKind.REMEDIATION_PLAN,
        AUDIT,
        None,
        {"severity": ("high", "critical"), "account": ("123456789012",)},
        "de",
    )


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"kind": "poem"}, "kind", "invalid_field"),
        ({"kind": None}, "kind", "missing_field"),
        ({"kind": ["executive_summary"]}, "kind", "invalid_field"),
        ({"audit_id": None}, "audit_id", "missing_field"),
        ({"audit_id": 7}, "audit_id", "invalid_field"),
        ({"framework": "cis-aws-5.0"}, "framework", "invalid_field"),
        ({"kind": "compliance_evidence"}, "framework", "missing_field"),
        ({"kind": "compliance_evidence", "framework": ""}, "framework", "invalid_field"),
        ({"filters": ["severity"]}, "filters", "invalid_field"),
        ({"filters": {"colour": "red"}}, "filters.colour", "unknown_field"),
        ({"filters": {"severity": "fatal"}}, "filters.severity", "invalid_field"),
        ({"filters": {"severity": []}}, "filters.severity", "invalid_field"),
        ({"filters": {"region": [1]}}, "filters.region", "invalid_field"),
        ({"filters": {"region": ["r"] * 101}}, "filters.region", "invalid_field"),
        ({"language": "la"}, "language", "invalid_field"),
        ({"language": ["de"]}, "language", "invalid_field"),
        ({"colour": "red"}, "colour", "unknown_field"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(
    change: dict[str, Any], field: str, code: str
) -> None:
    body = {"kind": "executive_summary", "audit_id": AUDIT, **change}
    with pytest.raises(CloudSealedError) as caught:
        parse_request(body)
    assert (caught.value.status, caught.value.code) == (422, code)
    assert caught.value.details[0]["field"] == field


@pytest.mark.parametrize(
    ("filters", "taken"),
    [
        ({}, True),
        ({"severity": ("low", "critical")}, True),
        ({"severity": ("low",)}, False),
        ({"policy": ("aws-ec2-sg-ssh-open",)}, True),
        ({"framework": ("cis-aws-5.0",)}, True),
        ({"framework": ("pci-4",)}, False),
        ({"severity": ("critical",), "region": ("us-east-1",)}, False),
        ({"account": ("123456789012",), "resource_type": ("aws.ec2.security_group",)}, True),
    ],
)
def test_a_finding_is_taken_when_every_filter_has_one_of_its_values(
    make_finding: Any, filters: dict[str, tuple[str, ...]], taken: bool
) -> None:
    assert matches(make_finding(), filters) is taken
