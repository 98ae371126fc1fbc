"""What goes away says so long before, in the words of the RFCs."""

from __future__ import annotations

from datetime import date

import pytest

from cloudsealed.kit.deprecation import Deprecation, headers

OLD = Deprecation(date(2026, 1, 1), "use `new`", date(2027, 7, 1))
OLDER = Deprecation(date(2025, 1, 1), "use `newer`")


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
