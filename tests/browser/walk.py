"""A walk through every page of the console, and what is looked for on each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.console.everything import MARK, Everything

from cloudsealed.vocabulary import Role

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

PHONE, DESK = 390, 1440
_RULES = {"color-contrast-enhanced": {"enabled": True}, "target-size": {"enabled": True}}
_AXE = """async rules => (await axe.run(document, {rules, resultTypes: ['violations']})).violations
  .map(found => `${found.id}: ${found.help}: ${found.nodes.map(node => node.html).join(' | ')}`)"""
_OPEN = "document.querySelectorAll('main details').forEach(each => { each.open = true })"
_OVERFLOWS = """() => {
  const page = document.scrollingElement
  if (page.scrollWidth <= page.clientWidth) return null
  const wide = [...document.querySelectorAll('body *')]
    .filter(each => each.getBoundingClientRect().right > page.clientWidth + 1)
  return wide.slice(0, 5).map(each => each.outerHTML.slice(0, 200))
}"""
_TURNED = """() => {
  const marks = /[\\u202a-\\u202e\\u2066-\\u2069]/
  const found = []
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    if (!marks.test(text.data) || text.parentElement.closest('script, style, title')) continue
    let alone = text.parentElement
    while (!getComputedStyle(alone).unicodeBidi.match(/isolate|plaintext/)) alone = alone.parentElement
    const others = alone.innerText.replaceAll(text.data.trim(), '').trim()
    if (alone.localName !== 'bdi' && others) found.push(alone.outerHTML.slice(0, 300))
  }
  return found
}"""
"""Texts that could turn what is around them: in no element that keeps their direction to itself,
as `bdi` and every block do, or there beside words of ours."""


def visiting(context: BrowserContext, whole: Everything) -> Page:
    """Return a page of a browser in which an admin is logged in."""
    cookies = whole.site.browser(Role.ADMIN).http.cookies
    context.add_cookies(
        [{"name": name, "value": value, "url": whole.site.url} for name, value in cookies.items()]
    )
    return context.new_page()


@contextmanager
def harmless(page: Page) -> Iterator[None]:
    """Fail when anything runs that is not ours, or is asked for elsewhere."""
    told: list[str] = []
    page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("console", lambda line: told.append(line.text) if _is_bad(line) else None)
    yield
    assert told == []


def _is_bad(line: Any) -> bool:
    return line.type == "error" and "the server responded with a status of" not in line.text


def look(page: Page, whole: Everything, address: str, width: int) -> None:
    """Open an address, and see that it fits, that all in it keeps its direction to itself, and that
    what is text stays text."""
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(whole.site.url + address)
    assert page.evaluate(_OVERFLOWS) is None, address
    page.evaluate(_OPEN)
    assert page.evaluate(_OVERFLOWS) is None, (address, "with everything open")
    assert page.evaluate(_TURNED) == [], address
    assert (
        page.locator(f"main :is(script, [onerror], img[src=x]), [onerror*='{MARK}']").count() == 0
    )


def accessible(page: Page, axe: Path, about: object) -> None:
    """See that axe finds nothing on the page that is open."""
    page.add_script_tag(path=axe)
    assert page.evaluate(_AXE, _RULES) == [], about
