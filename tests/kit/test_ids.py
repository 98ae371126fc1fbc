"""Ids sort in the order in which they were made, and have one form."""

from __future__ import annotations

import threading
import time

import pytest

from cloudsealed.kit.ids import derived_id, is_id, new_id, number_of, ulid


def test_ids_of_one_process_rise_and_never_repeat() -> None:
    made = [ulid() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_ids_of_many_threads_rise_within_each_and_never_repeat() -> None:
    made: list[list[str]] = [[] for _ in range(4)]

    def make(into: list[str]) -> None:
        into.extend(ulid() for _ in range(2_000))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(own == sorted(own) for own in made)
    assert len({ident for own in made for ident in own}) == 8_000


def test_an_id_begins_with_its_time() -> None:
    before = ulid(time.time_ns() // 1_000_000)[:10]
    made = ulid()[:10]
    after = ulid(time.time_ns() // 1_000_000 + 1)[:10]
    assert before <= made <= after


def test_ulids_of_a_given_time_sort_by_it() -> None:
    assert ulid(0)[:10] == "0000000000"
    assert ulid(1_000) < ulid(1_001) < ulid(2**48 - 1)
    assert ulid(2**48 - 1).startswith("7ZZZZZZZZZ")


def test_a_given_time_does_not_move_the_order_of_later_ids() -> None:
    before = ulid()
    ulid(2**48 - 1)
    assert before < ulid() < ulid(2**47)


def test_a_derived_id_is_the_same_for_a_name_and_differs_between_names() -> None:
    assert derived_id("pol", "no-public-buckets") == derived_id("pol", "no-public-buckets")
    assert derived_id("pol", "no-public-buckets") != derived_id("pol", "no-public-bucket")
    assert is_id("pol", derived_id("pol", "x"))


@pytest.mark.parametrize("prefix", ["fnd", "aud", "pol"])
def test_a_new_id_has_the_form_of_its_prefix_only(prefix: str) -> None:
    made = new_id(prefix)
    assert is_id(prefix, made)
    assert not is_id("res", made)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fnd",
        "fnd_",
        "fnd_01JD000000000000000000000",
        "fnd_01JD00000000000000000000000",
        "fnd_81JD0000000000000000000000",
        "fnd_01jd0000000000000000000000",
        "fnd_01JD000000000000000000000I",
        "fnd_01JD0000000000000000000000\n",
        "FND_01JD0000000000000000000000",
        " fnd_01JD0000000000000000000000",
    ],
)
def test_what_is_not_quite_an_id_is_none(text: str) -> None:
    assert not is_id("fnd", text)


def test_the_number_of_an_id_rises_with_time_and_is_its_own() -> None:
    numbers = [number_of(new_id("fnd")) for _ in range(200)]
    assert len(set(numbers)) == 200
    assert number_of(f"fnd_{ulid(1_700_000_000_000)}") < number_of(f"fnd_{ulid(1_700_000_000_001)}")
    assert number_of("fnd_7ZZZZZZZZZZZZZZZZZZZZZZZZZ") == 2**63 - 1
    assert number_of("fnd_00000000000000000000000000") == 0
