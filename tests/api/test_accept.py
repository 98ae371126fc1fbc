from __future__ import annotations

import pytest

from cloudsealed.api.accept import choose

BOTH = ("application/pdf", "application/json")


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("", "application/pdf"),
        ("*/*", "application/pdf"),
        ("application/json", "application/json"),
        ("APPLICATION/JSON ; q=0.5", "application/json"),
        ("application/*", "application/pdf"),
        ("application/*;q=0.5, application/json", "application/json"),
        ("application/pdf;q=0, */*", "application/json"),
        ("text/html, */*;q=0.1", "application/pdf"),
        ("text/html", None),
        ("*/*;q=0", None),
        ("application/json;q=x", None),
    ],
)
def test_the_preferred_type_is_chosen(header: str, chosen: str | None) -> None:
    assert choose(header, BOTH) == chosen
