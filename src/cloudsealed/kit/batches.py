"""Cutting a stream into lists of at most so many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of at most `size` of `items`, in order; never an empty one."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
