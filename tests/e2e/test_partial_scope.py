"""An audit of a part decides nothing otherwise than one of everything: it may only not know."""

from __future__ import annotations

from typing import Any

import pytest
from tests.e2e.installation import Document, Installation, standing
from tests.e2e.scopes import Recorded, differences, scopes

from cloudsealed.audits.model import Scope
from cloudsealed.testing.estate_site import FAR_REGION, HOME_REGION

SUBSETS = 20


@pytest.fixture(scope="module")
def recorded(audited: Any) -> Recorded:
    return Recorded.of(audited.installation, audited.audits[0]["id"])


def test_no_part_of_an_audit_decides_otherwise_than_the_whole(recorded: Recorded) -> None:
    """Only policies with relations see more than their own resource, which is read whole."""
    related = recorded.only(p for p in recorded.policies if p.spec.get("related"))
    assert list(differences(related, scopes(SUBSETS))) == []
    few = [Scope(regions=(FAR_REGION,)), Scope(services=("s3",))]
    assert list(differences(recorded, few)) == []


def test_what_the_rest_could_change_is_unknown_and_what_it_could_not_is_decided(
    recorded: Recorded,
) -> None:
    home, far = (
        {policy: observation.outcome for (policy, _), observation in said.items()}
        for said in recorded.said(
            [Scope(regions=(region,)) for region in (HOME_REGION, FAR_REGION)]
        )
    )
    assert (home["aws-cloudtrail-missing"], far["aws-cloudtrail-missing"]) == ("pass", "pass")
    assert home["aws-alarm-vpc-changes-missing"] == "unknown"


def _own_evidence(installation: Installation) -> dict[str, Document]:
    """Return the findings with what they show of their own resource: of others an audit of one
    region shows those that it saw."""
    return {
        ident: finding
        | {"evidence": [e for e in finding["evidence"] if not e["path"].startswith("related.")]}
        for ident, finding in installation.findings().items()
    }


def test_a_partial_audit_opens_and_resolves_nothing(audited: Any) -> None:
    installation = audited.installation
    before = standing(_own_evidence(installation))
    services = ["account", "cloudtrail", "logs", "sqs"]
    audit = installation.audit(regions=[FAR_REGION], services=services)
    assert standing(_own_evidence(installation)) == before
    assert audit["verdicts"]["out_of_scope"] > 10
    assert audit["coverage"] == 1.0
    [left_out] = [
        each
        for each in installation.coverage(audit)["out_of_scope"]
        if each["type"] == "aws.logs.metric_filter"
    ]
    assert left_out["regions"] == ["eu-west-1"]
    assert "aws-alarm-vpc-changes-missing" in left_out["policies"]
