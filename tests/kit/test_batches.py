"""A stream is cut in order, into nothing empty and nothing too long."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.kit.batches import batches


@given(st.lists(st.integers()), st.integers(1, 7))
def test_batches_joined_are_the_stream_and_all_but_the_last_are_full(
    items: list[int], size: int
) -> None:
    made = list(batches(iter(items), size))
    assert [item for batch in made for item in batch] == items
    assert all(len(batch) == size for batch in made[:-1])
    assert all(1 <= len(batch) <= size for batch in made)


def test_a_stream_is_read_no_further_than_the_batch_that_is_asked_for() -> None:
    read: list[int] = []

    def stream() -> Iterator[int]:
        for number in range(1_000):
            read.append(number)
            yield number

    assert list(islice(batches(stream(), 3), 2)) == [[0, 1, 2], [3, 4, 5]]
    assert read == [0, 1, 2, 3, 4, 5]
