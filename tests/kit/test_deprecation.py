"""What goes away says so long before, in the words of the RFCs."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import pytest
from pydantic import BaseModel

from cloudsealed.kit.deprecation import Deprecation, fields_of, fields_used, headers

OLD = Deprecation(date(2026, 1, 1), "use `new`", date(2027, 7, 1))
OLDER = Deprecation(date(2025, 1, 1), "use `newer`")


class Inner(BaseModel):
    old: Annotated[int, OLD] = 0


class Outer(BaseModel):
    many: list[Inner] | None = None
    older: Annotated[str | None, OLDER] = None
    new: str = ""


def test_headers_are_of_the_first_that_was_deprecated_and_the_first_that_ends() -> None:
    assert headers([OLD], "https://e/docs") == [
        (b"deprecation", b"@1767225600"),
        (b"sunset", b"Thu, 01 Jul 2027 00:00:00 GMT"),
        (b"link", b'<https://e/docs>; rel="deprecation"; type="text/html"'),
    ]
    both = dict(headers([OLD, OLDER], "d"))
    assert (both[b"deprecation"], both[b"sunset"][:16]) == (b"@1735689600", b"Thu, 01 Jul 2027")
    assert b"sunset" not in dict(headers([OLDER], "d"))
    assert headers([], "d") == []


def test_nothing_goes_away_within_a_year() -> None:
    with pytest.raises(ValueError, match="365 days"):
        Deprecation(date(2026, 1, 1), "x", date(2026, 12, 31))
    assert Deprecation(date(2026, 1, 1), "x", date(2027, 1, 1)).sunset


def test_a_field_is_found_where_a_value_has_it_at_any_depth() -> None:
    assert list(fields_used(Outer, {"new": "x", "many": None})) == []
    assert list(fields_used(Outer, {"many": [{}, {"old": 1}]})) == [OLD]
    assert list(fields_used(Outer, {"older": None})) == [OLDER]
    assert list(fields_used(Outer, None)) == list(fields_used(Outer, {"many": 3})) == []
    assert list(fields_of(Outer)) == [OLD, OLDER]


def test_the_schema_of_a_field_says_that_it_is_deprecated_and_until_when() -> None:
    shown = Inner.model_json_schema()["properties"]["old"]
    assert (shown["deprecated"], shown["x-sunset"]) == (True, "2027-07-01")
    assert "gone after 2027-07-01: use `new`" in shown["description"]
    assert "x-sunset" not in Outer.model_json_schema()["properties"]["older"]
