"""Every page of the console on a phone, with the worst names that there are: nothing of them runs,
nothing is wider than the screen, no text turns another round, and axe finds nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.walk import PHONE, barriers, faults, harmless, visiting
from tests.console.everything import Everything, inhabited

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

NewContext = Callable[..., "BrowserContext"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    with inhabited(tmp_path_factory.mktemp("walk")) as found:
        yield found


def test_on_every_page_names_are_text_that_fits_and_axe_finds_nothing(
    whole: Everything, new_context: NewContext, axe: Path
) -> None:
    page = visiting(new_context(bypass_csp=True), whole.site)
    found: list[str] = []
    with harmless(page):
        for address in whole.pages().values():
            found += [*faults(page, whole.site, address, PHONE), *barriers(page, axe)]
    assert not found, "\n".join(found)


def test_in_every_state_names_are_text_that_fits(
    whole: Everything, new_context: NewContext
) -> None:
    page, found = visiting(new_context(), whole.site), list[str]()
    with harmless(page):
        for address in whole.states():
            found += faults(page, whole.site, address, PHONE)
    assert not found, "\n".join(found)
