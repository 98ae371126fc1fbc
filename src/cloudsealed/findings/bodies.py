"""What bodies about findings may say: what people decide about one, or about many at once.

A body names many findings by id, or by the filters of the list together with how many it expects
those to match.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudsealed.kit.shapes import (
    LINE,
    Choice,
    Component,
    Fault,
    FormError,
    Moment,
    Number,
    Part,
    Path,
    Record,
    Shape,
    Text,
    Texts,
    ident,
    mapping,
    words,
)
from cloudsealed.vocabulary import TriageState

MOST_IDS = 500
MOST_MATCHING = 5_000
FINDING_ID = ident("FindingId", "fnd", "a finding")
_NAMES = {"ids", "filter", "count", "triage"}
_WHOLE = "The whole of what is decided, in place of what was; null clears it."

TRIAGE = Component(
    "TriageBody",
    Record(
        {
            "state": Part(
                words(TriageState), "What is decided.", needed=True, example="accepted_risk"
            ),
            "assignee": Part(LINE, "Who looks after it, as free text.", example="ann@example.com"),
            "note": Part(Text(longest=4000), "Why it is decided so.", example="Bastion host"),
            "expires_at": Part(
                Moment(),
                "When the decision ends, in the future; null: it stays.",
                example="2099-06-30T00:00:00.000Z",
            ),
        }
    ),
    "What people decide about a finding.",
)
_DECIDED = Part(TRIAGE, _WHOLE, example={"state": "accepted_risk", "note": "Bastion host"})

PATCH = Component(
    "FindingPatch",
    Record({"triage": _DECIDED}, change=True),
    "A change of a finding: its triage, null to clear it; left out, nothing changes.",
    ({"triage": _DECIDED.example},),
)


def bulk(filters: Shape) -> Component:
    """Return the body about many findings; `filters` reads those of the list, as they are named
    there, to values."""
    triage = Part(
        TRIAGE, _WHOLE, stated=True, example={"state": "accepted_risk", "note": "Bastion"}
    )
    by_ids = Component(
        "FindingBulkByIds",
        Record(
            {
                "ids": Part(
                    Texts(FINDING_ID, most=MOST_IDS), "The findings by their ids.", needed=True
                ),
                "triage": triage,
            }
        ),
        "What people decide about some findings, by their ids.",
    )
    by_filter = Component(
        "FindingBulkByFilter",
        Record(
            {
                "filter": Part(
                    filters,
                    "Filters of the list by name, each with a value or a list of them.",
                    needed=True,
                    example={"severity": ["low", "info"], "account": "123456789012"},
                ),
                "count": Part(
                    Number(0, MOST_MATCHING),
                    "How many findings the filter matches.",
                    needed=True,
                    example=12,
                ),
                "triage": triage,
            }
        ),
        "What people decide about all findings that a filter matches, if they are as many as said.",
    )

    def chosen(value: Any, at: Path) -> Shape:
        return by_filter if _is_by_filter(mapping(value, at), at) else by_ids

    return Component(
        "FindingBulkBody",
        Choice((by_ids, by_filter), chosen),
        "Which findings, and what people decide about them.",
    )


def _is_by_filter(value: Mapping[str, Any], at: Path) -> bool:
    """Say which of the two a body means to be; raises FormError where it means both,
    or neither."""
    named, filtered = (value.get(name) is not None for name in ("ids", "filter"))
    if named and filtered:
        raise FormError((*at, "filter"), "goes without ids")
    if named and "count" in value:
        raise FormError((*at, "count"), "goes with filter")
    if not named and not filtered and value.keys() <= _NAMES:
        missing = "ids" if "triage" in value else "triage"
        raise FormError((*at, missing), "is required", Fault.MISSING)
    return filtered or "count" in value
