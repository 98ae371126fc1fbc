"""Which regions an account has enabled: found by asking, as one more call of the ledger."""

from __future__ import annotations

import re
from functools import cache

from cloudsealed.collectors.asking import gap_of
from cloudsealed.collectors.aws.models import models
from cloudsealed.collectors.model import Caller, CallRequest, Gap, Place, unit_of
from cloudsealed.collectors.paths import read
from cloudsealed.collectors.provider import Regions
from cloudsealed.vocabulary import CallOutcome

_NAME = re.compile(r"[a-z]{1,20}(-[a-z0-9]{1,20}){1,6}")


def enabled_regions(place: Place, caller: Caller) -> Regions:
    """Ask in `place` (the session's own region) for every region that the account has enabled."""
    unit = unit_of(place, "ec2", "DescribeRegions", {"AllRegions": False})
    request = CallRequest(unit=unit, items="Regions")
    answer = caller.call(request)
    names = read("Regions[].RegionName", answer.document) or ()
    if not all(isinstance(name, str) and _NAME.fullmatch(name) for name in names):
        return Regions((place.region,), unit, Gap(unit, CallOutcome.FAILED, "MalformedResponse"))
    if names:
        return Regions(tuple(sorted(names)), unit)
    return Regions((place.region,), unit, gap_of(request, answer, None))


@cache
def known_regions() -> frozenset[str]:
    """Return every region that the SDK's own data name, of every partition."""
    partitions = models().load_data("partitions")["partitions"]
    names = (name for each in partitions for name in each["regions"])
    return frozenset(name for name in names if not name.endswith("-global"))
