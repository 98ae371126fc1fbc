"""A cloud that refuses calls for their number: no call of an audit is lost, no ceiling exceeded.

Ceilings are measured where the calls arrive, in every second of the audit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudsealed.collectors.aws.ceilings import CEILINGS
from cloudsealed.collectors.calling.pacing import DEFAULT_CEILING
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import deploy

THROTTLES = {
    "five calls a second": {"service": "*", "kind": "throttle", "above": 5},
    "three of ten calls": {"service": "*", "kind": "throttle", "share": 0.3},
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    """A cloud of its own, so that its faults are nobody else's."""
    with Emulator() as emulator:
        deploy(emulator.endpoint)
        yield emulator


@pytest.mark.parametrize("throttle", THROTTLES.values(), ids=THROTTLES)
def test_a_throttling_cloud_costs_an_audit_time_and_nothing_else(
    throttle: dict[str, Any], cloud: Emulator, install: Any, tmp_path: Path
) -> None:
    installation = install(tmp_path, cloud)
    undisturbed = installation.audit()
    cloud.reset()
    cloud.faults(throttle)
    try:
        audit = installation.audit(installation.services.runner)
    finally:
        cloud.faults()
    counted = cloud.calls()
    refused = sum(row["count"] for row in counted["rows"] if row["status"] in (400, 429, 503))
    print(f"{counted['total']} calls, {refused} refused, outcomes {audit['calls']}")
    assert refused > 20
    assert audit["calls"] == undisturbed["calls"]
    assert audit["verdict_digest"] == undisturbed["verdict_digest"]
    above = {
        (lane["service"], lane["region"]): lane["most"]
        for lane in counted["busiest"]
        if lane["most"] > CEILINGS.get(lane["service"], DEFAULT_CEILING)
    }
    assert above == {}
