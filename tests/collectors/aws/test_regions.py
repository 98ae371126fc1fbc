from __future__ import annotations

import pytest

from cloudsealed.collectors.aws.regions import enabled_regions
from cloudsealed.collectors.model import Answer, Place
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


@pytest.mark.parametrize(
    "odd", [1.5, None, {}, ["eu-west-1"], "", "x/y", "EU WEST", "a-" + "a" * 70_000]
)
def test_what_is_no_name_of_a_region_is_no_answer(odd):
    class Odd:
        def call(self, request):
            document = {"Regions": [{"RegionName": "us-east-1"}, {"RegionName": odd}]}
            return Answer(CallOutcome.OK, document, "2026-01-01T00:00:00Z")

    found = enabled_regions(PLACE, Odd())
    named = ("us-east-1",) if odd is None else ("eu-west-1",)  # a region without a name is none
    assert found.names == named
    assert (found.gap is None) is (odd is None)
