"""What all calls of a region say together: it denies everything, or is not enabled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from tests.audits.world import ACCOUNT, TENANT, Clock, Pass

from cloudsealed.audits.records.ledger import Recorder
from cloudsealed.audits.records.tally import tally
from cloudsealed.audits.steps.regions import settle_regions
from cloudsealed.collectors.model import Answer, Place, unit_of
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import CallOutcome

OK, EMPTY, FAILED = CallOutcome.OK, CallOutcome.EMPTY, CallOutcome.FAILED
DENIED, BY_ORGANIZATION = CallOutcome.DENIED, CallOutcome.DENIED_BY_ORGANIZATION
REGION_DENIED, UNSUPPORTED = CallOutcome.REGION_DENIED, CallOutcome.UNSUPPORTED
CODES = {DENIED: "AccessDenied", BY_ORGANIZATION: "AccessDenied", FAILED: "500"}
HOME = {"ec2:DescribeVpcs": OK, "sqs:ListQueues": EMPTY, "sns:ListTopics": DENIED}
Said = dict[str, CallOutcome | str]


@dataclass
class Ledger:
    """The ledger of an audit, written by regions and settled."""

    audit: Pass
    database: Database
    clock: Clock

    def settled(self, *, account: str = ACCOUNT, **regions: Said) -> dict[str, dict[str, str]]:
        """Return the outcomes of calls by region (`a_b` is a-b); a text is an error code."""
        lease = self.audit.take()
        with Recorder(lease, self.audit.id) as recorder:
            for name, calls in regions.items():
                for call, said in calls.items():
                    service, _, operation = call.partition(":")
                    place = Place(account, name.replace("_", "-"))
                    outcome = said if isinstance(said, CallOutcome) else FAILED
                    code = CODES.get(said) if isinstance(said, CallOutcome) else said
                    recorder.record(
                        unit_of(place, service, operation, {}),
                        Answer(outcome, None, self.clock(), error_code=code),
                    )
        settle_regions(self.database, lease)
        first = self._by_region()
        settle_regions(self.database, lease)
        assert self._by_region() == first
        return first

    def _by_region(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for call in tally(self.database, tenant=TENANT, audit_id=self.audit.id):
            region = found.setdefault(call.region.replace("-", "_"), {})
            region[f"{call.service}:{call.operation}"] = call.outcome
        return found


@pytest.fixture
def ledger(begin: Any, database: Database, clock: Clock) -> Ledger:
    return Ledger(begin(), database, clock)


@pytest.mark.parametrize("denial", [DENIED, BY_ORGANIZATION])
def test_a_region_that_denies_what_another_allows_is_denied_as_a_whole(
    ledger: Ledger, denial: CallOutcome
) -> None:
    found = ledger.settled(eu_west_1=HOME, sa_east_1=dict.fromkeys(HOME, denial))
    assert found["sa_east_1"] == dict.fromkeys(HOME, REGION_DENIED)
    assert found["eu_west_1"] == HOME


@pytest.mark.parametrize("denial", [DENIED, BY_ORGANIZATION])
def test_a_service_whose_one_endpoint_is_in_a_denied_region_is_denied_with_it(
    ledger: Ledger, denial: CallOutcome
) -> None:
    own = {"globalaccelerator:ListAccelerators": denial, "iam:ListRoles": denial}
    found = ledger.settled(eu_west_1=HOME, us_west_2=dict.fromkeys(HOME, denial), **{"global": own})
    assert found["global"] == {**own, "globalaccelerator:ListAccelerators": REGION_DENIED}


def test_a_service_whose_one_endpoint_is_in_an_allowed_region_is_denied_itself(
    ledger: Ledger,
) -> None:
    own: Said = {"globalaccelerator:ListAccelerators": DENIED}
    found = ledger.settled(us_west_2=HOME, sa_east_1=dict.fromkeys(HOME, DENIED), **{"global": own})
    assert found["global"] == own


@pytest.mark.parametrize(
    "exempt",
    [
        "kms:ListKeys",
        "config:DescribeConfigurationRecorders",
        "acm:ListCertificates",
        "ec2:DescribeRegions",
    ],
)
def test_what_aws_leaves_out_of_its_own_region_deny_does_not_open_a_region(
    ledger: Ledger, exempt: str
) -> None:
    found = ledger.settled(
        eu_west_1=HOME, sa_east_1=dict.fromkeys(HOME, DENIED) | {exempt: OK, "rds:Odd": FAILED}
    )
    assert found["sa_east_1"] == dict.fromkeys(HOME, REGION_DENIED) | {
        exempt: OK,
        "rds:Odd": FAILED,
    }


def test_a_region_that_answers_anything_else_lacks_permissions(ledger: Ledger) -> None:
    here: Said = {"ec2:DescribeVpcs": DENIED, "sqs:ListQueues": EMPTY, "sns:ListTopics": DENIED}
    assert ledger.settled(eu_west_1=HOME, sa_east_1=here)["sa_east_1"] == here


def test_what_no_region_allows_is_a_missing_permission(ledger: Ledger) -> None:
    nothing: Said = dict.fromkeys(HOME, DENIED)
    found = ledger.settled(
        **{"eu_west_1": nothing, "sa_east_1": nothing, "global": {"iam:ListUsers": OK}}
    )
    assert found["eu_west_1"] == found["sa_east_1"] == nothing


@pytest.mark.parametrize(
    ("denials", "outcome"),
    [
        (dict.fromkeys(HOME, BY_ORGANIZATION), REGION_DENIED),
        ({"sns:ListTopics": BY_ORGANIZATION}, BY_ORGANIZATION),
        (
            {"ec2:DescribeVpcs": BY_ORGANIZATION, "ec2:DescribeSubnets": BY_ORGANIZATION},
            BY_ORGANIZATION,
        ),
    ],
)
def test_a_region_alone_is_denied_by_the_organisation_s_word_on_several_services(
    ledger: Ledger, denials: Said, outcome: CallOutcome
) -> None:
    assert ledger.settled(sa_east_1=denials)["sa_east_1"] == dict.fromkeys(denials, outcome)


def test_one_word_of_the_organisation_does_not_hide_missing_permissions(ledger: Ledger) -> None:
    denials: Said = dict.fromkeys(HOME, DENIED) | {"sns:ListTopics": BY_ORGANIZATION}
    assert ledger.settled(sa_east_1=denials)["sa_east_1"] == denials


def test_what_is_allowed_in_another_account_says_nothing(ledger: Ledger) -> None:
    nothing: Said = dict.fromkeys(HOME, DENIED)
    ledger.settled(account="210987654321", eu_west_1=HOME)
    found = ledger.settled(sa_east_1=nothing)
    assert found["sa_east_1"] == nothing


def test_a_global_service_is_no_region(ledger: Ledger) -> None:
    denied: Said = {"iam:ListUsers": DENIED}
    found = ledger.settled(**{"global": denied, "eu_west_1": {"iam:ListUsers": OK}})
    assert found["global"] == denied


@pytest.mark.parametrize(
    "code", ["InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure"]
)
def test_a_region_that_knows_nobody_is_not_enabled(ledger: Ledger, code: str) -> None:
    away: Said = {"ec2:DescribeVpcs": code, "sqs:ListQueues": code, "rds:Odd": "500"}
    found = ledger.settled(eu_west_1=HOME, af_south_1=away)
    assert found["af_south_1"] == {
        "ec2:DescribeVpcs": UNSUPPORTED,
        "sqs:ListQueues": UNSUPPORTED,
        "rds:Odd": FAILED,
    }


@pytest.mark.parametrize("answer", [OK, EMPTY])
def test_a_region_that_answers_once_is_enabled(ledger: Ledger, answer: CallOutcome) -> None:
    away: Said = {"ec2:DescribeVpcs": "AuthFailure", "kms:ListKeys": answer}
    found = ledger.settled(eu_west_1=HOME, af_south_1=away)
    assert found["af_south_1"] == {"ec2:DescribeVpcs": FAILED, "kms:ListKeys": answer}
