"""What is asked of many findings at once: what to triage, and how.

A body names findings by id, or by the filters of the list together with how many it expects those
to match. Reads no row and writes none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudsealed.kit.errors import CloudSealedError, MissingFieldError
from cloudsealed.kit.fields import Fields

MOST_IDS = 500
MOST_MATCHING = 5_000
Filters = Mapping[str, tuple[str, ...]]


class CountMismatchError(CloudSealedError):
    """A filter matches another number of findings than the request expects; nothing was changed."""

    code = "count_mismatch"
    status = 409
    remedy = "List what the filter matches now, and send that number, or ids."


@dataclass(frozen=True, slots=True)
class Bulk:
    """Which findings, and what people decided about them: `triage` as one finding takes it, None
    to clear it. `ids` None means what `filters` match, of which there are `count`."""

    ids: Sequence[str] | None
    filters: Filters
    count: int
    triage: Mapping[str, Any] | None


def read_bulk(body: Any, read_filters: Callable[[Mapping[str, Any]], Filters]) -> Bulk:
    """Return what a body asks; raises the 422 that names the first field that is wrong."""
    fields = Fields(body, ("ids", "filter", "count", "triage"))
    if not fields.has("triage"):
        raise MissingFieldError("triage")
    ids, wanted = fields.texts("ids", most=MOST_IDS), fields.mapping("filter")
    if ids is not None and wanted is not None:
        raise fields.refuse("filter", "goes without ids")
    if ids is not None:
        if fields.has("count"):
            raise fields.refuse("count", "goes with filter")
        return Bulk(ids, {}, len(ids), fields.mapping("triage"))
    if wanted is None:
        raise MissingFieldError("ids")
    fields.required("count")
    count = fields.whole("count", 0, most=MOST_MATCHING)
    return Bulk(None, read_filters(wanted), count, fields.mapping("triage"))
