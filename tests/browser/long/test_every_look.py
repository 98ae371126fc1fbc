"""axe finds nothing on any page in any state: light and dark, on a phone and on a desk, in every
language. It takes minutes: `make pages` runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.walk import DESK, PHONE, barriers, faults, harmless, visiting
from tests.console.everything import Everything, inhabited

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

NewContext = Callable[..., "BrowserContext"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    with inhabited(tmp_path_factory.mktemp("looks")) as found:
        yield found


@pytest.mark.parametrize("width", [320, PHONE, 768, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page_in_any_state(
    whole: Everything, new_context: NewContext, axe: Path, scheme: Any, width: int
) -> None:
    page = visiting(new_context(bypass_csp=True, color_scheme=scheme), whole.site)
    found: list[str] = []
    with harmless(page):
        for address in [*whole.pages().values(), *whole.states()]:
            found += [*faults(page, whole.site, address, width), *barriers(page, axe)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_every_page_fits_on_a_phone_in_every_language(
    whole: Everything, new_context: NewContext, language: str
) -> None:
    page = visiting(new_context(locale=language), whole.site)
    found: list[str] = []
    with harmless(page):
        for address in [*whole.pages().values(), *whole.states()]:
            found += faults(page, whole.site, address, PHONE)
            assert page.get_attribute("html", "lang") == language
    assert not found, "\n".join(found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_a_tenant_has_nothing_yet(
    whole: Everything, new_context: NewContext, axe: Path, scheme: Any
) -> None:
    new = whole.site.tenant("New")
    page = visiting(new_context(bypass_csp=True, color_scheme=scheme), new)
    found: list[str] = []
    with harmless(page):
        for address in whole.begun():
            found += [*faults(page, new, address, PHONE), *barriers(page, axe)]
    assert not found, "\n".join(found)
