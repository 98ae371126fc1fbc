from __future__ import annotations

from cloudsealed.api.gate.request_ids import RequestIds
from cloudsealed.kit.ids import is_id, ulid


def test_the_id_of_a_request_has_the_form_of_every_id_and_the_time_to_the_millisecond() -> None:
    now = 1_700_000_000_000
    ids = RequestIds(lambda: now * 1_000_000 + 999_999)
    for now in (1_700_000_000_000, 1_700_000_000_001, 1_700_000_001_023, 1_800_000_000_031, 0):
        made = ids.new()
        assert is_id("req", made)
        assert made[:14] == f"req_{ulid(now)[:10]}"


def test_no_two_requests_of_one_millisecond_have_the_same_id() -> None:
    ids = RequestIds(lambda: 1)
    assert len({ids.new() for _ in range(10_000)}) == 10_000
