"""The words of pages in the languages that reports have too: a catalogue a language, from English.

English is in the templates, in `t("…")` and `tn(…)`; where another language says one English text
in several ways, what stands before a `|` in it tells them apart, and is not shown. What customers,
policies and the API's errors say is not translated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from cloudsealed.kit.clock import parse_rfc3339

LANGUAGES: Mapping[str, str] = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}
_THOUSANDS = {"en": ",", "de": ".", "fr": "\u202f", "es": "\u202f"}


def worded(text: str) -> str:
    """Return `text`: marks one that a template shows by `t`, so that every catalogue has it."""
    return text


_STEPS = (
    (60, 60, worded("{n} minute"), worded("{n} minutes")),
    (3600, 24, worded("{n} hour"), worded("{n} hours")),
    (86400, 60, worded("{n} day"), worded("{n} days")),
    (30 * 86400, 24, worded("{n} month"), worded("{n} months")),
    (365 * 86400, 1000, worded("{n} year"), worded("{n} years")),
)
_STEPS_WITHIN = (
    (60, 60, worded("within|{n} minute"), worded("within|{n} minutes")),
    (3600, 24, worded("within|{n} hour"), worded("within|{n} hours")),
    (86400, 60, worded("within|{n} day"), worded("within|{n} days")),
    (30 * 86400, 24, worded("within|{n} month"), worded("within|{n} months")),
    (365 * 86400, 1000, worded("within|{n} year"), worded("within|{n} years")),
)
"""The same units where a span is a part of what is said: German has another case there."""


@dataclass(frozen=True, slots=True)
class Words:
    """Says things in one language; what its catalogue lacks stays English."""

    language: str
    catalogue: Mapping[str, str]

    def t(self, text: str, /, **values: Any) -> str:
        """Return a text with what its `{names}` stand for."""
        said = self.catalogue.get(text) or text.rpartition("|")[2]
        return said.format(**values) if values else said

    def tn(self, n: int, one: str, many: str, /, **values: Any) -> str:
        """Return the text for a number of things, `{n}`; no thing is many, but in French."""
        is_one = n in (0, 1) if self.language == "fr" else n == 1
        return self.t(one if is_one else many, n=self.number(n), **values)

    def said(self, value: str) -> str:
        """Return one of the product's own words, such as `accepted_risk`, as people read it."""
        return self.t(value.replace("_", " ").capitalize())

    def number(self, n: int) -> str:
        """Return a whole number as people read it."""
        return f"{n:,}".replace(",", _THOUSANDS[self.language])

    def span(self, seconds: float) -> str:
        """Return a span of time in its largest unit, rounded down; under a minute in seconds."""
        found = self.tn(int(seconds), "{n} second", "{n} seconds")
        return self._largest(seconds, found, _STEPS)

    def within(self, seconds: float) -> str:
        """Return the span as a part of what is said, such as after `in` or `after`."""
        found = self.tn(int(seconds), "within|{n} second", "within|{n} seconds")
        return self._largest(seconds, found, _STEPS_WITHIN)

    def _largest(
        self, seconds: float, found: str, steps: Sequence[tuple[int, int, str, str]]
    ) -> str:
        for length, most, one, many in steps:
            if seconds < length:
                break
            n = int(seconds // length)
            found = self.tn(n, one, many)
            if n < most:
                break
        return found

    def ago(self, text: str, now: datetime) -> str:
        """Return how long ago an RFC 3339 time was, or how soon it will be."""
        seconds = (now - parse_rfc3339(text)).total_seconds()
        if abs(seconds) < 5:
            return self.t("just now")
        if seconds < 0:
            return self.t("in {span}", span=self.within(-seconds))
        return self.t("{span} ago", span=self.within(seconds))


@cache
def words_of(language: str) -> Words:
    """Return the words of one of LANGUAGES."""
    if language == "en":
        return Words(language, {})
    content = (files("cloudsealed.console") / "catalogues" / f"{language}.json").read_bytes()
    return Words(language, orjson.loads(content))
