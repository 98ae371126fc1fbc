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
