"""A walk through every page of the console, and what is looked for on each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.auth.oauth.party import Site

from cloudsealed.vocabulary import Role

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

PHONE, DESK = 390, 1440
_RULES = {"color-contrast-enhanced": {"enabled": True}, "target-size": {"enabled": True}}
_AXE = """async rules => (await axe.run(document, {rules, resultTypes: ['violations']})).violations
  .map(found => `${found.id}: ${found.help}: ${found.nodes.map(node => node.html).join(' | ')}`)"""
_OPEN = "document.querySelectorAll('main details').forEach(each => { each.open = true })"
_NEXT = """() => {
  const next = document.querySelector('main details.menu:not([open], [data-looked-at])')
  document.querySelectorAll('main details.menu[open]').forEach(each => each.dataset.lookedAt = '')
  if (next) next.open = true
  return next !== null
}"""
"""Of the menus one is open at a time: the next of those that were not."""
_OVERFLOWS = """() => {
  const page = document.scrollingElement
  if (page.scrollWidth <= page.clientWidth) return []
  const wide = [...document.querySelectorAll('body *')]
    .filter(each => each.getBoundingClientRect().right > page.clientWidth + 1)
  return wide.slice(0, 5).map(each => each.outerHTML.slice(0, 200))
}"""
_TURNED = """() => {
  const marks = /[\\u202a-\\u202e\\u2066-\\u2069]/
  const found = []
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    if (!marks.test(text.data)) continue
    if (text.parentElement.closest('script, style, title, option, textarea, pre, .diff')) continue
    let alone = text.parentElement, style
    while ((style = getComputedStyle(alone)).display === 'inline' && style.unicodeBidi === 'normal')
      alone = alone.parentElement
    const own = alone.textContent.replaceAll(text.data.trim(), '').trim()
    if (!alone.matches('bdi, code, .mono, .key') && own) found.push(alone.outerHTML.slice(0, 300))
  }
  return found
}"""
"""Texts that could turn what is around them: neither in what keeps their direction to itself, nor
alone in their block. What is a customer's line by line (a text that is edited, what became of it)
may turn its own lines."""


def visiting(context: BrowserContext, site: Site) -> Page:
    """Return a page of a browser in which an admin is logged in."""
    cookies = site.browser(Role.ADMIN).http.cookies
    context.add_cookies(
        [{"name": name, "value": value, "url": site.url} for name, value in cookies.items()]
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


def faults(page: Page, site: Site, address: str, width: int) -> list[str]:
    """Open an address; return what is wider than the screen, what could turn the text around it,
    and what of a name became an element."""
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(site.url + address)
    found = [f"{address}: wider than {width}: {each}" for each in page.evaluate(_OVERFLOWS)]
    page.evaluate(_OPEN)
    found += [f"{address}: wider when open: {each}" for each in page.evaluate(_OVERFLOWS)]
    found += [f"{address}: turns text: {each}" for each in page.evaluate(_TURNED)]
    made = page.locator("main :is(script, [onerror], img)").count()
    return [*found, *([f"{address}: {made} elements of a name"] if made else [])]


def barriers(page: Page, axe: Path) -> list[str]:
    """Return what axe finds on the page that is open, with each of its menus open."""
    page.add_script_tag(path=axe)
    found: list[str] = page.evaluate(_AXE, _RULES)
    while page.evaluate(_NEXT):
        found += page.evaluate(_AXE, _RULES)
    return [f"{page.url}: {each}" for each in dict.fromkeys(found)]
