from __future__ import annotations

from cloudsealed.api.gate.request_ids import RequestIds
from cloudsealed.kit.ids import is_id, ulid


def test_the_id_of_a_request_has_the_form_of_every_id_and_the_time_to_a_second() -> None:
    now = 0.0
    ids = RequestIds(lambda: now)
    for now in (1_700_000_000.0, 1_700_000_000.001, 1_700_000_001.023, 1_800_000_000.031, 0.0):
        made = ids.new()
        assert is_id("req", made)
        assert made[:12] == f"req_{ulid(int(now * 1000))[:8]}"


def test_no_two_requests_of_one_second_have_the_same_id() -> None:
    ids = RequestIds(lambda: 1.0)
    assert len({ids.new() for _ in range(10_000)}) == 10_000
