"""A person who has a keyboard and no mouse, in a real browser.

Every step with Tab asserts what such a person relies on: that the focus can be seen, with nothing
before it, and that it goes in the order in which the page is read, one region after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

_MOST_STEPS = 80
_FOCUS = """() => {
  const element = document.activeElement
  if (!element || element === document.body) return null
  const style = getComputedStyle(element), box = element.getBoundingClientRect()
  const named = element.labels?.length ? element.labels[0] : element
  const regions = [...document.querySelectorAll('header, nav, main, .split > *, .faceted > *')]
  const middle = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2)
  return {
    name: named.innerText.trim(),
    order: [...document.querySelectorAll('*')].indexOf(element),
    seen: element.matches(':focus-visible') && style.outlineStyle === 'solid'
      && parseFloat(style.outlineWidth) >= 2 && box.top >= 0 && box.bottom <= innerHeight
      && box.left >= 0 && box.right <= innerWidth
      && (element.contains(middle) || (middle?.contains(element) ?? false)),
    region: regions.findLastIndex(each => each.contains(element)),
    top: box.top + scrollY, bottom: box.bottom + scrollY, left: box.left,
    type: element.type ?? '', described: (element.getAttribute('aria-describedby') ?? '')
      .split(' ').map(id => document.getElementById(id)?.innerText ?? '').join(' ').trim(),
    invalid: element.getAttribute('aria-invalid') === 'true', value: element.value ?? '',
  }
}"""


@dataclass(frozen=True, slots=True)
class Focus:
    """The element that has the focus: its label or text, its place in the document and on paper;
    `region` which of the page's header, navigations, main part and columns it is in."""

    name: str
    order: int
    seen: bool
    region: int
    top: float
    bottom: float
    left: float
    type: str
    described: str
    invalid: bool
    value: str

    def is_read_before(self, other: Focus) -> bool:
        """Say whether one reads this before the other: in a region before, or further up, or
        further left in a line."""
        if self.region != other.region:
            return self.region < other.region
        same_line = self.top < other.bottom and other.top < self.bottom
        return self.left < other.left if same_line else self.top < other.top


class Keyboard:
    """Drives a page by its keys alone."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._last: Focus | None = None

    def open(self, url: str) -> None:
        """Enter an address."""
        self.page.goto(url)
        self._last = None

    @property
    def focus(self) -> Focus | None:
        """What has the focus, None when nothing has."""
        found: Any = self.page.evaluate(_FOCUS)
        return None if found is None else Focus(**found)

    @property
    def focused(self) -> Focus:
        """What has the focus, which must be there and be seen."""

        def seen() -> Focus | None:  # a page gives it, and scrolls to it, in the frames after
            found = self.focus
            return found if found is not None and found.seen else None

        found: Focus = until(seen, f"what has the focus on {self.page.url} is seen")
        return found

    def tab(self) -> Focus:
        """Go to the next element: of a date each part has the focus for itself."""
        before = self._last
        self.page.keyboard.press("Tab")
        while before is not None and before.type == "date" and self._is_within(before):
            self.page.keyboard.press("Tab")
        found = self.focused
        if self._last is not None:
            assert self._last.order < found.order, (self._last, found)
            assert self._last.is_read_before(found), (self._last, found)
        self._last = found
        return found

    def _is_within(self, before: Focus) -> bool:
        found = self.focus
        return found is not None and found.order == before.order

    def to(self, name: str) -> Focus:
        """Go on to the element with this label or text, unless it has the focus."""
        found = self.focus
        for _ in range(_MOST_STEPS):
            if found is not None and found.name == name:
                return self.focused
            found = self.tab()
        raise AssertionError(f"no {name!r} within {_MOST_STEPS} steps on {self.page.url}")

    def write(self, name: str, text: str) -> None:
        """Go to a field and type, in place of what it holds."""
        self.to(name)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def tick(self, name: str) -> None:
        """Go to a checkbox and change it."""
        self.to(name)
        self.page.keyboard.press("Space")

    def press(self, name: str, key: str = "Enter") -> None:
        """Go to a link or button and use it; wait for the page that comes."""
        self.to(name)
        with self.page.expect_navigation():
            self.page.keyboard.press(key)
        self._last = None

    def log_in(self, email: str, password: str) -> None:
        """Fill in the login form."""
        self.write("E-mail address", email)
        self.write("Password", password)
        self.press("Log in")

    @property
    def path(self) -> str:
        """The path of the page."""
        return urlsplit(self.page.url).path

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the page's address, each there once."""
        found = parse_qs(urlsplit(self.page.url).query, keep_blank_values=True)
        assert all(len(values) == 1 for values in found.values())
        return {name: values[0] for name, values in found.items()}

    @property
    def text(self) -> str:
        """What the page says."""
        return self.page.inner_text("body")
