"""How a visitor likes the pages: in light or dark, and in which language; kept in a cookie.

What is not chosen follows the browser: its colour scheme, and its `Accept-Language`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response

from cloudsealed.console.cookies import Cookie
from cloudsealed.console.language import LANGUAGES

THEMES = ("", "light", "dark")


@dataclass(frozen=True, slots=True)
class Taste:
    """What is shown: `theme` empty as the system has it; `chosen` the language, empty when it is
    the browser's."""

    theme: str = ""
    language: str = "en"
    chosen: str = ""


class Tastes:
    """Reads and writes the cookie."""

    def __init__(self, *, secure: bool, path: str) -> None:
        self._cookie = Cookie("cloudsealed_taste", secure, path, stays=True)

    def read(self, request: Request) -> Taste:
        """Return how the visitor likes pages."""
        kept = dict(parse_qsl(self._cookie.read(request.scope)[:100]))
        theme, chosen = kept.get("theme", ""), kept.get("language", "")
        chosen = chosen if chosen in LANGUAGES else ""
        theme = theme if theme in THEMES else ""
        wanted = _accepted(request.headers.get("accept-language", ""))
        return Taste(theme, chosen or next(wanted, "en"), chosen)

    def write(self, response: Response, theme: str, language: str) -> None:
        """Give what was chosen to the browser; what is none of the choices is not chosen."""
        kept = {"theme": theme, "language": language if language in LANGUAGES else ""}
        self._cookie.write(response, urlencode(kept))


def _accepted(header: str) -> Iterator[str]:
    """Yield the languages that we have of those that a browser takes (RFC 9110, 12.5.4), the
    best first."""
    ranges: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        name, _, rest = part.strip().partition(";")
        with suppress(ValueError):
            weight = float(rest.strip().removeprefix("q=") or "1")
            ranges.append((weight, name.partition("-")[0].strip().lower()))
    for quality, name in sorted(ranges, key=lambda item: -item[0]):
        if quality > 0 and name in LANGUAGES:
            yield name
