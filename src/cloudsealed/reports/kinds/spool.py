"""Rows of JSON kept on disk until they are wanted, so that memory does not grow with their size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from typing import Any

import orjson


class Spool:
    """A temporary file of rows, which ends with the object."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - it ends with this object
        self._size = 0

    def add(self, row: Any) -> int:
        """Keep a row; return where it is."""
        place = self._size
        self._size += self._file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        return place

    def lines(self, places: Iterable[int]) -> Iterator[bytes]:
        """Yield the rows at these places, each as JSON on a line of its own."""
        for place in places:
            self._file.seek(place)
            yield self._file.readline()[:-1]


class Spooled:
    """Values that are made once and read as often as one likes, from a file meanwhile."""

    def __init__(self, values: Iterable[Any]) -> None:
        self._values = iter(values)
        self._file = TemporaryFile()  # noqa: SIM115 - it ends with this object

    def __iter__(self) -> Iterator[Any]:
        """Yield the values in their order; one reading at a time, each to its end."""
        self._file.seek(0)
        yield from map(orjson.loads, self._file)
        for value in self._values:
            self._file.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))
            yield value
