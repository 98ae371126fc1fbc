"""Time zones: named ones are the same everywhere, and a machine's own has no name."""

from __future__ import annotations

from datetime import datetime

import pytest

from cloudsealed.engine import compile_rule


def outcome(zone: str, now: datetime) -> str:
    condition = f"timestamp('2020-01-01T00:00:00Z').getHours('{zone}') == 1"
    return str(compile_rule(fail_when=condition).judge({}, {}, now).outcome)


def test_a_named_zone_and_an_offset_count(now: datetime) -> None:
    assert outcome("Europe/Berlin", now) == outcome("+01:00", now) == "fail"
    assert outcome("UTC", now) == "pass"


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "Factory"])
def test_what_a_machine_is_set_to_is_no_zone(zone: str, now: datetime) -> None:
    assert outcome(zone, now) == "error"


@pytest.mark.parametrize(
    "zone", ["../../../etc/passwd", "/etc/passwd", "America", "tzdata.zi", "a" * 65, "Atlantis"]
)
def test_a_name_reads_no_file_but_a_zones(zone: str, now: datetime) -> None:
    assert outcome(zone, now) == "error"
