from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.reports.source import owner_of

KEYS = ("owner", "team", "service-owner")


@pytest.mark.parametrize(
    ("tags", "owner"),
    [
        ({"owner": "web"}, "web"),
        ({"Owner": " web "}, "web"),
        ({"TEAM": "data", "service-owner": "ann"}, "data"),
        ({"team": "data", "owner": "web"}, "web"),
        ({"owner": "  ", "team": "data"}, "data"),
        ({"OWNER": "first", "owner": "second"}, "first"),
        ({"OWNER": "", "owner": "second"}, "second"),
        ({"owner": ""}, None),
        ({"ownership": "web"}, None),
        ({}, None),
    ],
)
def test_an_owner_is_the_first_tag_of_the_list_that_names_one(tags: Any, owner: str | None) -> None:
    assert owner_of(tags, KEYS) == owner
