"""axe finds nothing on the pages of a visitor and their account, in every look."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from tests.auth.oauth.party import Site
from tests.browser.conftest import NewKeyboard
from tests.browser.test_accessibility import PAGES, judge

LOOKS = list(itertools.product(("light", "dark"), (320, 1280)))


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_in_any_look(
    name: str, site: Site, axe: Path, new_keyboard: NewKeyboard
) -> None:
    judge(name, site.tenant("Acme"), axe, new_keyboard, LOOKS)
