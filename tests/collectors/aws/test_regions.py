from __future__ import annotations

from cloudsealed.collectors.aws.regions import enabled_regions
from cloudsealed.collectors.model import Place
from cloudsealed.vocabulary import CallOutcome

PLACE = Place(account="123456789012", region="eu-west-1")


def test_regions_are_found_by_asking(emulator, make_caller):
    found = enabled_regions(PLACE, make_caller())
    assert {"eu-west-1", "us-east-1", "ap-southeast-2"} <= set(found.names)
    assert list(found.names) == sorted(found.names)
    assert found.gap is None
    assert found.unit.operation == "DescribeRegions"


def test_when_aws_refuses_the_session_s_own_region_is_left_and_the_gap_is_named(
    faults, reply, make_caller
):
    body = "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>"
    faults.replies = [reply(403, body)]
    found = enabled_regions(PLACE, make_caller())
    assert found.names == ("eu-west-1",)
    assert (found.gap.outcome, found.gap.error_code) == (
        CallOutcome.DENIED,
        "UnauthorizedOperation",
    )
