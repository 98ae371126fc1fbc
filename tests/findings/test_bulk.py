"""A body about many findings names them in one of two ways, and says how many a filter matches."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.findings.bodies import bulk
from cloudsealed.findings.bulk import read_bulk
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.shapes import Free

FORM = bulk(Free())
IDS: dict[str, Any] = {"ids": ["fnd_a"], "triage": None}
FILTER: dict[str, Any] = {"filter": {"region": "x"}, "count": 3, "triage": None}


def test_findings_are_named_by_ids_or_by_a_filter_and_null_is_what_is_left_out() -> None:
    by_ids = read_bulk({**IDS, "filter": None}, FORM)
    assert (by_ids.ids, by_ids.count, by_ids.triage) == (("fnd_a",), 1, None)
    by_filter = read_bulk({**FILTER, "ids": None}, FORM)
    assert (by_filter.ids, by_filter.filters, by_filter.count) == (None, {"region": "x"}, 3)


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "triage", "missing_field"),
        ({"triage": None}, "ids", "missing_field"),
        ({"count": 3, "triage": None}, "ids", "missing_field"),
        ({"filtre": {}, "count": 3, "triage": None}, "filtre", "unknown_field"),
        ({"ids": ["fnd_a"]}, "triage", "missing_field"),
        ({**FILTER, "count": None}, "count", "missing_field"),
        ({**FILTER, "count": 5001}, "count", "invalid_field"),
        ({**FILTER, **IDS}, "filter", "invalid_field"),
        ({**IDS, "count": 1}, "count", "invalid_field"),
        ({**IDS, "ids": ["fnd_a", "fnd_a"]}, "ids", "invalid_field"),
        ({**IDS, "triage": {"state": "gone"}}, "triage.state", "invalid_field"),
        ({**IDS, "triage": {}}, "triage.state", "missing_field"),
        ({**IDS, "colour": 1}, "colour", "unknown_field"),
        ([], "body", "invalid_field"),
    ],
)
def test_a_body_that_names_them_otherwise_is_refused(body: Any, field: str, code: str) -> None:
    with pytest.raises(CloudSealedError) as caught:
        read_bulk(body, FORM)
    assert [(each["field"], each["code"]) for each in caught.value.details] == [(field, code)]
