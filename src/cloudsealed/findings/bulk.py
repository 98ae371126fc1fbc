"""What is asked of many findings at once: what to triage, and how.

A body names findings by id, or by the filters of the list together with how many it expects those
to match. Reads no row and writes none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.shapes import Component, read_body

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


def read_bulk(body: Any, form: Component) -> Bulk:
    """Return what a body asks by its form, which `bodies.bulk` made; raises the 422 that names the
    first field that is wrong."""
    asked = read_body(form, _said(body))
    if "ids" in asked:
        return Bulk(asked["ids"], {}, len(asked["ids"]), asked["triage"])
    return Bulk(None, asked["filter"], asked["count"], asked["triage"])


def _said(body: Any) -> Any:
    """Return a body without the way of naming findings that it leaves out by null."""
    if not isinstance(body, dict):
        return body
    return {
        name: value
        for name, value in body.items()
        if value is not None or name not in ("ids", "filter")
    }
